from pathlib import Path

path = Path(".github/workflows/ci.yml")
text = path.read_text()
for old, new in (
    ('        env:\n          REGISTRY_TOKEN: ${{ secrets.REGISTRY_TOKEN }}\n', ''),
    ('jobs:\n', 'env:\n  REGISTRY_TOKEN: ${{ secrets.REGISTRY_TOKEN }}\n\njobs:\n'),
):
    assert text.count(old) == 1, old
    text = text.replace(old, new)
path.write_text(text)
