"""A release is newer than every tag."""

import re
import subprocess
from pathlib import Path

tags = subprocess.check_output(["git", "tag"], text=True)
known = [tuple(int(n) for n in match) for match in re.findall(r"^v(\d+)\.(\d+)\.(\d+)$", tags, re.M)]
current = tuple(int(n) for n in Path("VERSION").read_text(encoding="utf-8").strip().split("."))
if not known:
    raise SystemExit("no tags")
if current <= max(known):
    raise SystemExit(f"{current} is not above {max(known)}")
