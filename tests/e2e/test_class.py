"""A class under fire: killed at random moments, on a cluster that loses a worker, from git repositories, on a full disk."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from sandbox.classroom.grade import Settings, grade_class
from sandbox.classroom.policy import Policy
from sandbox.classroom.store import ClassStore
from sandbox.course import Lab, open_course
from sandbox.grading.corpus import assemble, samples
from tests.commands import LAB
from tests.unit.classroom.conftest import CHECKS, FAULTY, GOOD, WRONG
from tests.unit.grading.conftest import make_lab

pytestmark = [pytest.mark.slow, pytest.mark.needs("jail:bubblewrap")]

KINDS = (GOOD, WRONG, FAULTY)
SCORES = (5.0, 0.0, 3.5)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.delenv("SANDBOX_STATE", raising=False)
    monkeypatch.setenv("SANDBOX_COURSE", str(tmp_path / "course"))
    return make_lab(tmp_path / "course", CHECKS)


@pytest.fixture
def hand_in(tmp_path: Path) -> Callable[[int], Path]:
    """``hand_in(n)``: a class of n students, good, wrong and faulty in turns."""

    def put(students: int) -> Path:
        for number in range(students):
            for name, text in KINDS[number % 3].items():
                path = tmp_path / "class" / f"s{number:03}" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        return tmp_path / "class"

    return put


def scores(out: Path) -> dict[str, float | None]:
    return {r.student: r.result.score if r.result else None for r in ClassStore(out).records()}


def expected(students: int) -> dict[str, float]:
    return {f"s{number:03}": SCORES[number % 3] for number in range(students)}


def command(source: Path, out: Path, *more: str) -> list[str]:
    return [*LAB, "grade", str(source), "--lab", "01", "--out", str(out), "--json", *more]


def test_twenty_kills_at_random_moments_lose_and_double_nothing(
    lab: Lab, hand_in: Callable[[int], Path], tmp_path: Path
) -> None:
    students, out = 30, tmp_path / "out"
    source = hand_in(students)
    chance = random.Random(8)
    for _ in range(20):
        # So many results further, and a moment more: a moment in time alone would fall into the start on a slow machine.
        until = len(list((out / "results").glob("s*.json"))) + chance.randrange(3)
        process = subprocess.Popen(command(source, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while len(list((out / "results").glob("s*.json"))) < until and process.poll() is None:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 1.5))
        process.kill()
        process.wait()
        # Whatever was there when it died is whole, and right.
        for student, score in scores(out).items():
            assert score == expected(students)[student]
    assert scores(out), "no run came as far as its first result"
    done = subprocess.run(command(source, out), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    table = json.loads(done.stdout)
    assert table["graded_now"] + table["kept"] == students
    assert scores(out) == expected(students)
    assert not list((out / "results").glob(".*"))


def test_killed_once_it_goes_on_where_it_was(lab: Lab, hand_in: Callable[[int], Path], tmp_path: Path) -> None:
    source, out = hand_in(9), tmp_path / "out"
    process = subprocess.Popen(command(source, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(list((out / "results").glob("s*.json"))) < 3 and process.poll() is None:
        time.sleep(0.05)
    process.kill()
    process.wait()
    before = len(ClassStore(out).records())
    done = subprocess.run(command(source, out), capture_output=True, text=True, timeout=600)
    table = json.loads(done.stdout)
    assert (table["kept"], table["graded_now"]) == (before, 9 - before)
    assert scores(out) == expected(9)


def test_two_instructors_at_once(lab: Lab, hand_in: Callable[[int], Path], tmp_path: Path) -> None:
    source, out = hand_in(24), tmp_path / "out"
    first = subprocess.Popen(command(source, out), stdout=subprocess.PIPE, text=True)
    try:
        while not list((out / "results").glob("s*.json")) and first.poll() is None:
            time.sleep(0.05)
        second = subprocess.run(command(source, out), capture_output=True, text=True, timeout=600)
        assert first.poll() is None, "the first run ended before the second one had its answer"
        assert (second.returncode, second.stdout) == (2, "")
        assert f"being graded into already: process {first.pid} on" in " ".join(second.stderr.split())
        assert first.wait(timeout=600) == 0
    finally:
        first.kill()
        first.communicate()
    assert scores(out) == expected(24)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_disk_that_is_really_full(lab: Lab, hand_in: Callable[[int], Path], tmp_path: Path) -> None:
    source, disk = hand_in(12), tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48k", "none", str(disk)], check=True)
    try:
        done = subprocess.run(command(source, disk / "out"), capture_output=True, text=True, timeout=600)
        assert done.returncode == 2
        assert "No space left" in done.stderr
        kept = scores(disk / "out")
        assert all(score == expected(12)[student] for student, score in kept.items())
        subprocess.run(["mount", "-o", "remount,size=16m", str(disk)], check=True)
        done = subprocess.run(command(source, disk / "out"), capture_output=True, text=True, timeout=600)
        assert json.loads(done.stdout)["kept"] == len(kept)
        assert scores(disk / "out") == expected(12)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and three workers, each a process of its own; its address and the workers."""
    pytest.importorskip("distributed")
    file, log = tmp_path / "scheduler.json", (tmp_path / "dask.log").open("wb")
    begin = [
        sys.executable,
        "-m",
        "distributed.cli.dask_scheduler",
        "--port",
        "0",
        "--no-dashboard",
        "--host",
        "127.0.0.1",
    ]
    processes = [subprocess.Popen([*begin, "--scheduler-file", str(file)], stdout=log, stderr=log)]
    while not file.is_file() or not file.read_text():
        assert processes[0].poll() is None, (tmp_path / "dask.log").read_text()
        time.sleep(0.1)
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-nanny",
              "--no-dashboard", "--local-directory", str(tmp_path)]  # fmt: skip
    workers = [subprocess.Popen(worker, stdout=log, stderr=log) for _ in range(3)]
    try:
        yield json.loads(file.read_text())["address"], workers
    finally:
        for process in [*workers, *processes]:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
        log.close()


