"""Makes this sample from the reference solution."""

from pathlib import Path

EDITS = [
    ('deploy/pipeline.py', '    if state != "ready":\n        raise Sick("start", f"it is {state} in {slot}")\n', ''),
    ('deploy/pipeline.py', '    while (state := fleet.slots()[slot]["state"]) == "starting" and time.monotonic() < end:\n        time.sleep(0.05)\n', ''),
    ('deploy/pipeline.py', '    end = time.monotonic() + START_S\n', ''),
    ('deploy/pipeline.py', '            smoke_test(fleet, idle, candidate.model, flights)\n', ''),
]
for name, old, new in EDITS:
    file = Path(name)
    text = file.read_text("utf-8")
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new), "utf-8")
