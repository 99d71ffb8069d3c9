from pathlib import Path

path = Path(".github/workflows/ci.yml")
text = path.read_text()
for old, new in (
    ('actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2', 'actions/upload-artifact@v4'),
):
    assert text.count(old) == 1, old
    text = text.replace(old, new)
path.write_text(text)
