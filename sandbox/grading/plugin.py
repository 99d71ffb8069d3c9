"""The pytest plugin that turns a lab's ``checks.py`` into graded results.

It runs in the worker process (:mod:`sandbox.grading.worker`), one run at a time, and writes events as they happen.
"""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import pytest

from sandbox import tools
from sandbox.grading.api import CASES, MARK, NEEDS, Blocked, Case, CasesMark, CheckFailed, CheckMark
from sandbox.grading.fixtures import RUN, Run, check_name, in_parallel
from sandbox.grading.patience import Patience
from sandbox.grading.results import CheckResult, PartResult, Status
from sandbox.jail import FilesRefused, JailUnavailable, ServiceDied, ServiceNotReady


class CheckTimeout(BaseException):
    """A check ran out of its own time. No ``Exception``, so that a check's ``except Exception`` lets it through."""


class CollectionError(Exception):
    """``checks.py`` itself does not hold; names the file and the line."""


class Plugin:
    """Collects, orders, runs and judges checks.

    Args:
        only: names of checks; what they come after is run too. Empty: all.
        begin: called when the checks are collected; gives the run, or None where nothing is to be run. What is collected
            can so be shared by many runs: see :mod:`sandbox.grading.prefork`.
    """

    def __init__(self, only: Iterable[str], begin: Callable[[], Run | None]) -> None:
        self._only, self._begin = frozenset(only), begin
        self._plan: list[dict[str, Any]] = []
        self._run: Run | None = None
        self.failure: BaseException | None = None
        self.results: dict[str, CheckResult] = {}
        self.details: list[str] = []
        self.broken = ""

    @property
    def begun(self) -> bool:
        """Whether there was something to run."""
        return self._run is not None

    @property
    def run(self) -> Run:
        """The run that is on; there is none while the checks are collected."""
        assert self._run is not None
        return self._run

    # --- collection -------------------------------------------------------------------------------------------------

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        try:
            self._order(items)
        except CollectionError as error:
            # Raised through pytest it would come out as a traceback; the worker tells it in one line.
            self.broken = str(error)
            items.clear()

    def _order(self, items: list[pytest.Item]) -> None:
        seen: dict[str, CheckMark] = {}
        for item in items:
            mark = _mark(item)
            name = check_name(item)
            if name in seen:
                raise CollectionError(f"{_where(item)}: two checks are called {name}")
            if missing := [other for other in mark.after if other not in seen]:
                raise CollectionError(f"{_where(item)}: {name} comes after {missing[0]!r}, which is no check above it")
            seen[name] = mark
        if unknown := self._only - set(seen):
            raise CollectionError(f"no check is called {sorted(unknown)[0]!r}; there are {', '.join(seen)}")
        wanted = with_prerequisites(self._only or set(seen), {name: mark.after for name, mark in seen.items()})
        items[:] = [item for item in items if check_name(item) in wanted]
        self._plan = [self._planned(item) for item in items]

    def _planned(self, item: pytest.Item) -> dict[str, Any]:
        mark = _mark(item)
        return {
            "name": check_name(item),
            "title": _title(item),
            "max_points": mark.points,
            "after": mark.after,
            "hint": mark.hint,
        }

    # --- running ----------------------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Let pytest's own loop follow, once there is something to run."""
        try:
            self._run = self._begin()
        except BaseException as error:
            # Raised through pytest it would come out as a traceback; the worker tells it in one line.
            self.failure = error
            return True
        if self._run is None:
            return True
        session.config.stash[RUN] = self._run
        if self._plan:
            self.run.send({"event": "plan", "checks": self._plan})
        return None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        self.run.send({"event": "start", "name": check_name(item)})
        started = time.monotonic()
        result = self._judge(item, nextitem)
        result = replace(result, duration_s=round(time.monotonic() - started, 3))
        self.results[result.name] = result
        self.run.send({"event": "result", "check": asdict(result)})
        return True

    def _judge(self, item: pytest.Item, nextitem: pytest.Item | None) -> CheckResult:
        mark = _mark(item)
        if waiting := [name for name in mark.after if self.results[name].status != "passed"]:
            # A learner knows a check by its title, not by its name in our code.
            titles = "; ".join(self.results[name].title.removesuffix(".") for name in waiting)
            return self._result(item, "skipped", message=f"comes after: {titles}")
        parts: list[PartResult] = []
        item.stash[PARTS] = parts
        error: BaseException | None = None
        try:
            for tool in getattr(item.obj, NEEDS, ()):  # type: ignore[attr-defined]
                tools.require(tool)
            with _time_limit(mark.timeout):
                item.session._setupstate.setup(item)
                item.runtest()
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as raised:
            error = raised
        finally:
            # A check that was stopped may have left commands running; nothing of it may reach into the next one.
            if isinstance(error, CheckTimeout):
                self.run.jail.close()
            try:
                item.session._setupstate.teardown_exact(nextitem)
            except BaseException as raised:
                error = error or raised
        return self._verdict(item, error, tuple(parts))

    def _verdict(self, item: pytest.Item, error: BaseException | None, parts: tuple[PartResult, ...]) -> CheckResult:
        if error is not None:
            status, message, observed, expected = self.classify(error)
            return self._result(item, status, message=message, observed=observed, expected=expected, parts=parts)
        if not parts:
            return self._result(item, "passed")
        good = [part for part in parts if part.status == "passed"]
        worst: Status = next((s for s in ("error", "blocked", "failed") if any(p.status == s for p in parts)), "passed")
        bad = [part for part in parts if part.status == worst and worst != "passed"]
        message = "; ".join(part.message for part in parts if part.message) if worst == "passed" else ""
        if bad:
            more = f" ({len(parts) - len(good)} of {len(parts)} parts; the first is shown)" if len(parts) > 1 else ""
            # A title is a sentence: its full stop and the colon would stand side by side.
            message = f"{bad[0].title.removesuffix('.')}: {bad[0].message}{more}"
        points = _mark(item).points * len(good) / len(parts)
        return self._result(item, worst, points=points, message=message, parts=parts)

    def classify(self, error: BaseException) -> tuple[Status, str, str, str]:
        """Status, message, observed and expected for what a check raised."""
        if isinstance(error, CheckFailed):
            return "failed", error.message, error.observed, error.expected
        if isinstance(error, AssertionError):
            return "failed", str(error) or "the check did not hold (it gives no reason)", "", ""
        if isinstance(error, Blocked):
            return "blocked", str(error), "", ""
        if isinstance(error, tools.ToolMissing | JailUnavailable):
            return "blocked", str(error), "", ""
        if isinstance(error, FilesRefused):
            return "failed", str(error), "", ""
        if isinstance(error, ServiceDied | ServiceNotReady):
            printed = error.finished.stderr[-600:] or error.finished.stdout[-600:]
            return "failed", str(error), printed, "a service that starts and answers"
        if isinstance(error, CheckTimeout):
            return "failed", f"time-out: it was not done within {error.args[0]:g} s and was stopped", "", ""
        if isinstance(error, pytest.fail.Exception):
            return "failed", str(error.msg), "", ""
        self.details.append("".join(traceback.format_exception(error)))
        return "error", f"the check itself broke ({type(error).__name__}); this does not count against you", "", ""

    def _result(self, item: pytest.Item, status: Status, *, points: float | None = None, message: str = "",
                observed: str = "", expected: str = "", parts: tuple[PartResult, ...] = ()) -> CheckResult:  # fmt: skip
        mark = _mark(item)
        earned = (mark.points if status == "passed" else 0.0) if points is None else points
        hint = mark.hint if status == "failed" else ""
        return CheckResult(check_name(item), _title(item), status, round(earned, 4), mark.points, clip(message), clip(observed),
                           clip(expected), hint, mark.after, parts=parts)  # fmt: skip

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        cases_mark: CasesMark | None = getattr(pyfuncitem.obj, CASES, None)
        if cases_mark is None:
            return None
        cases = self._cases(cases_mark)
        names = [name for name in pyfuncitem._fixtureinfo.argnames if name != cases_mark.argument]
        arguments = {name: pyfuncitem.funcargs[name] for name in names}

        def one(case: Case) -> PartResult:
            title = _title(pyfuncitem, **{cases_mark.argument: case})
            try:
                said = pyfuncitem.obj(**arguments, **{cases_mark.argument: case})
            except Exception as error:
                status, message, observed, expected = self.classify(error)
                told = [f"{word}: {text}" for word, text in (("seen", observed), ("expected", expected)) if text]
                seen = f" ({'; '.join(told)})" if told else ""
                why = str(getattr(case, "reason", "")) if status == "failed" else ""
                return PartResult(case.name, clip(title), status, clip(message + seen), clip(why))
            # What a check returns is worth telling though all is well: a time that was measured, say.
            return PartResult(case.name, clip(title), "passed", clip(said) if isinstance(said, str) else "")

        def report(part: PartResult) -> None:
            pyfuncitem.stash[PARTS].append(part)
            self.run.send({"event": "part", "name": check_name(pyfuncitem), "part": asdict(part), "of": len(cases)})

        in_parallel(one, cases, self.run.cores, self.run.jail, report)
        return True

    def _cases(self, mark: CasesMark) -> tuple[Case, ...]:
        if mark.group:
            return self.run.faults(mark.group)
        return tuple(mark.cases()) if callable(mark.cases) else tuple(mark.cases)


