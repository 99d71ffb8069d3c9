from pathlib import Path

path = Path(".github/workflows/ci.yml")
text = path.read_text()
for old, new in (
    ('      - run: mypy\n', '     - run: mypy\n'),
):
    assert text.count(old) == 1, old
    text = text.replace(old, new)
path.write_text(text)
