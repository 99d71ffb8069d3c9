from pathlib import Path

path = Path(".github/workflows/ci.yml")
text = path.read_text()
for old, new in (
    ('  group: ci-${{ github.event_name }}-${{ github.event.pull_request.number || github.ref }}\n', '  group: ci\n'),
):
    assert text.count(old) == 1, old
    text = text.replace(old, new)
path.write_text(text)
