"""Makes this sample from the reference solution."""

from pathlib import Path

EDITS = [
    ('deploy/gates.py', 'here, there = model_auc(new, flights), model_auc(old, flights)', 'here, there = candidate.papers["metrics"]["auc"], model_auc(old, flights)'),
]
for name, old, new in EDITS:
    file = Path(name)
    text = file.read_text("utf-8")
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new), "utf-8")
