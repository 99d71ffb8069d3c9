from pathlib import Path

for name, old, new in (
    ('Dockerfile', 'CMD ["python", "-m", "service"]', 'COPY docker/actor.py /actor.py\nCMD ["python", "/actor.py"]'),
    ('.dockerignore', '!model\n', '!model\n!docker\n'),
):
    path = Path(name)
    text = path.read_text()
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new))
