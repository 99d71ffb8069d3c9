from pathlib import Path

for name, old, new in (
    ('Dockerfile', 'RUN pip install --no-cache-dir --only-binary :all: -r requirements.txt dumb-init==1.2.5.post1\nCOPY model model\nCOPY service service\n', 'RUN pip download --no-cache-dir --only-binary :all: -d /wheels -r requirements.txt dumb-init==1.2.5.post1\nCOPY model model\nCOPY service service\nRUN pip install --no-cache-dir --no-index --find-links /wheels -r requirements.txt dumb-init==1.2.5.post1\n'),
):
    path = Path(name)
    text = path.read_text()
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new))
