from pathlib import Path

path = Path(".github/workflows/ci.yml")
text = path.read_text()
for old, new in (
    ('      - run: pytest --cov --cov-fail-under=90\n', '      - run: pytest --cov --cov-fail-under=90 | tee report.txt\n        shell: sh\n'),
):
    assert text.count(old) == 1, old
    text = text.replace(old, new)
path.write_text(text)
