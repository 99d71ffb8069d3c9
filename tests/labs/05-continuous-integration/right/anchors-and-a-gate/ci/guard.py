"""What no tool of the project sees."""

import os
import re
import subprocess
import sys
from pathlib import Path

PATTERNS = [rb"AKIA[0-9A-Z]{16}", rb"ghp_[0-9A-Za-z]{36}", rb"-----BEGIN [A-Z ]*PRIVATE KEY-----"]
names = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True).stdout.split(b"\0")
bad: list[str] = []
for raw in filter(None, names):
    path = Path(os.fsdecode(raw))
    data = path.read_bytes()
    if path.suffix.lower() == ".ipynb" or len(data) > 500_000 or any(re.search(p, data) for p in PATTERNS):
        bad.append(str(path))
if os.environ["RELEASE"] == "true":
    new = tuple(map(int, Path("VERSION").read_text().strip().split(".")))
    command = ["git", "for-each-ref", "--format=%(refname:short)", "refs/tags"]
    out = subprocess.run(command, capture_output=True, text=True, check=True)
    released = [tuple(map(int, t[1:].split("."))) for t in out.stdout.split() if re.fullmatch(r"v\d+\.\d+\.\d+", t)]
    if not released or new <= max(released):
        bad.append(f"VERSION {new}")
for each in bad:
    print(f"::error::{each}")
sys.exit(1 if bad else 0)
