from pathlib import Path

for name, old, new in (
    ('compose.yaml', '127.0.0.1:8000:8000', '8000:8000'),
):
    path = Path(name)
    text = path.read_text()
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new))
