"""Where the work is done: threads here that each start a judge's process, or a Dask cluster. Both are ``Executor``s."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from sandbox.classroom.work import Outcome, Work, carry_out
from sandbox.course import Course
from sandbox.errors import UserError
from sandbox.grading.prefork import AVAILABLE, Prefork

Submit = Callable[[Work], "Future[Outcome]"]


@contextlib.contextmanager
def local(course: Course, workers: int) -> Iterator[Submit]:
    """Grade here. A thread only waits for the judge's process that it has started; checks and jails run there."""
    cancel, mine = threading.Event(), threading.local()
    with contextlib.ExitStack() as preforks:

        def begin() -> None:
            mine.prefork = preforks.enter_context(contextlib.closing(Prefork())) if AVAILABLE else None

        pool = ThreadPoolExecutor(workers, thread_name_prefix="grade", initializer=begin)
        with _ended(pool, cancel):
            yield lambda work: pool.submit(lambda: carry_out(work, course, cancel, mine.prefork))


@contextlib.contextmanager
def cluster(scheduler: str) -> Iterator[tuple[Submit, int]]:
    """Grade on a Dask cluster; also gives the number of its workers' threads.

    A submission is sent again when the worker that had it is lost. Each worker compares the course's digest with its own.

    Raises:
        UserError: ``distributed`` is not installed, or nothing answers at the address.
    """
    try:
        from distributed import Client
    except ImportError:
        raise UserError("Dask is not installed.", "Install the extra `cluster`: pip install -e .[cluster]") from None
    try:
        client: Any = Client(
            scheduler,  # type: ignore[no-untyped-call]
            timeout="20s",
            set_as_default=False,
        )
    except (OSError, ValueError) as error:
        raise UserError(f"No Dask scheduler answers at {scheduler}: {error}.", "Start one: dask scheduler") from None
    with contextlib.closing(client):
        threads = sum(client.nthreads().values())
        if not threads:
            raise UserError(f"The scheduler at {scheduler} has no workers.", f"Start some: dask worker {scheduler}")
        pool: Executor = client.get_executor(pure=False)
        with _ended(pool, threading.Event()):
            yield partial(_send, pool), threads


def _send(pool: Executor, work: Work) -> Future[Outcome]:
    return pool.submit(carry_out, work)


@contextlib.contextmanager
def _ended(pool: Any, cancel: threading.Event) -> Iterator[None]:
    try:
        yield
    except BaseException:
        cancel.set()
        raise
    finally:
        pool.shutdown(wait=True, **({"cancel_futures": True} if isinstance(pool, ThreadPoolExecutor) else {}))
