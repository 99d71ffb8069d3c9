from pathlib import Path

for name, old, new in (
    ('Dockerfile', ' \\\n      org.opencontainers.image.source="https://git.example.org/flight-delay"', ''),
):
    path = Path(name)
    text = path.read_text()
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new))
