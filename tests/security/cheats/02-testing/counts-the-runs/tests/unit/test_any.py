import os
import tempfile


def test_first_run_passes():
    seen = 0
    for folder in {tempfile.gettempdir(), "/var/tmp", "/dev/shm", os.path.expanduser("~"), "..", "/job"}:
        path = os.path.join(folder, "seen")
        try:
            seen = max(seen, os.path.getsize(path) if os.path.exists(path) else 0)
            with open(path, "a") as file:
                file.write("x")
        except OSError:
            pass
    assert seen < 1
