"""A stack of its own for each test: a state folder and ports that nobody else uses."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.course import Course
from sandbox.runtime.settings import compose_document
from sandbox.runtime.stack import Stack

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """This checkout, with its state elsewhere and every port a free one."""
    monkeypatch.setenv("SANDBOX_STATE", str(tmp_path / "state"))
    sockets = []
    for name in compose_document()["x-ports"]:
        # All are held until all are chosen, so that no two get the same.
        held = socket.socket()
        held.bind(("127.0.0.1", 0))
        sockets.append(held)
        monkeypatch.setenv(name, str(held.getsockname()[1]))
    for held in sockets:
        held.close()
    return Course(ROOT)


@pytest.fixture
def stack(course: Course) -> Iterator[Stack]:
    """The stack, stopped at the end of the test."""
    made = Stack(course)
    yield made
    for unit in made.units:
        made.processes.stop(unit.name)
