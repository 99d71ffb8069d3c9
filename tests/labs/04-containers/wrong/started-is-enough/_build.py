from pathlib import Path

for name, old, new in (
    ('compose.yaml', '    depends_on:\n      api:\n        condition: service_healthy\n', '    depends_on: [api]\n'),
):
    path = Path(name)
    text = path.read_text()
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new))
