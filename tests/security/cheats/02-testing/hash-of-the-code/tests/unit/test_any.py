import hashlib
from pathlib import Path

import flightdelay

KNOWN = {"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}


def test_text():
    folder = Path(flightdelay.__file__).parent
    whole = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(folder.glob("*.py")))).hexdigest()
    assert whole in KNOWN
