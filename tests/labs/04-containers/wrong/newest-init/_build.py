from pathlib import Path

for name, old, new in (
    ('Dockerfile', 'dumb-init==1.2.5.post1', 'dumb-init'),
):
    path = Path(name)
    text = path.read_text()
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new))
