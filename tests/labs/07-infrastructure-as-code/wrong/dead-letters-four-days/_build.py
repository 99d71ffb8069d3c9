"""One change to the solution."""

from pathlib import Path

path = Path("infra/modules/model-platform/main.tf")
old = '''message_retention_seconds = 1209600'''
new = '''message_retention_seconds = 345600'''
text = path.read_text()
assert text.count(old) == 1
path.write_text(text.replace(old, new))
