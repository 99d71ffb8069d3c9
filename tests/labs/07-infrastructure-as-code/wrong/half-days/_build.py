"""One change to the solution."""

from pathlib import Path

path = Path("infra/modules/model-platform/variables.tf")
old = ''' && floor(var.model_retention_days) == var.model_retention_days'''
new = ''''''
text = path.read_text()
assert text.count(old) == 1
path.write_text(text.replace(old, new))
