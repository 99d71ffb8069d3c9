"""One change to the solution."""

from pathlib import Path

path = Path("infra/environments/prod/main.tf")
old = '''    use_lockfile = true
'''
new = '''    use_lockfile = false
'''
text = path.read_text()
assert text.count(old) == 1
path.write_text(text.replace(old, new))
