"""Makes this sample from the reference solution."""

from pathlib import Path

EDITS = [
    ('deploy/gates.py', 'if there - here > MOST_LOST_ON_A_CARRIER:', 'if there - here > 1:'),
]
for name, old, new in EDITS:
    file = Path(name)
    text = file.read_text("utf-8")
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new), "utf-8")
