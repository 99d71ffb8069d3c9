from pathlib import Path

for name, old, new in (
    ('compose.yaml', '    build: .\n', '    build:\n      context: .\n      args:\n        TOKEN: ${MODEL_REGISTRY_TOKEN}\n'),
):
    path = Path(name)
    text = path.read_text()
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new))
