"""Makes this sample from the reference solution."""

from pathlib import Path

EDITS = [
    ('deploy/pipeline.py', 'MOST_GROWTH_MB = 0.01, 200, 30', 'MOST_GROWTH_MB = 0.01, 200, 1e9'),
]
for name, old, new in EDITS:
    file = Path(name)
    text = file.read_text("utf-8")
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new), "utf-8")
