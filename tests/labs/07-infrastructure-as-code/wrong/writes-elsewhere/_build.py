"""One change to the solution."""

from pathlib import Path

path = Path("infra/modules/model-platform/main.tf")
old = '''      {
        # This call knows'''
new = '''      {
        Sid      = "Reports"
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = "${aws_s3_bucket.models.arn}/reports/*"
      },
      {
        # This call knows'''
text = path.read_text()
assert text.count(old) == 1
path.write_text(text.replace(old, new))
