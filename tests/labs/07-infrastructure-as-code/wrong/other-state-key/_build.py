"""One change to the solution."""

from pathlib import Path

path = Path("infra/environments/dev/main.tf")
old = '''key          = "dev/terraform.tfstate"'''
new = '''key          = "dev/platform.tfstate"'''
text = path.read_text()
assert text.count(old) == 1
path.write_text(text.replace(old, new))
