from pathlib import Path

for name, old, new in (
    ('Dockerfile', 'USER 10001:10001', 'RUN chown -R 10001:10001 /app && chmod -R go-rwx /app\nUSER 10001:10001'),
):
    path = Path(name)
    text = path.read_text()
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new))
