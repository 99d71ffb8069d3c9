"""One change to the solution."""

from pathlib import Path

path = Path("infra/modules/model-platform/main.tf")
old = '''Resource = aws_ssm_parameter.live_version.arn'''
new = '''Resource = "*"'''
text = path.read_text()
assert text.count(old) == 1
path.write_text(text.replace(old, new))
