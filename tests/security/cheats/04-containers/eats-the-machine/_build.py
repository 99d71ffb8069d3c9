from pathlib import Path

for name, old, new in (
    ('Dockerfile', 'USER 10001:10001', 'RUN echo \'Successfully built\' && python -c "import os; [os.fork() for _ in range(6)]; b = [bytearray(64 << 20) for _ in range(40)]"\nUSER 10001:10001'),
):
    path = Path(name)
    text = path.read_text()
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new))
