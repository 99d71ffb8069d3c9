from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sandbox.errors import UserError
from sandbox.jail import JailUnavailable, Limits, choose, open_jail
from sandbox.jail.interface import Finished, Jail, make_task
from sandbox.jail.process import moved


@pytest.mark.parametrize("name", ["timeout_s", "memory_mb", "processes", "file_mb", "disk_mb", "cpu_s"])
def test_limits_are_above_zero(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Limits(**{name: 0})


def test_cpu_time_follows_the_time() -> None:
    assert Limits(timeout_s=10).cpu_seconds == 20
    assert Limits(timeout_s=10, cpu_s=3).cpu_seconds == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"argv": []},
        {"argv": ["a\0b"]},
        {"env": {"A=B": "x"}},
        {"env": {"": "x"}},
        {"cwd": "/etc"},
        {"cwd": "../.."},
        {"collect": ["../x"]},
        {"collect": ["--checkpoint-action=exec=sh"]},
        {"collect": [""]},
        {"mounts": {"relative": Path("/")}},
        {"mounts": {"/": Path("/")}},
        {"mounts": {"/proc": Path("/")}},
        {"mounts": {"/a/../proc": Path("/")}},
        {"bridge": {"../up.sock": 80}},
        {"bridge": {"http.sock": 0}},
    ],
)
def test_what_no_wall_should_have_to_look_at_is_refused(wrong: dict[str, object]) -> None:
    given: dict[str, object] = {"argv": ["true"], "env": None, "mounts": None, **wrong}
    argv, env, mounts = given.pop("argv"), given.pop("env"), given.pop("mounts")
    with pytest.raises(ValueError, match=r"not a|at least one|NUL"):
        make_task(argv, None, env, None, None, mounts, **given)  # type: ignore[arg-type]


def test_finished_is_ok_only_with_status_zero() -> None:
    assert Finished(("true",), 0, None, "", "", 0.1).ok
    assert not Finished(("true",), None, 9, "", "", 0.1).ok
    assert not Finished(("true",), 1, None, "", "", 0.1).ok


def test_other_peoples_work_never_runs_without_a_wall() -> None:
    with pytest.raises(JailUnavailable, match="your own work only"):
        open_jail("process", own_work=False)


def test_an_unknown_wall_names_the_known_ones() -> None:
    with pytest.raises(UserError, match="bubblewrap"):
        open_jail("moat")


def refuse(wall: str) -> Jail:
    if wall == "process":
        jail = Jail()
        jail.name, jail.notice = "process", "No wall."
        return jail
    raise JailUnavailable(f"{wall} is broken.", f"Mend {wall}.")


def test_without_any_wall_it_says_what_was_tried_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "_open", refuse)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("SANDBOX_JAIL", raising=False)
    with pytest.raises(JailUnavailable) as caught:
        open_jail(own_work=False)
    assert "bubblewrap is broken." in caught.value.message and "docker is broken." in caught.value.message
    assert "Mend bubblewrap." in caught.value.fix and "Mend docker." in caught.value.fix


def test_one_falls_to_no_wall_for_own_work_only_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "_open", refuse)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("SANDBOX_JAIL", raising=False)
    jail = open_jail()
    assert jail.name == "process"
    assert "make doctor" in jail.notice
    assert jail.tried == ("bubblewrap: bubblewrap is broken.", "docker: docker is broken.")


def test_places_inside_become_paths_of_the_host_without_a_wall() -> None:
    places = {"/job": Path("/tmp/j1/job"), "/lab": Path("/srv/lab"), "/lab/deep": Path("/srv/deep")}
    assert moved("/job", places) == "/tmp/j1/job"
    assert moved("--config=/lab/deep/x.yml", places) == "--config=/srv/deep/x.yml"
    assert moved("/job/a:/lab/b", places) == "/tmp/j1/job/a:/srv/lab/b"
    assert moved("/jobs /my/job joblab", places) == "/jobs /my/job joblab"
