"""Which wall: the best one that works here."""

from __future__ import annotations

import importlib
import os
import sys

from sandbox.errors import UserError
from sandbox.jail.interface import Jail, JailUnavailable

WALLS = ("bubblewrap", "docker", "process")
_CLASSES = {"bubblewrap": "BubblewrapJail", "docker": "DockerJail", "process": "ProcessJail"}


def open_jail(wall: str = "auto", *, own_work: bool = True) -> Jail:
    """Open a jail behind the wall asked for, or behind the best that works on this machine.

    Args:
        wall: "bubblewrap", "docker", "process", or "auto": the first of these that works. The environment variable
            ``SANDBOX_JAIL`` stands in for "auto".
        own_work: whether the person runs their own work. Somebody else's never runs behind "process".

    Raises:
        JailUnavailable: the wall, or every wall, does not work here; the fix says what to do.
        UserError: no wall has this name.
    """
    asked = os.environ.get("SANDBOX_JAIL", "auto") if wall == "auto" else wall
    if asked == "auto":
        return _first_that_works(own_work)
    if asked not in WALLS:
        raise UserError(f"There is no wall {asked!r}.", f"Choose one of: auto, {', '.join(WALLS)}.")
    if asked == "process" and not own_work:
        raise JailUnavailable(
            "The wall 'process' does not keep anything from a submission, so it is for your own work only.",
            "Grade other people's work behind 'bubblewrap' or 'docker'.",
        )
    return _open(asked)


def _first_that_works(own_work: bool) -> Jail:
    tried: list[str] = []
    advice: list[str] = []
    for wall in WALLS:
        if wall == "process" and not own_work:
            continue
        if wall == "bubblewrap" and not sys.platform.startswith("linux"):
            tried.append("bubblewrap: Linux only")
            continue
        try:
            jail = _open(wall)
        except JailUnavailable as error:
            tried.append(f"{wall}: {error.message}")
            advice.append(f"{wall}: {error.fix}")
            continue
        if wall == "process":
            jail.notice += " Why there is none: make doctor."
        jail.tried = tuple(tried)
        return jail
    raise JailUnavailable(
        "No wall works on this machine.\n" + "\n".join(f"  {line}" for line in tried),
        "One of these is enough:\n" + "\n".join(f"  {line}" for line in advice),
    )


def _open(wall: str) -> Jail:
    module = importlib.import_module(f"sandbox.jail.{wall}")
    jail: Jail = getattr(module, _CLASSES[wall])()
    return jail
