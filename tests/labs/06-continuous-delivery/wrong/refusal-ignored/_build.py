"""Makes this sample from the reference solution."""

from pathlib import Path

EDITS = [
    ('deploy/pipeline.py', '            if refused.status != 409 or time.monotonic() > end:\n                raise\n            time.sleep(0.3)\n', '            if refused.status != 409:\n                raise\n            break\n'),
    ('deploy/pipeline.py', '        fleet.return_lease()\n', '        try:\n            fleet.return_lease()\n        except Refused:\n            pass\n'),
]
for name, old, new in EDITS:
    file = Path(name)
    text = file.read_text("utf-8")
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new), "utf-8")
