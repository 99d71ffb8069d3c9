"""Start, stop and tell the sandbox: the model service and what runs beside it, on Docker or as local processes.

``up``, ``down``, ``report`` and ``logs`` are the commands of the same meaning (``lab start``, ``stop``, ``status``,
``logs``) and print; :class:`Stack` does the work without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sandbox.runtime.progress import Printed, Progress, Silent, Told
from sandbox.runtime.settings import Settings, StackError, read_settings
from sandbox.runtime.stack import Stack
from sandbox.runtime.status import Status, UnitStatus
from sandbox.runtime.up import EXAMPLE, Up, down, logs, predict, prepare_model, report, up

if TYPE_CHECKING:
    from sandbox.course import Course

__all__ = [
    "EXAMPLE",
    "Printed",
    "Progress",
    "Settings",
    "Silent",
    "Stack",
    "StackError",
    "Status",
    "Told",
    "UnitStatus",
    "Up",
    "down",
    "logs",
    "predict",
    "prepare_model",
    "read_settings",
    "report",
    "start",
    "status",
    "stop",
    "up",
]


def start(
    course: Course,
    runtime: str = "auto",
    profiles: Sequence[str] = (),
    on_event: Callable[[str], None] | None = None,
) -> Status:
    """Start the stack alone: no model is prepared, no site is built. See :meth:`Stack.start`."""
    return Stack(course).start(runtime, profiles, Told(on_event) if on_event else None)


def stop(course: Course) -> list[str]:
    """Stop everything of this checkout; tells the names of what was running."""
    return Stack(course).stop()


def status(course: Course) -> Status:
    """What is true of the stack now."""
    return Stack(course).status()
