"""Makes this sample from the reference solution."""

from pathlib import Path

EDITS = [
    ('deploy/pipeline.py', '    with alone(fleet):\n        live = in_production(fleet)\n        # A run', '    if True:\n        live = in_production(fleet)\n        # A run'),
    ('deploy/pipeline.py', '            smoke_test(fleet, idle, candidate.model, flights)\n            for percent in STEPS:\n                shift(fleet, idle, percent)\n                watch(fleet, idle)\n', '            smoke_test(fleet, idle, candidate.model, flights)\n            with alone(fleet):\n                for percent in STEPS:\n                    shift(fleet, idle, percent)\n                    watch(fleet, idle)\n'),
]
for name, old, new in EDITS:
    file = Path(name)
    text = file.read_text("utf-8")
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new), "utf-8")
