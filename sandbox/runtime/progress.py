"""What a start says while it works: one line a step, and on a terminal what the step is doing now."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from rich.console import Console
from rich.markup import escape


class Progress(Protocol):
    """Takes the news of a start."""

    def note(self, text: str) -> None:
        """What is being done now; may be shown for a moment only."""

    def say(self, text: str) -> None:
        """A line that stays."""


class Silent:
    """Keeps what was said, shows nothing."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)

    def say(self, text: str) -> None:
        self.said.append(text)


class Told:
    """Calls a function with each piece of news."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def note(self, text: str) -> None:
        self._tell(text)

    def say(self, text: str) -> None:
        self._tell(text)


class Printed:
    """Prints to a console: on a terminal, notes replace each other; elsewhere they are lines, few of them."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._status = console.status("") if console.is_terminal else None
        self._last = 0.0

    @contextlib.contextmanager
    def at_work(self) -> Iterator[Printed]:
        """Show the spinner, where there is one, until the block ends."""
        with self._status or contextlib.nullcontext():
            yield self

    def note(self, text: str) -> None:
        if self._status is not None:
            self._status.update(escape(text))
        elif not text.startswith(" ") or time.monotonic() - self._last > 10:
            # Detail (indented) is news only now and then where lines cannot replace each other.
            self._last = time.monotonic()
            self.console.print(text, markup=False)

    def say(self, text: str) -> None:
        self.console.print(text, markup=False)
