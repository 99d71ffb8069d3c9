"""What one run of a lab's checks is about, and the fixtures that every lab has: ways to reach it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from sandbox.course import Lab
from sandbox.grading.api import Blocked
from sandbox.grading.fault import Fault, read_faults
from sandbox.jail import Jail
from sandbox.workspace import Submission

Item = TypeVar("Item")
Result = TypeVar("Result")
Send = Callable[[dict[str, Any]], None]


@dataclass
class Run:
    """What one run of the worker is about."""

    lab: Lab
    submission: Submission
    source: Path
    jail: Jail
    seed: int
    send: Send
    live: LiveService | None = None
    private: Path | None = None
    cores: int = 2

    def faults(self, group: str) -> tuple[Fault, ...]:
        """The course's faults of a group, and the instructor's private ones behind them."""
        faults = read_faults(self.lab.folder / "faults" / f"{group}.toml")
        private = self.private / self.lab.id / "faults" / f"{group}.toml" if self.private else None
        return faults + (read_faults(private) if private and private.is_file() else ())


@dataclass(frozen=True)
class LiveService:
    """The sandbox's running model service: its address and its log file."""

    url: str
    log: Path


class LabView:
    """What a check may know of its lab: its folder and its faults (fixture ``lab``)."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.folder = run.lab.folder
        self.id = run.lab.id
        self.starter = run.lab.starter
        self.solution = run.lab.solution

    def faults(self, group: str) -> tuple[Fault, ...]:
        return self._run.faults(group)


RUN = pytest.StashKey[Run]()
"""Where pytest's configuration keeps the run that is on."""


@pytest.fixture(scope="session")
def submission(request: pytest.FixtureRequest) -> Submission:
    """The composed files of the learner: data, never imported here."""
    return request.config.stash[RUN].submission


@pytest.fixture(scope="session")
def workspace(request: pytest.FixtureRequest) -> Path:
    """The folder that the submission came from, with what the lab does not accept (a ``.git``, say): hostile data."""
    return request.config.stash[RUN].source


@pytest.fixture(scope="session")
def jail(request: pytest.FixtureRequest) -> Jail:
    """Where every command of a submission runs."""
    return request.config.stash[RUN].jail


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> LabView:
    """The lab's folder and faults."""
    return LabView(request.config.stash[RUN])


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Random numbers, new at each run, the same for the same ``--seed`` whatever ran before."""
    return random.Random(f"{request.config.stash[RUN].seed}:{check_name(request.node)}")


@pytest.fixture(scope="session")
def run_seed(request: pytest.FixtureRequest) -> int:
    """The seed of this run, for fixtures that live longer than one check."""
    return request.config.stash[RUN].seed


@pytest.fixture(scope="session")
def live_service(request: pytest.FixtureRequest) -> LiveService:
    """Where the running sandbox's model service answers and logs; it need not be up."""
    live = request.config.stash[RUN].live
    if live is None:
        raise Blocked("the sandbox's service", "Start it with `make start`.")
    return live


@pytest.fixture(scope="session")
def parallel(request: pytest.FixtureRequest) -> Callable[[Callable[[Any], Any], Iterable[Any]], list[Any]]:
    """``parallel(function, items)``: results in order, on all cores."""
    run = request.config.stash[RUN]
    return lambda function, items: in_parallel(function, list(items), run.cores, run.jail)


@pytest.fixture
def tmp(tmp_path: Path) -> Path:
    """A fresh folder for this check."""
    return tmp_path


@pytest.fixture
def fault() -> None:
    """Stands in for the argument that ``each_fault`` fills."""


@pytest.fixture
def case() -> None:
    """Stands in for the argument that ``each_case`` fills."""


def check_name(item: Any) -> str:
    """A check's name, from pytest's item for it."""
    return str(item.originalname or item.name).removeprefix("check_")


def in_parallel(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    cores: int,
    jail: Jail,
    report: Callable[[Result], None] = lambda result: None,
) -> list[Result]:
    """Call ``function`` on each item in threads; results (and reports) in the items' order.

    When the caller is interrupted, what has not begun is dropped and what runs in the jail is killed, so that the
    threads end at once.
    """
    pool = ThreadPoolExecutor(max_workers=max(1, cores))
    results: list[Result] = []
    try:
        futures = [pool.submit(function, item) for item in items]
        for future in futures:
            results.append(future.result())
            report(results[-1])
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        jail.close()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return results
