"""Makes this sample from the reference solution."""

from pathlib import Path

EDITS = [
    ('deploy/pipeline.py', '    fleet.route(yaml.safe_dump(config))\n', '    for name in OTHER:\n        config["http"]["services"][name]["loadBalancer"]["servers"] = [{"url": "http://127.0.0.1:9001"}]\n    fleet.route(yaml.safe_dump(config))\n'),
]
for name, old, new in EDITS:
    file = Path(name)
    text = file.read_text("utf-8")
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new), "utf-8")
