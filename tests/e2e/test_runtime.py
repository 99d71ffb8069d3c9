"""Both runtimes for real, as a person meets them: `lab start`, `status`, `stop`, with what goes wrong in between.

Each module run has a state folder and ports of its own; the developer's sandbox is never touched.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from sandbox.course import Course
from sandbox.runtime import Stack
from sandbox.runtime.processes import MARK
from sandbox.runtime.settings import compose_document
from tests.commands import LAB

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow

both = pytest.mark.parametrize(
    "runtime", ["process", pytest.param("docker", marks=pytest.mark.needs("docker", "compose"))]
)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Iterator[Course]:
    """This checkout with a state folder and ports of its own, and a model."""
    folder = tmp_path_factory.mktemp("state")
    folder.parent.chmod(0o755)  # containers do not run as root and must reach the model
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANDBOX_STATE", str(folder))
        held = []
        for name in compose_document()["x-ports"]:
            probe = socket.socket()
            probe.bind(("127.0.0.1", 0))
            held.append(probe)
            patch.setenv(name, str(probe.getsockname()[1]))
        for probe in held:
            probe.close()
        made = Course(ROOT)
        shutil.copytree(prepared, folder, dirs_exist_ok=True)
        folder.chmod(0o755)
        yield made
        Stack(made).stop(images=True)


@pytest.fixture
def stack(course: Course) -> Stack:
    """The stack, with nothing running."""
    made = Stack(course)
    made.stop()
    return made


@pytest.fixture(scope="module")
def flights() -> bytes:
    """1,000 flights of July, as POST /predict takes them."""
    command = [sys.executable, "-m", "sandbox.service", "sample", "--month", "7", "--count", "1000"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout


def lab(*arguments: str) -> subprocess.CompletedProcess[str]:
    """One command, as typed."""
    return subprocess.run([*LAB, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300)


def begin(*arguments: str) -> subprocess.Popen[str]:
    """One command, left to run."""
    return subprocess.Popen(
        [*LAB, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # A shell that runs the tests in the background ignores Ctrl-C, and its children would do the same.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def until(true: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def predicted(stack: Stack, flights: bytes) -> bytes:
    url = stack.status().unit("service").url
    answer = httpx.post(f"{url}/predict", content=flights, headers={"Content-Type": "application/json"}, timeout=60)
    assert answer.status_code == 200, answer.text
    assert len(json.loads(answer.content)) == 1000
    return answer.content


def left_behind(stack: Stack) -> list[str]:
    """Whatever of this stack is on the machine: marked processes, containers, networks, listening ports."""
    found = []
    for process in psutil.process_iter():
        try:
            mark = process.environ().get(MARK, "")
            if mark.startswith(f"{stack.settings.state}:") and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"process {process.pid} ({mark})")
        except (psutil.Error, OSError):
            continue
    if stack.containers.answers():
        label = f"label=com.docker.compose.project={stack.settings.project}"
        for kind in (["ps", "--all"], ["network", "ls"]):
            listed = subprocess.run(["docker", *kind, "--quiet", "--filter", label], capture_output=True, text=True)
            found += [f"{kind[0]} {identity}" for identity in listed.stdout.split()]
    for unit in stack.units:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", unit.port)) == 0:
                found.append(f"port {unit.port} of {unit.name}")
    return found


def kill(stack: Stack, name: str) -> None:
    """kill -9, wherever the unit runs."""
    unit = stack.status().unit(name)
    if unit.container:
        subprocess.run(["docker", "kill", "--signal", "KILL", unit.container], check=True, capture_output=True)
    else:
        os.kill(unit.pid, signal.SIGKILL)
    until(lambda: stack.status().unit(name).state == "died", 20)


@pytest.mark.needs("docker", "compose")
def test_both_runtimes_predict_the_same_to_the_byte(stack: Stack, flights: bytes) -> None:
    by_process = stack.start("process")
    first = predicted(stack, flights)
    by_docker = stack.start("docker")
    assert (by_process.runtime, by_docker.runtime, by_docker.healthy) == ("process", "docker", True)
    assert [unit.url for unit in by_process.units] == [unit.url for unit in by_docker.units]
    assert predicted(stack, flights) == first
    assert stack.settings.logs.joinpath("service.log").stat().st_size > 0


@both
def test_start_tell_stop_as_typed(stack: Stack, runtime: str) -> None:
    started = lab("start", "--runtime", runtime)
    assert started.returncode == 0, started.stdout + started.stderr
    assert "A first prediction" in started.stdout
    before = [(unit.pid, unit.container) for unit in stack.status().units]
    assert lab("start").returncode == 0
    assert [(unit.pid, unit.container) for unit in stack.status().units] == before, "a second start changed something"
    told = lab("status", "--json")
    assert (told.returncode, json.loads(told.stdout)["runtime"]) == (0, runtime)
    stopped = lab("stop")
    assert "service" in stopped.stdout and "site" in stopped.stdout
    assert left_behind(stack) == []
    assert "Nothing is started" in lab("status").stdout
    assert "Nothing was running" in lab("stop").stdout


@both
@pytest.mark.parametrize("name", ["service", "site"])
def test_what_was_killed_is_told_and_healed(stack: Stack, runtime: str, name: str, flights: bytes) -> None:
    stack.start(runtime)
    kill(stack, name)
    told = lab("status")
    assert told.returncode == 1
    assert "died" in told.stdout and "make start" in told.stdout
    assert lab("start").returncode == 0
    healed = stack.status()
    assert (healed.runtime, healed.healthy) == (runtime, True)
    predicted(stack, flights)


@both
def test_sigterm_ends_the_service_in_order(stack: Stack, runtime: str) -> None:
    unit = stack.start(runtime).unit("service")
    if unit.container:
        subprocess.run(["docker", "kill", "--signal", "TERM", unit.container], check=True, capture_output=True)
    else:
        os.kill(unit.pid, signal.SIGTERM)
    until(lambda: stack.status().unit("service").state == "died", 40)
    detail = stack.status().unit("service").detail
    assert "ended with status 0" in detail if unit.container else str(unit.pid) in detail
    assert stack.start("auto").healthy


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_start_that_is_interrupted_leaves_nothing_behind(stack: Stack, number: signal.Signals) -> None:
    process = begin("start", "--runtime", "process")
    until(lambda: stack.records.process("service"))
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "stopping what was started" in said
    assert left_behind(stack) == []
    status = stack.status()
    assert (status.started, {unit.state for unit in status.units}) == (False, {"stopped"})


@pytest.mark.needs("docker", "compose")
def test_an_interrupted_start_in_docker_leaves_nothing_behind(stack: Stack) -> None:
    process = begin("start", "--runtime", "docker")
    until(lambda: stack.containers.status(stack.units[0]).container or stack.containers.output("service"))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode in (0, 130)  # 0 where it was ready before the signal came
    if process.returncode == 130:
        assert [thing for thing in left_behind(stack) if not thing.startswith("network")] == []
    stack.stop()
    assert left_behind(stack) == []


def test_a_start_that_is_killed_is_told_and_healed(stack: Stack) -> None:
    process = begin("start", "--runtime", "process")
    until(lambda: stack.records.process("service"))
    process.kill()
    process.communicate()
    assert not stack.status().healthy
    assert stack.start("process").healthy
    running = [thing for thing in left_behind(stack) if thing.startswith("process")]
    assert len(running) == len(stack.status().units), running


@both
def test_two_starts_at_once_make_one_stack(stack: Stack, runtime: str) -> None:
    pair = [begin("start", "--runtime", runtime) for _ in range(2)]
    said = [process.communicate(timeout=300)[0] for process in pair]
    assert [process.returncode for process in pair] == [0, 0], said
    assert sum("waiting for it" in text for text in said) == 1, said
    assert stack.status().healthy
    for unit in stack.status().units:
        marked = [thing for thing in left_behind(stack) if thing.endswith(f":{unit.name})")]
        assert len(marked) == (unit.kind == "process"), marked


def test_a_taken_port_is_named_with_its_variable_and_holder(stack: Stack) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # an earlier test's connections may linger
        other.bind(("127.0.0.1", stack.settings.ports["SANDBOX_SERVICE_PORT"]))
        other.listen()
        refused = lab("start", "--runtime", "process")
    assert refused.returncode == 2
    said = " ".join(refused.stderr.split())
    assert "(SANDBOX_SERVICE_PORT) is taken" in said and f"process {os.getpid()}" in said
    assert "SANDBOX_SERVICE_PORT=PORT" in said
    assert left_behind(stack) == []


def test_a_stale_record_ends_nobody_else(stack: Stack) -> None:
    pid = stack.start("process").unit("service").pid
    record = stack.records.process("service")
    assert record is not None
    kill(stack, "service")
    # The system has given the id to somebody else since: to the process of this test.
    path = stack.records.folder / "process-service.json"
    path.write_text(path.read_text().replace(f'"pid": {pid}', f'"pid": {os.getpid()}'))
    assert stack.status().unit("service").state == "died"
    assert stack.start("auto").healthy
    assert "service" in stack.stop()


@both
@pytest.mark.needs("prometheus", "alertmanager", "locust")
def test_everything_listens_on_loopback_only(stack: Stack, runtime: str) -> None:
    stack.start(runtime, ["monitoring"])
    ours = {unit.port for unit in stack.status().units if unit.state == "running"}
    assert len(ours) >= 6
    seen = set()
    for connection in psutil.net_connections(kind="tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port in ours:
            seen.add(connection.laddr.port)
            assert connection.laddr.ip == "127.0.0.1", connection
    assert seen == ours


@pytest.mark.needs("docker", "compose")
def test_the_image_goes_too_where_that_is_asked_for(stack: Stack) -> None:
    stack.start("docker")
    image = next(unit.image for unit in stack.units if unit.built)
    assert stack.containers.has_image(image)
    assert image in lab("stop", "--images").stdout
    assert not stack.containers.has_image(image)
    assert left_behind(stack) == []
