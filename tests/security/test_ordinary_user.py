"""The promises of the jail once more, as an ordinary user, where the tests run as root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UID = "54321"
# In a mount namespace of its own, so that nothing changes outside: where the interpreter lies in a folder that only
# root may enter, an empty folder that all may enter is laid over that one, with the interpreter in its place.
SCRIPT = """set -e
if [ -n "$2" ]; then
    aside=$(mktemp -d)
    mount --bind "$1" "$aside"
    mount -t tmpfs -o mode=755 tmpfs "$2"
    mkdir -p "$1"
    mount --bind "$aside" "$1"
fi
home=$3; shift 3
exec setpriv --reuid UID --regid UID --clear-groups env HOME="$home" TMPDIR="$home" "$@"
"""


def _closed_folder(path: Path) -> str:
    """The topmost folder above ``path`` that others may not enter; "" where there is none."""
    return next((str(folder) for folder in reversed(path.parents) if not folder.stat().st_mode & 0o001), "")


@pytest.mark.slow
def test_every_promise_of_bubblewrap_holds_for_an_ordinary_user() -> None:
    if os.geteuid() != 0:
        pytest.skip("the other tests run as an ordinary user already")
    if not shutil.which("setpriv") or not shutil.which("unshare"):
        pytest.skip("setpriv and unshare (util-linux) are needed to become another user")
    if _closed_folder(ROOT / "x"):
        pytest.skip(f"an ordinary user may not enter {_closed_folder(ROOT / 'x')}, where the course lies")
    base = Path(sys.base_prefix).resolve()
    with tempfile.TemporaryDirectory(prefix="user-") as home:
        os.chown(home, int(UID), int(UID))
        files = [str(ROOT / "tests" / "security" / f"test_{name}.py") for name in ("jail", "attacks", "git")]
        enter = [
            "unshare",
            "-m",
            "sh",
            "-c",
            SCRIPT.replace("UID", UID),
            "sh",
            str(base),
            _closed_folder(base / "x"),
            home,
        ]
        run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "slow or not slow"]
        choose = ["-k", "bubblewrap", "--basetemp", f"{home}/pytest", *files]
        done = subprocess.run(
            [*enter, *run, *choose],
            cwd=ROOT,
            capture_output=True,
            text=True,
            env={**os.environ, "SANDBOX_REQUIRE": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        )
        if "unshare" in done.stderr and "Operation not permitted" in done.stderr:
            pytest.skip(f"no mount namespace here: {done.stderr.strip()}")
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        assert " passed" in done.stdout or "[100%]" in done.stdout
