"""One change to the solution."""

from pathlib import Path

path = Path("infra/modules/model-platform/main.tf")
old = '''force_destroy = !var.protect_models'''
new = '''force_destroy = true'''
text = path.read_text()
assert text.count(old) == 1
path.write_text(text.replace(old, new))
