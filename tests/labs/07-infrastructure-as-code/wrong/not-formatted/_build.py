"""One change to the solution."""

from pathlib import Path

path = Path("infra/environments/dev/main.tf")
old = '''  environment          = "dev"'''
new = '''  environment = "dev"'''
text = path.read_text()
assert text.count(old) == 1
path.write_text(text.replace(old, new))
