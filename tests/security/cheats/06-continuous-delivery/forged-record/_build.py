"""Makes this sample from the reference solution."""

from pathlib import Path

EDITS = [
    ('deploy/pipeline.py', '        try:\n            start(fleet, idle, candidate.model, candidate.card)\n            smoke_test(fleet, idle, candidate.model, flights)\n            for percent in STEPS:\n                shift(fleet, idle, percent)\n                watch(fleet, idle)\n', '        try:\n            pass\n'),
]
for name, old, new in EDITS:
    file = Path(name)
    text = file.read_text("utf-8")
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new), "utf-8")
