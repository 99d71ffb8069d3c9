import os
import subprocess
import sys
from pathlib import Path

files = [Path(name) for name in subprocess.check_output(["git", "ls-files", "-z"], text=True).split("\0") if name]
wrong = [f"{f} is a notebook" for f in files if f.suffix == ".ipynb"]
wrong += [f"{f} is large" for f in files if f.stat().st_size > 500_000]
if subprocess.run([sys.executable, "tools/scan_secrets.py", *map(str, files)]).returncode:
    wrong.append("a secret is committed")
if os.environ["TARGET"].startswith("release/"):
    from packaging.version import Version

    tags = subprocess.check_output(["git", "tag"], text=True).split()
    if Version(Path("VERSION").read_text().strip()) <= max(map(Version, tags)):
        wrong.append("this version is not new")
print("\n".join(wrong))
sys.exit(bool(wrong))
