"""Grade a class: what is new or changed goes to the workers, each result is kept as it comes, trouble is tried again."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sandbox.classroom import executors
from sandbox.classroom.intake import Entry, find_root, read_submissions
from sandbox.classroom.pack import MANIFEST, examine
from sandbox.classroom.policy import Policy
from sandbox.classroom.repositories import fetch, is_list, read_list
from sandbox.classroom.similarity import fingerprint
from sandbox.classroom.store import ClassStore, Record
from sandbox.classroom.unpack import BadArchive, is_archive, unpack
from sandbox.classroom.work import Outcome, Work, digest_of_files, read_private
from sandbox.course import Lab
from sandbox.errors import UserError
from sandbox.grading.results import LabResult
from sandbox.jail import open_jail
from sandbox.workspace import Gathered, WorkspaceError, gather

TRIES = 3
"""How often a submission is graded before trouble of the machine or the judge is listed as such."""

READERS = 8
"""How many submissions are read at the same time: a repository that is fetched from far keeps no core busy."""


@dataclass(frozen=True)
class Settings:
    """How to grade a class.

    Attributes:
        workers: submissions that are graded at the same time; 0: one a core.
        wall: ``auto``, ``bubblewrap`` or ``docker``; ``process`` is refused.
        private: the instructor's own folder of faults and checks.
        scheduler: address of a Dask scheduler; empty: grade here.
        regrade: grade again what is unchanged.
    """

    workers: int = 0
    wall: str = "auto"
    private: Path | None = None
    scheduler: str = ""
    regrade: bool = False
    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True)
class Step:
    """Told after each submission: its record, whether it was graded now, and how far the class is."""

    record: Record
    fresh: bool
    done: int
    total: int


@dataclass(frozen=True)
class ClassRun:
    """What one run did.

    Attributes:
        graded: submissions that were graded now; ``kept``: whose results stood from before.
        gone: keys of earlier submissions that are no longer in the source; their results were removed.
    """

    records: list[Record]
    graded: int
    kept: int
    gone: list[str]


def grade_class(
    lab: Lab, source: Path, out: Path, settings: Settings, on_step: Callable[[Step], None] = lambda step: None
) -> ClassRun:
    """Grade every submission of ``source`` into the folder ``out``.

    It may be stopped or killed at any moment and started again: what was graded stays.

    Raises:
        UserError: the wall is ``process``, no wall works, there is nothing to grade, or another run holds ``out``.
    """
    if lab.spec.live:
        raise UserError(
            f"Lab {lab.id} is answered from the service that runs on each student's own machine.",
            "It cannot be graded for a class: let the students show `lab check` in the first session.",
        )
    # Asked before anything starts, so that a machine without a wall says so once and not for 500 submissions.
    jail = open_jail(settings.wall, own_work=False)
    jail.close()
    private = read_private(settings.private, lab) if settings.private else {}
    entries = read_list(source) if is_list(source) else read_submissions(source)
    basis = (lab.digest(), digest_of_files(private))
    store = ClassStore(out)
    with store.lock(), _executor(lab, settings) as (submit, workers):
        run = _Run(lab, settings, store, entries, basis, private, workers, on_step)
        run.drive(submit)
        gone = store.drop({entry.key for entry in entries})
        return ClassRun(store.records(), run.graded, run.kept, gone)


@contextlib.contextmanager
def _executor(lab: Lab, settings: Settings) -> Iterator[tuple[executors.Submit, int]]:
    if settings.scheduler:
        with executors.cluster(settings.scheduler) as (submit, threads):
            yield submit, threads
    else:
        workers = settings.workers or os.cpu_count() or 1
        with executors.local(lab.course, workers) as submit:
            yield submit, workers


class _Run:
    """The state of one run: what waits, what is being read, what is being graded, what is done."""

    def __init__(
        self, lab: Lab, settings: Settings, store: ClassStore, entries: list[Entry], basis: tuple[str, str],
        private: dict[str, bytes], workers: int, on_step: Callable[[Step], None],
    ) -> None:  # fmt: skip
        self.lab, self.settings, self.store, self.basis, self.private = lab, settings, store, basis, private
        self.workers, self.on_step = workers, on_step
        self.total, self.done, self.graded, self.kept = len(entries), 0, 0, 0
        self.waiting = deque((entry, 0) for entry in entries)
        self.reading: dict[Future[Gathered], tuple[Entry, int]] = {}
        self.running: dict[Future[Outcome], tuple[Entry, Record, int]] = {}

    def drive(self, submit: executors.Submit) -> None:
        """Until nothing waits and nothing runs. Only a few submissions are in memory at a time."""
        readers = ThreadPoolExecutor(READERS, thread_name_prefix="read")
        try:
            while self.waiting or self.reading or self.running:
                self._read_ahead(readers)
                doing: list[Future[Any]] = [*self.reading, *self.running]
                for future in wait(doing, return_when=FIRST_COMPLETED).done:
                    if future in self.reading:
                        self._begin(submit, future, *self.reading.pop(future))
                    else:
                        self._end(future, *self.running.pop(future))
        finally:
            readers.shutdown(wait=True, cancel_futures=True)

    def _read_ahead(self, readers: ThreadPoolExecutor) -> None:
        while self.waiting and len(self.reading) < READERS and len(self.running) < self.workers * 2:
            entry, tries = self.waiting.popleft()
            self.reading[readers.submit(take, self.lab, entry, self.settings)] = (entry, tries)

    def _begin(self, submit: executors.Submit, read: Future[Gathered], entry: Entry, tries: int) -> None:
        before = self.store.load(entry.key)
        try:
            found = read.result()
        except (BadArchive, WorkspaceError) as error:
            self._finish(Record.of(entry, "rejected", str(error).replace("\n", " ")), before)
            return
        except (OSError, UserError) as error:
            self._finish(Record.of(entry, "ungraded", f"it could not be read: {error}"), before)
            return
        basis = (found.digest, *self.basis)
        if before and before.state == "graded" and before.basis == basis and not self.settings.regrade:
            self._finish(before.seen_again(entry), before)
            return
        record = replace(
            Record.of(entry, "graded"),
            basis=basis,
            fingerprint=fingerprint(content for content, _ in found.files.values()),
        )
        cores = max(1, (os.cpu_count() or 1) // self.workers)
        work = Work(entry.key, self.lab.id, self.basis[0], found.files, self.settings.wall, cores, self.private)
        self.running[submit(work)] = (entry, record, tries)

    def _end(self, future: Future[Outcome], entry: Entry, record: Record, tries: int) -> None:
        tries += 1
        try:
            outcome = future.result()
        except Exception as error:
            # A worker that was lost, or killed for its memory, is the machine's trouble, whatever it raises.
            outcome = Outcome(None, f"the worker was lost ({type(error).__name__}: {error})")
        if outcome.trouble and tries < TRIES:
            # At the end of the queue: what is short now (memory, a tool that restarts) may be there by then.
            self.waiting.append((entry, tries))
            return
        result = LabResult.from_json(outcome.result) if outcome.result else None
        state = replace(record, result=result, tries=tries)
        if outcome.trouble:
            state = replace(state, state="ungraded", problem=outcome.trouble)
        self.graded += 1
        self._finish(state, None)

    def _finish(self, record: Record, before: Record | None) -> None:
        if record != before:
            self.store.save(record)
        self.kept += before is not None and record.result is not None
        self.done += 1
        self.on_step(Step(record, before is None or record != before, self.done, self.total))


def take(lab: Lab, entry: Entry, settings: Settings) -> Gathered:
    """The accepted files of one submission.

    Raises:
        BadArchive: it cannot be graded as it was handed in; the message is written for the student.
        WorkspaceError: it holds more than the lab takes.
    """
    if entry.problem:
        raise BadArchive(entry.problem)
    with tempfile.TemporaryDirectory(prefix="intake-") as name:
        folder, inner = Path(name) / "outer", Path(name) / "inner"
        folder.mkdir()
        if entry.repository:
            fetch(entry, settings.policy, settings.wall, folder)
        elif entry.path.is_file():
            unpack(entry.path, folder)
        else:
            folder = entry.path
        root = find_root(lab, folder)
        found = _gathered(lab, root)
        if not found.files and (archive := _only_archive(root)):
            # Moodle's download has a folder for each student, and in it what the student handed in.
            inner.mkdir()
            unpack(archive, inner)
            found = _gathered(lab, find_root(lab, inner))
    if not found.files:
        reason = next(iter(found.refused.items()), None)
        held = f"; it holds {reason[0]!a}, which is {reason[1]}" if reason else ""
        raise BadArchive(
            f"it holds none of the files that lab {lab.id} takes ({', '.join(lab.spec.accepts)}){held}. "
            "Is it the right lab, and are the files where the lab's page says?"
        )
    return found


def _gathered(lab: Lab, root: Path) -> Gathered:
    if (root / MANIFEST).exists() and (problem := examine(lab, root)):
        raise BadArchive(problem)
    return gather(lab, root)


def _only_archive(folder: Path) -> Path | None:
    archives = [
        path for path in sorted(folder.iterdir()) if is_archive(path) and path.is_file() and not path.is_symlink()
    ]
    if len(archives) > 1:
        names = ", ".join(f"{path.name!a}" for path in archives[:5])
        raise BadArchive(f"it holds {len(archives)} archives ({names}); which one counts cannot be told")
    return archives[0] if archives else None
