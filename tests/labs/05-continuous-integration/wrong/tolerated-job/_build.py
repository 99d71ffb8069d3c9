from pathlib import Path

path = Path(".github/workflows/ci.yml")
text = path.read_text()
for old, new in (
    ('    timeout-minutes: 15\n    strategy:\n', '    timeout-minutes: 15\n    continue-on-error: true\n    strategy:\n'),
):
    assert text.count(old) == 1, old
    text = text.replace(old, new)
path.write_text(text)
