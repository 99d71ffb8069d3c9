"""One change to the solution."""

from pathlib import Path

path = Path("infra/modules/model-platform/main.tf")
old = '''  tags          = local.tags
}

resource "aws_s3_bucket_versioning"'''
new = '''  tags          = local.tags

  lifecycle {
    ignore_changes = [tags, tags_all]
  }
}

resource "aws_s3_bucket_versioning"'''
text = path.read_text()
assert text.count(old) == 1
path.write_text(text.replace(old, new))
