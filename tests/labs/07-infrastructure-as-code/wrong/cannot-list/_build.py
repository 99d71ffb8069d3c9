"""One change to the solution."""

from pathlib import Path

path = Path("infra/modules/model-platform/main.tf")
old = '''Action   = "s3:ListBucket"'''
new = '''Action   = "s3:GetBucketLocation"'''
text = path.read_text()
assert text.count(old) == 1
path.write_text(text.replace(old, new))
