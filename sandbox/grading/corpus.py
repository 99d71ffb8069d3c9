"""The calibration corpus of a lab: its starter, its solution, right and wrong submissions, cheats."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sandbox.course import CourseError, Lab
from sandbox.grading.fault import Edit, FaultError, read_edits

Kind = Literal["starter", "solution", "right", "wrong", "cheat"]
BUILD = "_build.py"


@dataclass(frozen=True)
class Sample:
    """One submission whose grade is known beforehand.

    Attributes:
        fails: for a wrong one, exactly the checks that fail.
        earns: for a cheat, the checks that the honest work in it may pass.
        edits: what is changed in the text of its base.
    """

    kind: Kind
    name: str
    folder: Path | None
    base: Literal["starter", "solution"] = "starter"
    remove: tuple[str, ...] = ()
    why: str = ""
    fails: frozenset[str] = frozenset()
    earns: frozenset[str] = frozenset()
    edits: tuple[Edit, ...] = ()


def samples(lab: Lab) -> Iterator[Sample]:
    """Every sample of the lab, the quickest proofs first.

    Raises:
        CourseError: an ``expect.toml`` is missing or does not hold.
    """
    yield Sample("starter", "starter", None)
    yield Sample("solution", "solution", None, base="solution")
    for folder in _folders(lab.corpus / "right"):
        yield _sample("right", folder)
    for folder in _folders(lab.corpus / "wrong"):
        yield _sample("wrong", folder)
    for folder in _folders(lab.cheats):
        yield _sample("cheat", folder)


def assemble(lab: Lab, sample: Sample, target: Path, live: dict[str, str] | None = None) -> Path:
    """Make the sample's workspace in ``target``: starter, then solution or not, then its own files and its edits.

    A file ``_build.py`` among them is the corpus's own code: it is run there (with ``SERVICE_URL`` and ``SERVICE_LOG``
    where a service runs) and removed. It makes what no file and no edit can hold: answers that depend on the running service, git history.

    Raises:
        CourseError: that code failed, or an edit no longer fits what it changes.
    """
    shutil.copytree(lab.starter, target, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    layers = [lab.solution] if sample.base == "solution" else []
    if sample.folder is not None:
        layers.append(sample.folder)
    for layer in layers:
        shutil.copytree(
            layer,
            target,
            symlinks=True,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("__pycache__", "expect.toml"),
        )
        _build(target, live)
    try:
        for edit in sample.edits:
            edit.apply(target)
    except FaultError as error:
        raise CourseError(f"{sample.kind} submission {sample.name}: {error}") from None
    for name in sample.remove:
        path = target / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return target


def _build(target: Path, live: dict[str, str] | None) -> None:
    script = target / BUILD
    if not script.is_file():
        return
    env = dict(os.environ) | ({"SERVICE_URL": live["url"], "SERVICE_LOG": live["log"]} if live else {})
    done = subprocess.run([sys.executable, str(script)], cwd=target, env=env, capture_output=True, text=True)
    script.unlink()
    if done.returncode:
        raise CourseError(f"{BUILD} of a sample failed with exit status {done.returncode}: {done.stderr[-800:]}")


def _folders(parent: Path) -> list[Path]:
    return sorted(folder for folder in parent.iterdir() if folder.is_dir()) if parent.is_dir() else []


def _sample(kind: Kind, folder: Path) -> Sample:
    path = folder / "expect.toml"
    table = tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
    required = {"wrong": {"why", "fails"}, "cheat": {"tries", "earns"}}.get(kind, set())
    if missing := required - set(table):
        raise CourseError(f"{path}: missing: {', '.join(sorted(missing))}.")
    if unknown := set(table) - required - {"why", "base", "remove", "edits"}:
        raise CourseError(f"{path}: unknown key: {', '.join(sorted(unknown))}.")
    if kind == "wrong" and not table["fails"]:
        raise CourseError(f"{path}: a wrong submission fails at least one check.")
    try:
        edits = read_edits(table)
    except TypeError as error:
        raise CourseError(f"{path}: an edit does not hold: {error}") from None
    return Sample(
        kind, folder.name, folder, table.get("base", "starter"), tuple(table.get("remove", ())),
        table.get("why") or table.get("tries", ""), _names(table.get("fails", ())), _names(table.get("earns", ())), edits,
    )  # fmt: skip


def _names(names: list[str]) -> frozenset[str]:
    return frozenset(name.removeprefix("check_") for name in names)
