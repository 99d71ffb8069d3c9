"""One change to the solution."""

from pathlib import Path

path = Path("infra/modules/model-platform/main.tf")
old = '''    Owner       = var.owner
'''
new = '''    Owner       = var.owner
    AppliedAt   = timestamp()
'''
text = path.read_text()
assert text.count(old) == 1
path.write_text(text.replace(old, new))
