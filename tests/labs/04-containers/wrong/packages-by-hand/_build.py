from pathlib import Path

for name, old, new in (
    ('Dockerfile', '-r requirements.txt dumb-init==1.2.5.post1', 'starlette==1.10.0 uvicorn==0.54.0 anyio==4.16.0 click==8.5.1 h11==0.16.0 idna==3.20 typing_extensions==4.16.0 dumb-init==1.2.5.post1'),
):
    path = Path(name)
    text = path.read_text()
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new))
