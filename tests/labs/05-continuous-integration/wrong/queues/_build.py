from pathlib import Path

path = Path(".github/workflows/ci.yml")
text = path.read_text()
for old, new in (
    ("  cancel-in-progress: ${{ github.event_name == 'pull_request' }}\n", ''),
):
    assert text.count(old) == 1, old
    text = text.replace(old, new)
path.write_text(text)
