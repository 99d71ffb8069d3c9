"""Workers that are forked: each a process of its own, the same results, trouble that is told and mended."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest

from sandbox.grading.prefork import AVAILABLE, Prefork
from sandbox.grading.run import Cancelled, Options, grade

from .conftest import make_lab

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="this system has no pidfd")

CHECKS = '''
import os, random, time
memory = []

@check(points=1)
def check_fresh(submission):
    """Nothing is left of the run before."""
    memory.append(1)
    print("of the worker:", os.getpid())
    match submission.read("answer.txt"):
        case "hang":
            time.sleep(60)
        case "die":
            os.abort()
    assert len(memory) == 1, "it remembers"
    fail("seen", observed=f"{os.getpid()} {os.getsid(0)} {random.random()}")
'''


@pytest.fixture
def prefork() -> Iterator[Prefork]:
    with closing(Prefork()) as made:
        yield made


@pytest.fixture
def run(tmp_path: Path, prefork: Prefork, monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    monkeypatch.delenv("SANDBOX_STATE", raising=False)
    source = tmp_path / "source"
    source.mkdir()

    def once(answer: str, time_s: float = 60, cancel: threading.Event | None = None) -> object:
        lab = make_lab(tmp_path / "course", CHECKS, time_s)
        (source / "answer.txt").write_text(answer)
        return grade(lab, source, Options(wall="process"), cancel=cancel, prefork=prefork)

    return once


def test_each_run_has_a_process_of_its_own(run: Callable[..., object]) -> None:
    seen = [run("x").checks[0].observed.split() for _ in range(3)]
    assert all(pid == session for pid, session, _ in seen)
    assert [len({row[column] for row in seen}) for column in (0, 2)] == [3, 3]
    assert os.getpid() not in {int(row[0]) for row in seen}


def test_a_worker_that_dies_is_told_and_the_next_one_works(run: Callable[..., object]) -> None:
    died = run("die")
    assert f"exit status {-signal.SIGABRT}" in died.problem
    log = Path(died.problem.split("details: ")[1].rstrip(")")).read_text()
    assert "of the worker" in log
    assert run("x").complete


def test_a_worker_that_hangs_is_ended(run: Callable[..., object], prefork: Prefork) -> None:
    assert "time-out" in run("hang", time_s=3).checks[0].message
    cancel = threading.Event()
    threading.Timer(2, cancel.set).start()
    with pytest.raises(Cancelled):
        run("hang", cancel=cancel)
    assert run("x").complete


def test_a_lost_process_is_trouble_once(run: Callable[..., object], prefork: Prefork) -> None:
    assert run("x").complete
    prefork._process.kill()
    with suppress(ConnectionError):
        run("x")
    assert run("x").complete


def test_nothing_is_left_when_the_judge_is_killed(tmp_path: Path) -> None:
    lab = make_lab(tmp_path / "course", CHECKS)
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "answer.txt").write_text("hang")
    code = f"""
from pathlib import Path
from sandbox.course import open_course
from sandbox.grading.prefork import Prefork
from sandbox.grading.run import Options, grade
lab = open_course(Path({str(lab.course.root)!r})).labs[0]
grade(lab, Path({str(tmp_path / "source")!r}), Options(wall="process"), lambda event: print(event["event"], flush=True), None, Prefork())
"""
    judge = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert judge.stdout
    while judge.stdout.readline().strip() != "start":
        assert judge.poll() is None, "the judge ended before its check began"
    family = psutil.Process(judge.pid).children(recursive=True)
    assert len(family) == 2
    judge.kill()
    judge.communicate()
    assert psutil.wait_procs(family, timeout=60)[1] == []
