"""One change to the solution."""

from pathlib import Path

path = Path("infra/modules/model-platform/variables.tf")
old = '''var.model_retention_days >= 7 '''
new = '''var.model_retention_days >= 6 '''
text = path.read_text()
assert text.count(old) == 1
path.write_text(text.replace(old, new))
