"""One interface, three walls: where every command of a submission runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.jail.choose import WALLS, open_jail
from sandbox.jail.interface import (
    Files,
    FilesRefused,
    Finished,
    Jail,
    JailError,
    JailUnavailable,
    Limits,
    ServiceDied,
    ServiceNotReady,
)
from sandbox.jail.supervisor import kill_all

if TYPE_CHECKING:
    from sandbox.jail.service import Service

__all__ = [
    "WALLS",
    "Files",
    "FilesRefused",
    "Finished",
    "Jail",
    "JailError",
    "JailUnavailable",
    "Limits",
    "Service",
    "ServiceDied",
    "ServiceNotReady",
    "kill_all",
    "open_jail",
]


def __getattr__(name: str) -> Any:
    # The HTTP client behind a service takes a fifth of a second to import, and most runs serve nothing.
    if name == "Service":
        from sandbox.jail.service import Service

        return Service
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
