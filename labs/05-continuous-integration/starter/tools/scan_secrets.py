"""Look for credentials in files: `python tools/scan_secrets.py FILE…`. Exit status 1 where one is found.

It knows the shapes of the keys that this team uses. It reads the files it is given, and no others.
"""

import re
import sys
from pathlib import Path

SHAPES = {
    "an access key of a cloud account": re.compile(r"\bAKIA[0-9A-Z]{16}\b"),
    "a token of a code host": re.compile(r"\bghp_[0-9A-Za-z]{36}\b"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
}


def scan(path: Path) -> list[str]:
    """What one file holds that it should not. The secret itself is not repeated."""
    text = path.read_bytes().decode("utf-8", "replace")
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        found += [f"{path}:{number}: {what}" for what, shape in SHAPES.items() if shape.search(line)]
    return found


def main(names: list[str]) -> int:
    """Scan the named files."""
    found = [line for name in names for line in scan(Path(name))]
    print("\n".join(found) if found else f"{len(names)} files, no secret found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