def test_a_cluster_that_loses_a_worker_loses_no_result(
    lab: Lab, hand_in: Callable[[int], Path], tmp_path: Path, dask: tuple[str, list[subprocess.Popen[bytes]]]
) -> None:
    from distributed import Client

    address, workers = dask
    with Client(address) as client:
        client.wait_for_workers(3)
    killed = []

    def kill_one(step: object) -> None:
        if not killed:
            workers[0].kill()
            killed.append(step)

    out = tmp_path / "out"
    run = grade_class(lab, hand_in(12), out, Settings(scheduler=address), kill_one)
    assert killed and workers[0].wait() == -signal.SIGKILL
    assert (run.graded, {r.state for r in run.records}) == (12, {"graded"})
    assert scores(out) == expected(12)


def test_a_worker_with_another_course_refuses(
    lab: Lab, hand_in: Callable[[int], Path], tmp_path: Path, dask: tuple[str, list[subprocess.Popen[bytes]]]
) -> None:
    from distributed import Client

    with Client(dask[0]) as client:
        client.wait_for_workers(3)
    source = hand_in(1)
    assert grade_class(lab, source, tmp_path / "one", Settings(scheduler=dask[0])).records[0].state == "graded"
    other = make_lab(tmp_path / "other", CHECKS)
    (other.folder / "hints.md").write_text("## first\n\n1. changed\n")
    (record,) = grade_class(other, source, tmp_path / "two", Settings(scheduler=dask[0])).records
    assert (record.state, record.result) == ("ungraded", None)
    assert "another version of the course" in record.problem


