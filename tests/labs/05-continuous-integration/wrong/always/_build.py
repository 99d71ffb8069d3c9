from pathlib import Path

path = Path(".github/workflows/ci.yml")
text = path.read_text()
for old, new in (
    ('    needs: [files, static, tests]\n', '    needs: [files, static, tests]\n    if: always()\n'),
):
    assert text.count(old) == 1, old
    text = text.replace(old, new)
path.write_text(text)
