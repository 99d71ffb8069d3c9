"""Makes this sample from the reference solution."""

from pathlib import Path

EDITS = [
    ('deploy/package.py', 'sorted({int(flight["month"]) for flight in flights})', '[1, 2, 3, 4, 5, 6]'),
]
for name, old, new in EDITS:
    file = Path(name)
    text = file.read_text("utf-8")
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new), "utf-8")
