"""The promises of the jail once more, as an ordinary user, where the tests run as root."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UID = "54321"


def _enter(home: str) -> list[str]:
    """The words before a command that run it as an ordinary user.

    In a mount namespace of its own, so that nothing changes outside: where the interpreter or the course lies in a folder
    that only root may enter, an empty folder that all may enter is laid over that one, with what is needed in its place.
    """
    wanted = {path: _closed_folder(path / "x") for path in (Path(sys.base_prefix).resolve(), ROOT)}
    hidden = {path: closed for path, closed in wanted.items() if closed}
    lines = ["set -e"]
    for number, path in enumerate(hidden):
        lines += [f"mkdir {home}/aside{number}", f"mount --bind {shlex.quote(str(path))} {home}/aside{number}"]
    lines += [f"mount -t tmpfs -o mode=755 tmpfs {shlex.quote(closed)}" for closed in sorted(set(hidden.values()))]
    for number, path in enumerate(hidden):
        place = shlex.quote(str(path))
        lines += [f"mkdir -p {place}", f"mount --bind {home}/aside{number} {place}"]
    lines += [f"cd {shlex.quote(str(ROOT))}"]
    user = f"setpriv --reuid {UID} --regid {UID} --clear-groups env HOME={home} TMPDIR={home}"
    return ["unshare", "-m", "sh", "-c", "\n".join([*lines, f'exec {user} "$@"']), "sh"]


def _closed_folder(path: Path) -> str:
    """The topmost folder above ``path`` that others may not enter; "" where there is none."""
    return next((str(folder) for folder in reversed(path.parents) if not folder.stat().st_mode & 0o001), "")


@pytest.mark.slow
def test_every_promise_of_bubblewrap_holds_for_an_ordinary_user() -> None:
    if os.geteuid() != 0:
        pytest.skip("the other tests run as an ordinary user already")
    if not shutil.which("setpriv") or not shutil.which("unshare"):
        pytest.skip("setpriv and unshare (util-linux) are needed to become another user")
    with tempfile.TemporaryDirectory(prefix="user-") as home:
        os.chown(home, int(UID), int(UID))
        files = [str(ROOT / "tests" / "security" / f"test_{name}.py") for name in ("jail", "attacks", "git")]
        run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "slow or not slow"]
        choose = ["-k", "bubblewrap", "--basetemp", f"{home}/pytest", *files]
        done = subprocess.run(
            [*_enter(home), *run, *choose],
            cwd=ROOT,
            capture_output=True,
            text=True,
            env={**os.environ, "SANDBOX_REQUIRE": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        )
        if "unshare" in done.stderr and "Operation not permitted" in done.stderr:
            pytest.skip(f"no mount namespace here: {done.stderr.strip()}")
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        assert " passed" in done.stdout or "[100%]" in done.stdout
