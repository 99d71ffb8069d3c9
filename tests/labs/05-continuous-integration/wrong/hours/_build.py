from pathlib import Path

path = Path(".github/workflows/ci.yml")
text = path.read_text()
for old, new in (
    ('    name: Train and evaluate\n    needs: [files, static, tests]\n    runs-on: ubuntu-latest\n    timeout-minutes: 15\n', '    name: Train and evaluate\n    needs: [files, static, tests]\n    runs-on: ubuntu-latest\n'),
):
    assert text.count(old) == 1, old
    text = text.replace(old, new)
path.write_text(text)
