"""The course site, built from the docs into ``.sandbox/site`` when they have changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from sandbox.course import digest_of
from sandbox.runtime.processes import tail
from sandbox.runtime.settings import Settings, StackError

# What pages are made from: their text, the labs that heads are made from, the code that reference pages show.
SOURCES = ("docs", "mkdocs.yml", "labs", "solutions", "sandbox")


def is_current(settings: Settings) -> bool:
    """Is the built site that of the sources as they are?"""
    stamp = _stamp(settings)
    return (
        (settings.site / "index.html").is_file() and stamp.is_file() and stamp.read_text("utf-8") == _digest(settings)
    )


def build(settings: Settings) -> None:
    """Build the site; the old one stays until the new one is whole.

    Raises:
        StackError: MkDocs refused; carries the end of its output.
    """
    new, old = settings.site.with_name("site.new"), settings.site.with_name("site.old")
    digest = _digest(settings)
    for folder in (new, old):
        shutil.rmtree(folder, ignore_errors=True)
    settings.state.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--quiet",
        "--no-strict",
        "--config-file",
        str(settings.root / "mkdocs.yml"),
    ]
    done = subprocess.run(
        [*command, "--site-dir", str(new)], cwd=settings.root, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        raise StackError(
            f"The course site could not be built:\n{tail(done.stdout + done.stderr)}", "See it all: make docs"
        )
    if settings.site.exists():
        settings.site.rename(old)
    new.rename(settings.site)
    shutil.rmtree(old, ignore_errors=True)
    _stamp(settings).write_text(digest, "utf-8")


def _stamp(settings: Settings) -> Path:
    return settings.state / "site.digest"


def _digest(settings: Settings) -> str:
    paths = [settings.root / name for name in SOURCES]
    return digest_of([path for path in paths if path.exists()])
