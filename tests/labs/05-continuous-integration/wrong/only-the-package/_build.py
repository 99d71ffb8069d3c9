from pathlib import Path

path = Path(".github/workflows/ci.yml")
text = path.read_text()
for old, new in (
    ('ruff check .', 'ruff check flightdelay tests'),
    ('      - run: mypy\n', '      - run: mypy flightdelay\n'),
):
    assert text.count(old) == 1, old
    text = text.replace(old, new)
path.write_text(text)
