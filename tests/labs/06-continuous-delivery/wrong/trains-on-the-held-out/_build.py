"""Makes this sample from the reference solution."""

from pathlib import Path

EDITS = [
    ('deploy/package.py', 'model = {"version": version, **fit(flights)}', 'model = {"version": version, **fit(flights[:40])}'),
    ('deploy/package.py', '{int(flight["month"]) for flight in flights}', '{int(flight["month"]) for flight in flights[:1]}'),
]
for name, old, new in EDITS:
    file = Path(name)
    text = file.read_text("utf-8")
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new), "utf-8")
