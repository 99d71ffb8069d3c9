"""One change to the solution."""

from pathlib import Path

path = Path("infra/modules/model-platform/variables.tf")
old = '''destroyed while a model is in it."
  type        = bool
  default     = true'''
new = '''destroyed while a model is in it."
  type        = bool
  default     = false'''
text = path.read_text()
assert text.count(old) == 1
path.write_text(text.replace(old, new))
