from pathlib import Path

for name, old, new in (
    ('Dockerfile', 'CMD ["python", "-m", "service"]', 'CMD ["python", "-m", "uvicorn", "service.app:app", "--host", "0.0.0.0", "--port", "8000"]'),
):
    path = Path(name)
    text = path.read_text()
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new))
