"""A program that its makers publish as one file in a container image: taken out of the image, it runs without a container.

So it goes behind the jail's walls like any installed program, which a container of its own could not.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

PULL_S = 300.0
"""Seconds that an engine gets to fetch the image."""


def take_out(docker: tuple[str, ...], image: str, inside: str, target: Path) -> bool:
    """Copy the file ``inside`` of an image to ``target``; the image is fetched where the engine lacks it.

    Args:
        docker: how to call Docker's client.
        inside: an absolute path in the image.

    Returns:
        Whether ``target`` is there now. Where not, the image cannot be had, or has no such file.
    """

    def run(*words: str, timeout_s: float = 60.0) -> str | None:
        try:
            done = subprocess.run(
                [*docker, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    if run("image", "inspect", "--format", "{{.Id}}", image) is None:
        run("pull", "--quiet", image, timeout_s=PULL_S)
    # It is never started; the command is there for images that name none.
    container = run("create", image, inside)
    if not container:
        return False
    part = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if run("cp", f"{container}:{inside}", str(part)) is None:
            return False
        part.chmod(0o755)
        part.replace(target)
        return True
    except OSError:
        return False
    finally:
        part.unlink(missing_ok=True)
        run("rm", container)
