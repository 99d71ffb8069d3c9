"""Makes this sample from the reference solution."""

from pathlib import Path

EDITS = [
    ('deploy/pipeline.py', 'next(line for line in reversed(fleet.deployments()) if line["outcome"] in ("promoted", "restored"))', 'fleet.deployments()[-1]'),
]
for name, old, new in EDITS:
    file = Path(name)
    text = file.read_text("utf-8")
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new), "utf-8")
