"""What the panel of a lab page asks for: where the learner stands, begin, check, hint, reset, open the folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field

from sandbox import tools, workspace
from sandbox.course import LAB_ID, Lab, open_course
from sandbox.grading.store import LabProgress, Store
from sandbox.web.runs import Run, Runs

router = APIRouter(prefix="/api")
# Begin, reset and hints change files: one at a time.
_changes = threading.Lock()


def _lab(request: Request, name: Annotated[str, Path(pattern=LAB_ID.pattern, max_length=80)]) -> Lab:
    """The lab of that id, and of no other spelling."""
    for lab in open_course(request.app.state.course).labs:
        if lab.id == name:
            return lab
    raise HTTPException(404, f"There is no lab {name}.")


def _runs(request: Request) -> Runs:
    runs: Runs = request.app.state.runs
    return runs


TheLab = Annotated[Lab, Depends(_lab)]
TheRuns = Annotated[Runs, Depends(_runs)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ResetBody(_Body):
    """The lab's id once more: a reset is never sent by accident."""

    confirm: str


class HintBody(_Body):
    """The check to give a hint for; empty for the first that failed."""

    check: str = Field(default="", max_length=100)


@router.get("/labs")
def labs(request: Request) -> list[dict[str, Any]]:
    """Where the learner stands in each lab."""
    return [_summary(row) for row in Store(open_course(request.app.state.course)).progress()]


@router.get("/labs/{name}")
def state(lab: TheLab, runs: TheRuns) -> dict[str, Any]:
    """Where the learner stands in one lab."""
    return _state(lab, runs)


@router.post("/labs/{name}/begin")
def begin(lab: TheLab, runs: TheRuns) -> dict[str, Any]:
    """Make the workspace."""
    with _changes:
        workspace.begin(lab)
    return _state(lab, runs)


@router.post("/labs/{name}/reset")
def reset(lab: TheLab, runs: TheRuns, body: ResetBody) -> dict[str, Any]:
    """Put the workspace aside and make a clean one."""
    if body.confirm != lab.id:
        raise HTTPException(422, f"To reset, confirm with {lab.id}.")
    with _changes:
        kept = workspace.reset(lab)
        Store(lab.course).forget(lab)
    return {**_state(lab, runs), "kept": str(kept) if kept else ""}


@router.post("/labs/{name}/hint")
def hint(lab: TheLab, body: HintBody) -> dict[str, Any]:
    """One step further up."""
    with _changes:
        step = Store(lab.course).next_hint(lab, body.check)
    return {"check": step.check, "number": step.number, "total": step.total, "text": step.text}


@router.post("/labs/{name}/open")
def open_folder(lab: TheLab) -> dict[str, str]:
    """Show the workspace in the file manager."""
    program = opener()
    if not program or not lab.workspace.is_dir():
        raise HTTPException(409, "There is no folder to open, or no file manager to open it with.")
    subprocess.Popen(
        [*program, str(lab.workspace)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return {"opened": str(lab.workspace)}


async def _started(lab: TheLab, runs: TheRuns) -> Run:
    # A dependency, so that a refusal comes as a status before the stream begins.
    return runs.start(lab)


async def _going(lab: TheLab, runs: TheRuns) -> Run:
    if run := runs.going(lab.id):
        return run
    raise HTTPException(404, "No check is running.")


@router.post("/labs/{name}/check", response_class=EventSourceResponse)
async def check(run: Annotated[Run, Depends(_started)]) -> AsyncIterator[ServerSentEvent]:
    """Grade the workspace; the judge's events as they happen, then ``done``, ``cancelled`` or ``problem``."""
    async for event in run.follow():
        yield ServerSentEvent(data=event)


@router.get("/labs/{name}/events", response_class=EventSourceResponse)
async def events(run: Annotated[Run, Depends(_going)]) -> AsyncIterator[ServerSentEvent]:
    """The events of the run that is going on, from its first: for a second tab, and after a reload."""
    async for event in run.follow():
        yield ServerSentEvent(data=event)


@router.post("/labs/{name}/cancel", status_code=202)
async def cancel(run: Annotated[Run, Depends(_going)]) -> dict[str, bool]:
    """Stop the run that is going on."""
    run.cancel()
    return {"cancelled": True}


def opener() -> tuple[str, ...]:
    """The command that shows a folder in this system's file manager, or an empty one where there is none."""
    if sys.platform == "darwin":
        return ("open",)
    if (explorer := shutil.which("explorer.exe")) and "WSL_DISTRO_NAME" in os.environ:
        return (explorer,)
    if (found := shutil.which("xdg-open")) and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return (found,)
    return ()


def _summary(row: LabProgress) -> dict[str, Any]:
    return {
        "id": row.lab.id,
        "title": row.lab.spec.title,
        "begun": row.begun,
        "best": row.best,
        "score": row.last.score if row.last else None,
        "max_score": row.last.max_score if row.last else None,
        "passed": bool(row.last and row.last.passed),
    }


def _state(lab: Lab, runs: Runs) -> dict[str, Any]:
    store = Store(lab.course)
    row = next(row for row in store.progress() if row.lab.id == lab.id)
    missing = [look for name in lab.spec.needs if not (look := tools.look(name)).tool]
    return {
        **_summary(row),
        "number": lab.number,
        "workspace": str(lab.workspace),
        "can_open": bool(opener()),
        "missing": [{"tool": look.name, "problem": look.problem, "fix": look.fix} for look in missing],
        "hints": {name: len(steps) for name, steps in lab.hints.items()},
        "last": row.last.to_json() if row.last else None,
        "running": runs.going(lab.id) is not None,
    }
