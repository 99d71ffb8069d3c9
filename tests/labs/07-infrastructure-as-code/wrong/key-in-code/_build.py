"""One change to the solution."""

from pathlib import Path

path = Path("infra/environments/dev/main.tf")
old = '''provider "aws" {
  region = "eu-west-1"
'''
new = '''provider "aws" {
  region     = "eu-west-1"
  access_key = "AKIAIOSFODNN7EXAMPLE"
  secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
'''
text = path.read_text()
assert text.count(old) == 1
path.write_text(text.replace(old, new))
