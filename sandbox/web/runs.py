"""The runs of checks that pages have asked for: one for each lab at a time, followed by any number of pages."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from typing import Any

from sandbox import checking
from sandbox.course import Lab
from sandbox.errors import UserError
from sandbox.grading.run import Cancelled

Event = dict[str, Any]

SHOWN = frozenset({"plan", "jail", "start", "part", "result"})
"""Events of the judge that a page gets. Not among them: the traceback of a broken check."""
GRACE_S = 3.0
"""How long a run goes on with no page that follows it: enough to reload, not enough to be forgotten."""


class Busy(UserError):
    """A run of that lab is going on."""


class Run:
    """One run. Its events are kept, so that a page that comes later sees all of them."""

    def __init__(self, lab: Lab, loop: asyncio.AbstractEventLoop) -> None:
        self.lab = lab
        self.events: list[Event] = []
        self.ended = False
        self._loop = loop
        self._stop = threading.Event()
        self._news = asyncio.Event()
        self._followers = 0
        self._thread = threading.Thread(target=self._work, name=f"check {lab.id}")

    def start(self) -> None:
        self._thread.start()
        self._loop.call_later(GRACE_S, self._stop_if_alone)

    def cancel(self) -> None:
        """Ask the run to stop; its last event tells that it did."""
        self._stop.set()

    async def wait(self) -> None:
        """Return when the run's thread, and with it all that it had started, is gone."""
        await asyncio.to_thread(self._thread.join)

    async def follow(self) -> AsyncIterator[Event]:
        """All events, from the first to the last."""
        self._followers += 1
        try:
            sent = 0
            while True:
                news = self._news
                while sent < len(self.events):
                    yield self.events[sent]
                    sent += 1
                if self.ended:
                    return
                await news.wait()
        finally:
            self._followers -= 1
            # No page looks at it any more: whoever closed it half way does not want it to go on.
            with contextlib.suppress(RuntimeError):
                self._loop.call_later(GRACE_S, self._stop_if_alone)

    def _stop_if_alone(self) -> None:
        if self._followers == 0:
            self.cancel()

    def _work(self) -> None:
        try:
            result = checking.check(self.lab, on_event=self._tell, cancel=self._stop)
            last: Event = {"event": "done", "result": result.to_json()}
        except Cancelled:
            last = {"event": "cancelled"}
        except UserError as error:
            last = {"event": "problem", "message": error.message, "fix": error.fix}
        except Exception as error:  # a page must hear of it: there is nobody at the server's terminal
            last = {"event": "problem", "message": f"{type(error).__name__}: {error}", "fix": "See make logs."}
        # The loop may be closing when the server stops; then nobody is left to tell.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._add, last, True)

    def _tell(self, event: Event) -> None:
        if event["event"] in SHOWN:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._add, event, False)

    def _add(self, event: Event, last: bool) -> None:
        self.events.append(event)
        self.ended = last
        news, self._news = self._news, asyncio.Event()
        news.set()


class Runs:
    """The run of each lab, by its id. All methods are called in the server's event loop."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}

    def start(self, lab: Lab) -> Run:
        """Begin a run.

        Raises:
            Busy: one is going on.
        """
        if self.going(lab.id):
            raise Busy(f"A check of {lab.id} is running.", "Wait for it, or stop it.")
        run = self._runs[lab.id] = Run(lab, asyncio.get_running_loop())
        run.start()
        return run

    def going(self, lab_id: str) -> Run | None:
        """The run of that lab, or None where none is going on."""
        run = self._runs.get(lab_id)
        return run if run and not run.ended else None

    async def stop_all(self) -> None:
        """Stop every run and wait until what they had started is gone."""
        going = [run for run in self._runs.values() if not run.ended]
        for run in going:
            run.cancel()
        for run in going:
            await run.wait()
