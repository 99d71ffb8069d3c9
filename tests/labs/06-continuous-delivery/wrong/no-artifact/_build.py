"""Makes this sample from the reference solution."""

from pathlib import Path

EDITS = [
    ('.github/workflows/cd.yml', 'build candidate', 'build /tmp/candidate'),
    ('.github/workflows/cd.yml', '          path: candidate\n          if-no-files-found: error\n', '          path: candidate\n'),
    ('.github/workflows/cd.yml', 'deploy handed-over', 'deploy /tmp/candidate'),
]
for name, old, new in EDITS:
    file = Path(name)
    text = file.read_text("utf-8")
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new), "utf-8")