def test_hostile_submissions_change_nobody_elses_result(
    lab: Lab, hand_in: Callable[[int], Path], tmp_path: Path
) -> None:
    source = hand_in(3)
    attacks = {
        "fork": "import os\nwhile True: os.fork()\n",
        "eat": "x = bytearray(8_000_000_000)\n",
        "fill": "open('f', 'wb').write(b'x' * 10**10)\n",
        "shout": "while True: print('x' * 100_000)\n",
        "snoop": "import glob, sys\nsys.exit(bool(glob.glob('/**/class/s000/*', recursive=True)) and 7)\n",
        "kill": "import os, signal\nos.kill(-1, signal.SIGKILL)\n",
    }
    for name, code in attacks.items():
        (source / name).mkdir()
        (source / name / "answer.txt").write_text("42")
        (source / name / "code.py").write_text(code)
    with zipfile.ZipFile(source / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("answer.txt", b"0" * 210_000_000)
    (source / "link").symlink_to("/")
    run = grade_class(lab, source, tmp_path / "out", Settings(workers=2))
    found = {record.student: record for record in run.records}
    assert {name: scores(tmp_path / "out")[name] for name in expected(3)} == expected(3)
    assert len(found) == 3 + len(attacks) + 2
    assert (found["bomb"].state, found["link"].state) == ("rejected", "rejected")
    for name in ("fork", "eat", "fill", "shout"):
        assert (found[name].state, scores(tmp_path / "out")[name]) == ("graded", 2.0), found[name].problem


@pytest.mark.needs("git")
def test_repositories_are_read_at_the_due_date(lab: Lab, tmp_path: Path) -> None:
    clone = tmp_path / "ann"
    clone.mkdir()
    ran = tmp_path / "ran"

    def git(*arguments: str, when: str = "") -> None:
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
        identity = ["-c", "user.name=a", "-c", "user.email=a@localhost"]
        subprocess.run(["git", *identity, *arguments], cwd=clone, check=True, env=env, capture_output=True)

    git("init", "-q", when="2026-11-01T00:00:00Z")
    for text, when in (("42", "2026-11-19T10:00:00Z"), ("41", "2026-11-21T10:00:00Z")):
        (clone / "answer.txt").write_text(text)
        git("add", "-A", when=when)
        git("commit", "-qm", text, when=when)
    (clone / ".git" / "config").write_text(f"[core]\n\tfsmonitor = touch {ran}\n\trepositoryformatversion = 0\n")
    listing = tmp_path / "repos.csv"
    listing.write_text("student,repository\nann,ann\nbob,\ncem,nowhere\n")
    policy = Policy.model_validate({"due": "2026-11-20T00:00:00Z"})
    found = {r.student: r for r in grade_class(lab, listing, tmp_path / "o1", Settings(policy=policy)).records}
    assert found["ann"].result and found["ann"].result.by_name()["first"].status == "passed"
    assert (found["bob"].state, found["cem"].state) == ("rejected", "ungraded")
    newest = {r.student: r for r in grade_class(lab, listing, tmp_path / "o2", Settings()).records}
    assert newest["ann"].result and newest["ann"].result.by_name()["first"].status == "failed"
    early = Policy.model_validate({"due": "2026-11-01T00:00:00Z"})
    none = {r.student: r for r in grade_class(lab, listing, tmp_path / "o3", Settings(policy=early)).records}
    assert none["ann"].state == "rejected" and "no commit before" in none["ann"].problem
    assert not ran.exists(), "the repository's own configuration ran a command of its author's"


PEOPLE = [
    (40_000 + number, f"Pérez-{chr(65 + number % 26)}{number}", f"Ann {chr(65 + number // 26)}.")
    for number in range(30)
]


def work_of(number: int) -> bytes:
    """What student ``number`` hands in: a zip with a folder around, as systems make them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in KINDS[number % 3].items():
            archive.writestr(f"lab/{name}", f"{text}" if name == "answer.txt" else f"{text}# {number}\n")
    return buffer.getvalue()


def from_canvas(folder: Path) -> None:
    for number, (id_, last, first) in enumerate(PEOPLE[:-1]):
        name = "".join(sign for sign in last + first if sign.isalnum()).lower()
        late = "LATE_" if number == 3 else ""
        (folder / f"{name}_{late}{id_}_{9000 + number}_lab.zip").write_bytes(work_of(number))
    (folder / f"{name}_{PEOPLE[0][0]}_9900_notes.txt").write_text("read me")
    (folder / f"{name}_{PEOPLE[1][0]}_9901_lab-1.zip").write_bytes(work_of(0))


def from_moodle(folder: Path) -> None:
    for number, (id_, last, first) in enumerate(PEOPLE[:-1]):
        target = folder / unicodedata.normalize("NFD", f"{first} {last}_{id_}_assignsubmission_file")
        target.mkdir()
        (target / "my work.zip").write_bytes(work_of(number))
    (folder / f"{PEOPLE[0][2]} {PEOPLE[0][1]}_{PEOPLE[0][0]}_assignsubmission_onlinetext").mkdir()


def from_gradescope(folder: Path) -> None:
    table = {}
    for number, (id_, last, first) in enumerate(PEOPLE[:-1]):
        with zipfile.ZipFile(io.BytesIO(work_of(number))) as archive:
            archive.extractall(folder / f"submission_{number}")
        day = 21 if number == 3 else 19
        table[f"submission_{number}"] = {
            ":submitters": [{":name": f"{first} {last}", ":sid": str(id_), ":email": f"{id_}@x"}],
            ":created_at": datetime(2026, 11, day, 12, 0, tzinfo=UTC),
        }
    (folder / "submission_metadata.yml").write_text(yaml.safe_dump(table, allow_unicode=True), "utf-8")


ROSTERS = {
    from_canvas: (
        "Student,ID,SIS User ID,SIS Login ID,Section\n    Points Possible,,,,\n",
        '"{1}, {2}",{0},S{0},l{0},A\n',
    ),
    from_moodle: ("Identifier,Full name,ID number,Email address\n", "Participant {0},{2} {1},M{0},{0}@x\n"),
    from_gradescope: ("First Name,Last Name,SID,Email,Role\n", "{2},{1},{0},{0}@x,Student\n"),
}


@pytest.mark.parametrize("export", ROSTERS, ids=lambda export: export.__name__)
def test_a_class_of_thirty_from_the_download_to_the_marks(
    lab: Lab, tmp_path: Path, export: Callable[[Path], None]
) -> None:
    folder, out = tmp_path / "download", tmp_path / "out"
    folder.mkdir()
    export(folder)
    head, line = ROSTERS[export]
    (tmp_path / "roster.csv").write_text(head + "".join(line.format(*person) for person in PEOPLE), "utf-8")
    (tmp_path / "policy.toml").write_text(
        'due = 2026-11-20T23:59:00Z\n[late]\npercent_per_day = 10\n[attempts]\ncount = "best"\n'
    )
    more = (
        "--roster",
        str(tmp_path / "roster.csv"),
        "--policy",
        str(tmp_path / "policy.toml"),
        "--assignment",
        "Lab 01 (77)",
    )
    done = subprocess.run(command(folder, out, *more), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    table = json.loads(done.stdout)
    assert (len(table["missing"]), table["unknown"], table["ambiguous"], table["rejected"]) == (1, [], [], 0)

    right = {id_: SCORES[number % 3] for number, (id_, *_) in enumerate(PEOPLE[:-1])}
    if export is from_canvas:
        right[PEOPLE[1][0]] = SCORES[0]  # the better one of two attempts
    if export is not from_moodle:  # Moodle's download does not say when somebody handed in
        right[PEOPLE[3][0]] -= 0.5
    if export is from_moodle:
        rows = {
            int(row["Identifier"].split()[1]): row["Grade"]
            for row in csv.DictReader((out / "moodle.csv").open(encoding="utf-8"))
        }
    else:
        lines = list(csv.reader((out / "canvas.csv").open(encoding="utf-8")))
        assert lines[0][5] == "Lab 01 (77)" and lines[1][5] == "5" and len(lines) == 32
        rows = {int(cells[1]): cells[5] for cells in lines[2:] if cells[5]}
    assert {id_: float(grade) for id_, grade in rows.items()} == right
    page = (out / "class.html").read_text("utf-8")
    assert all(f">{mark['name']}" in page for mark in table["marks"])


def test_a_judge_that_is_out_of_memory_gives_nobody_a_zero(
    lab: Lab, hand_in: Callable[[int], Path], tmp_path: Path
) -> None:
    """The kernel ends what goes over the limit of a control group: workers, or the judge itself. Then there is memory again."""
    group = Path("/sys/fs/cgroup/memory") / f"class-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        pytest.skip("no control group for memory can be made here")
    source, out = hand_in(6), tmp_path / "out"
    try:
        (group / "memory.limit_in_bytes").write_text("90M")
        process = subprocess.Popen(
            command(source, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=lambda: (group / "cgroup.procs").write_text(str(os.getpid())),
        )  # fmt: skip
        try:
            status = process.wait(timeout=300)
        finally:
            process.kill()
            process.wait()
        failed = int((group / "memory.failcnt").read_text())
        assert failed > 0 and status != 0, "the limit was never met"
        kept = {student: score for student, score in scores(out).items() if score is not None}
        assert all(score == expected(6)[student] for student, score in kept.items())
    finally:
        for pid in (group / "cgroup.procs").read_text().split():
            os.kill(int(pid), signal.SIGKILL)
        while (group / "cgroup.procs").read_text():
            time.sleep(0.05)
        group.rmdir()
    done = subprocess.run(command(source, out), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert scores(out) == expected(6)


def test_every_cheat_in_a_class_leaves_the_others_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lab 02's whole corpus of cheats beside three honest students."""
    monkeypatch.delenv("SANDBOX_COURSE", raising=False)
    lab = open_course().find("02")
    honest = [sample for sample in samples(lab) if sample.kind in ("solution", "wrong")][:3]
    cheats = [sample for sample in samples(lab) if sample.kind == "cheat"]
    assert len(cheats) > 10
    alone, crowd = tmp_path / "alone", tmp_path / "crowd"
    for sample in honest:
        assemble(lab, sample, alone / sample.name)
        assemble(lab, sample, crowd / sample.name)
    for sample in cheats:
        assemble(lab, sample, crowd / f"cheat-{sample.name}")
    before = {r.student: r.result for r in grade_class(lab, alone, tmp_path / "a", Settings()).records}
    after = {r.student: r for r in grade_class(lab, crowd, tmp_path / "b", Settings()).records}
    assert {record.state for record in after.values()} <= {"graded", "rejected"}
    for student, result in before.items():
        seen = after[student].result
        assert result and seen
        assert [(c.name, c.status, c.points) for c in seen.checks] == [
            (c.name, c.status, c.points) for c in result.checks
        ]
