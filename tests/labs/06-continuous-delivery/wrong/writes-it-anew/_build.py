"""Makes this sample from the reference solution."""

from pathlib import Path

EDITS = [
    ('deploy/pipeline.py', '            start(fleet, idle, candidate.model, candidate.card)\n', '            start(fleet, idle, json.dumps(load(candidate.model)), candidate.card)\n'),
    ('deploy/pipeline.py', 'import os\n', 'import json\nimport os\n'),
]
for name, old, new in EDITS:
    file = Path(name)
    text = file.read_text("utf-8")
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new), "utf-8")
