from pathlib import Path

path = Path(".github/workflows/ci.yml")
text = path.read_text()
for old, new in (
    ('    name: Style and types\n', '    name: Style and types\n    permissions:\n      contents: write\n'),
):
    assert text.count(old) == 1, old
    text = text.replace(old, new)
path.write_text(text)
