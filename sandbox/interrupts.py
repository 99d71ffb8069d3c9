"""A polite end: what is asked to stop cleans up first, whoever asks."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator


def interrupt(number: int, frame: object) -> None:
    """A handler: this signal ends what runs as Ctrl-C does."""
    raise KeyboardInterrupt


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM and SIGHUP end the block as Ctrl-C does, so that nothing that it started is left behind."""
    previous = {}
    with contextlib.suppress(ValueError):  # only the main thread may set handlers
        for number in (signal.SIGTERM, signal.SIGHUP):
            # What was started to outlive its terminal (nohup) still does.
            if signal.getsignal(number) != signal.SIG_IGN:
                previous[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
