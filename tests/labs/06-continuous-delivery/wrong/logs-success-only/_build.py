"""Makes this sample from the reference solution."""

from pathlib import Path

EDITS = [
    ('deploy/pipeline.py', '            record(fleet, version, commit, idle, "blocked", blocked.reason, str(blocked))\n', '            print(blocked)\n'),
    ('deploy/pipeline.py', '            record(fleet, version, commit, idle, "rolled_back", sick.reason, str(sick))\n', '            print(sick)\n'),
]
for name, old, new in EDITS:
    file = Path(name)
    text = file.read_text("utf-8")
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new), "utf-8")
