"""``lab watch``: grade again on every save, drop a run that is out of date, listen to single keys."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from watchfiles import Change, DefaultFilter, watch

RUN, HINT, ALL, QUIT, SAVED = "r", "h", "a", "q", "saved"
POLL_S = 0.5


def loop(folder: Path, check: Callable[[threading.Event, bool], None], hint: Callable[[], None]) -> None:
    """Check at once, then after each save, until ``q`` or Ctrl-C.

    Args:
        folder: the workspace that is watched.
        check: grades; gets an event that is set when the run is out of date, and whether to run all checks
            rather than stop showing at the first failures.
        hint: shows the next hint.
    """
    wishes: queue.Queue[str] = queue.Queue()
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(folder, wishes, over), daemon=True)
    watcher.start()
    try:
        with _keys(wishes):
            _serve(wishes, check, hint)
    finally:
        over.set()
        watcher.join(timeout=5)


def _serve(wishes: queue.Queue[str], check: Callable[[threading.Event, bool], None], hint: Callable[[], None]) -> None:
    stale, run = threading.Event(), None
    wish = RUN
    while wish != QUIT:
        if wish in (RUN, ALL, SAVED):
            _stop(stale, run)
            stale = threading.Event()
            run = threading.Thread(target=check, args=(stale, wish == ALL))
            run.start()
        elif wish == HINT:
            hint()
        try:
            wish = wishes.get()
        except KeyboardInterrupt:
            wish = QUIT
    _stop(stale, run)


def _stop(stale: threading.Event, run: threading.Thread | None) -> None:
    stale.set()
    if run is not None:
        run.join()


def _watch(folder: Path, wishes: queue.Queue[str], over: threading.Event) -> None:
    # Windows drives under WSL and many network file systems give no events: there, look again every half second.
    polling = os.environ.get("WATCHFILES_FORCE_POLLING") == "true" or str(folder).startswith("/mnt/")
    for _ in _polled(folder, over) if polling else _told(folder, over):
        wishes.put(SAVED)


def _told(folder: Path, over: threading.Event) -> Iterator[object]:
    """Something at each save that the file system tells of, until ``over`` is set."""
    return watch(folder, stop_event=over, debounce=200, step=50, force_polling=False, raise_interrupt=False)


def _polled(folder: Path, over: threading.Event) -> Iterator[object]:
    """Something at each save that shows in the files' times and sizes, until ``over`` is set.

    Not ``watch(force_polling=True)``: that compares whole seconds, and so misses the second of two saves in one.
    """
    before = _seen(folder)
    while not over.wait(POLL_S):
        now = _seen(folder)
        if now != before:
            before = now
            yield now


def _seen(folder: Path) -> dict[str, tuple[int, int]]:
    """Path to (last change in ns, size in bytes) of each file that counts."""
    counts = DefaultFilter()
    found: dict[str, tuple[int, int]] = {}
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if counts(Change.modified, os.path.join(where, name))]
        for path in (os.path.join(where, name) for name in names):
            # A file may be gone again by now.
            with contextlib.suppress(OSError):
                if counts(Change.modified, path):
                    state = os.stat(path)
                    found[path] = (state.st_mtime_ns, state.st_size)
    return found


@contextlib.contextmanager
def _keys(wishes: queue.Queue[str]) -> Iterator[None]:
    """Put single key presses into the queue while standard input is a terminal."""
    if not sys.stdin.isatty():
        yield
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    # Single keys, but Ctrl-C still interrupts and output still ends its lines.
    tty.setcbreak(sys.stdin)
    threading.Thread(target=_read_keys, args=(wishes,), daemon=True).start()
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _read_keys(wishes: queue.Queue[str]) -> None:
    while key := sys.stdin.read(1):
        if key.lower() in (RUN, HINT, ALL, QUIT):
            wishes.put(key.lower())
