"""The version of a release is above that of every release before it."""

import subprocess
import sys
from pathlib import Path


def parts(version: str) -> tuple[int, ...]:
    """Numbers, so that 1.10 comes after 1.9."""
    return tuple(int(part) for part in version.strip().removeprefix("v").split("."))


version = Path("VERSION").read_text(encoding="utf-8")
tags = subprocess.run(["git", "tag", "--list", "v*"], capture_output=True, text=True, check=True).stdout.split()
if not tags:
    sys.exit("no tag was fetched: cannot tell which version was released last")
newest = max(tags, key=parts)
if parts(version) <= parts(newest):
    sys.exit(f"VERSION is {version.strip()}, and {newest} is released already")
print(f"{version.strip()} comes after {newest}")
