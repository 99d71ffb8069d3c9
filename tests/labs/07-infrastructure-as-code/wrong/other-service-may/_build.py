"""One change to the solution."""

from pathlib import Path

path = Path("infra/modules/model-platform/main.tf")
old = '''Principal = { Service = "ecs-tasks.amazonaws.com" }'''
new = '''Principal = { Service = ["ecs-tasks.amazonaws.com", "ec2.amazonaws.com"] }'''
text = path.read_text()
assert text.count(old) == 1
path.write_text(text.replace(old, new))
