"""The process runtime, with the course site's real server: started, killed, lost, told truly, healed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import psutil
import pytest

from sandbox.runtime.processes import _left
from sandbox.runtime.records import ProcessRecord, StackRecord
from sandbox.runtime.settings import StackError
from sandbox.runtime.stack import Stack
from sandbox.runtime.status import UnitStatus
from sandbox.runtime.units import Unit


@pytest.fixture
def site(stack: Stack) -> Unit:
    """The unit that is quickest to start; the stack is cut down to it."""
    unit = next(unit for unit in stack.units if unit.name == "site")
    stack.units = (unit,)
    return unit


@pytest.fixture
def taken(site: Unit) -> Iterator[int]:
    """Somebody else listens on the unit's port."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", site.port))
        other.listen()
        yield os.getpid()


def told(stack: Stack) -> UnitStatus:
    return stack.status().unit("site")


def test_start_tell_stop(stack: Stack, site: Unit) -> None:
    assert not stack.status().started
    status = stack.start("process")
    assert status.healthy
    assert status.runtime == "process"
    assert psutil.Process(told(stack).pid).is_running()
    assert stack.stop() == ["site"]
    assert told(stack).state == "stopped"
    assert stack.stop() == []


def test_a_second_start_changes_nothing(stack: Stack, site: Unit) -> None:
    first = stack.start("process").unit("site")
    assert stack.start("auto").unit("site") == first


def test_a_killed_process_is_told_and_healed(stack: Stack, site: Unit) -> None:
    pid = stack.start("process").unit("site").pid
    os.kill(pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=10)
    status = stack.status()
    assert (status.unit("site").state, status.healthy) == ("died", False)
    assert str(pid) in status.unit("site").detail
    assert stack.start("auto").healthy
    assert told(stack).pid != pid


def test_an_id_that_another_process_has_by_now_is_not_ours(stack: Stack, site: Unit) -> None:
    record = ProcessRecord("site", os.getpid(), 1.0, site.port, site.fingerprint(), (), started_at=1.0)
    stack.records.write_process(record)
    stack.records.write_stack(StackRecord("process", ()))
    assert told(stack).state == "died"
    stack.stop()  # must not end the process that runs this test
    assert told(stack).state == "stopped"


def test_a_process_that_lost_its_record_is_found(stack: Stack, site: Unit) -> None:
    pid = stack.start("process").unit("site").pid
    stack.records.forget_process("site")
    assert told(stack).state == "stopped"
    assert stack.start("process").healthy
    assert told(stack).pid != pid
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_taken_port_names_the_variable_and_the_process(stack: Stack, site: Unit, taken: int) -> None:
    with pytest.raises(StackError, match=rf"{site.port} \(SANDBOX_SITE_PORT\).*process {taken}") as error:
        stack.start("process")
    assert "SANDBOX_SITE_PORT=PORT" in error.value.fix
    assert not stack.status().started


def test_what_does_not_get_ready_is_stopped_and_its_output_shown(stack: Stack, site: Unit) -> None:
    assert site.command is not None
    broken = replace(site, command=replace(site.command, arguments=("-c", "raise SystemExit('no luck today')")))
    stack.units = (broken,)
    with pytest.raises(StackError, match=r"ended while it started[\s\S]*no luck today"):
        stack.start("process")
    assert not stack.status().started
    assert stack.records.process("site") is None


def test_a_record_that_was_cut_counts_as_none(stack: Stack, site: Unit) -> None:
    stack.records.folder.mkdir(parents=True)
    for name in ("stack.json", "process-site.json"):
        (stack.records.folder / name).write_text('{"pid": 1')
    assert told(stack).state == "stopped"
    assert not stack.status().started


def test_a_change_of_its_description_restarts_it(stack: Stack, site: Unit) -> None:
    pid = stack.start("process").unit("site").pid
    stack.units = (replace(site, definition=site.definition + " "),)
    assert stack.start("process").unit("site").pid != pid


def test_unknown_runtime_and_profile_are_named(stack: Stack) -> None:
    with pytest.raises(StackError, match="vm"):
        stack.start("vm")
    with pytest.raises(StackError, match="gpu"):
        stack.start("process", ["gpu"])


def test_the_lock_is_free_after_its_holder_and_nests(stack: Stack) -> None:
    said: list[str] = []
    with stack.records.lock(said.append), stack.records.lock(said.append):
        pass
    with stack.records.lock(said.append):
        pass
    assert said == []


def test_docker_that_cannot_be_used_says_why(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_TOOL_DOCKER", "none")
    with pytest.raises(StackError, match="docker is hidden"):
        stack.start("docker")


def test_auto_without_docker_says_why(stack: Stack, site: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_TOOL_DOCKER", "none")
    status = stack.start("auto")
    assert (status.runtime, status.healthy) == ("process", True)
    assert "docker is hidden" in status.reason


def test_a_dead_process_that_nobody_buries_counts_as_ended() -> None:
    """As in a container whose process 1 is no init: each stop would wait for it in vain."""
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    process = psutil.Process(child.pid)
    assert _left([process], timeout_s=20) == []
    assert process.status() == psutil.STATUS_ZOMBIE
    child.wait()
