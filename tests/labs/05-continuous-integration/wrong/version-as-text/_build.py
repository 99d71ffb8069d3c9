from pathlib import Path

path = Path("ci/check_version.py")
text = path.read_text()
for old, new in (
    ('tuple(int(part) for part in version.strip().removeprefix("v").split("."))', 'tuple(version.strip().removeprefix("v").split("."))'),
):
    assert text.count(old) == 1, old
    text = text.replace(old, new)
path.write_text(text)