PARTS = pytest.StashKey[list[PartResult]]()


def with_prerequisites(names: Iterable[str], after: dict[str, tuple[str, ...]]) -> set[str]:
    """The names, with all that they come after."""
    wanted: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in wanted:
            wanted.add(name)
            todo.extend(after.get(name, ()))
    return wanted


def clip(text: str, length: int = 2000) -> str:
    """Text that came near a submission, made safe to show: no control characters, bounded length."""
    clean = "".join(c if c == "\n" or c.isprintable() else f"\\x{ord(c):02x}" for c in text.replace("\t", "    "))
    return clean if len(clean) <= length else f"{clean[:length]} … ({len(clean) - length} characters more)"


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    patience = Patience(seconds)

    def stop(signum: int, frame: object) -> None:
        if (left := patience.left_s()) > 0:
            signal.setitimer(signal.ITIMER_REAL, max(left, 0.01))
        else:
            raise CheckTimeout(seconds)

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _mark(item: pytest.Item) -> CheckMark:
    mark = getattr(item.obj, MARK, None)  # type: ignore[attr-defined]
    if not isinstance(mark, CheckMark):
        raise CollectionError(f"{_where(item)}: {item.name} has no @check(points=…)")
    return mark


def _title(item: Any, **values: object) -> str:
    lines = (item.obj.__doc__ or "").strip().splitlines()
    title = lines[0] if lines else check_name(item).replace("_", " ")
    if values:
        return title.format(**values)
    # Without a case at hand the title speaks of all of them.
    return title.replace("{fault.title}", "…").replace("{case.title}", "…")


def _where(item: pytest.Item) -> str:
    path, line, _ = item.location
    return f"{os.path.basename(path)}:{(line or 0) + 1}"
