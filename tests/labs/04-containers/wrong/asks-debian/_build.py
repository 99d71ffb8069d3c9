from pathlib import Path

for name, old, new in (
    ('Dockerfile', 'COPY requirements.txt .\n', 'RUN apt-get update && apt-get install --yes --no-install-recommends tini && rm -rf /var/lib/apt/lists/*\nCOPY requirements.txt .\n'),
):
    path = Path(name)
    text = path.read_text()
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new))
