from pathlib import Path

for name, old, new in (
    ('Dockerfile', 'COPY model model\nCOPY service service\n', 'COPY . .\nRUN rm -rf .env .git tests\n'),
):
    path = Path(name)
    text = path.read_text()
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new))
