from pathlib import Path

for name, old, new in (
    ('Dockerfile', 'USER 10001:10001', 'COPY docker/start.sh /start.sh\nRUN chown 10001:10001 /app\nUSER 10001:10001'),
    ('Dockerfile', 'CMD ["python", "-m", "service"]', 'CMD ["sh", "/start.sh"]'),
    ('.dockerignore', '!model\n', '!model\n!docker\n'),
):
    path = Path(name)
    text = path.read_text()
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new))
