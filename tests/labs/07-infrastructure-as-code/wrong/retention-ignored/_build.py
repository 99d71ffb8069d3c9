"""One change to the solution."""

from pathlib import Path

path = Path("infra/modules/model-platform/main.tf")
old = '''noncurrent_days = var.model_retention_days'''
new = '''noncurrent_days = 30'''
text = path.read_text()
assert text.count(old) == 1
path.write_text(text.replace(old, new))
