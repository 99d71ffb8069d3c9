from pathlib import Path

for name, old, new in (
    ('compose.yaml', '    ports:\n', '    port:\n'),
):
    path = Path(name)
    text = path.read_text()
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new))
