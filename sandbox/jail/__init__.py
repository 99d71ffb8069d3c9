"""One interface, three walls: where every command of a submission runs."""

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
from sandbox.jail.service import Service
from sandbox.jail.supervisor import kill_all

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
