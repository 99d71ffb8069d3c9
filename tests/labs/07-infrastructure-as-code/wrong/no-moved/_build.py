"""One change to the solution."""

from pathlib import Path

path = Path("infra/environments/prod/main.tf")
old = '''moved {
  from = aws_s3_bucket.model_store
  to   = module.platform.aws_s3_bucket.models
}
'''
new = ''''''
text = path.read_text()
assert text.count(old) == 1
path.write_text(text.replace(old, new))
