from pathlib import Path

for name, old, new in (
    ('Dockerfile', 'RUN pip install', 'RUN cd /app && pip install'),
):
    path = Path(name)
    text = path.read_text()
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new))
