"""What the commands ``lab check``, ``lab watch`` and ``lab verify`` do: grade, show, remember."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from sandbox.course import Lab
from sandbox.errors import UserError
from sandbox.grading.live import private_service, running_service
from sandbox.grading.results import LabResult
from sandbox.grading.run import Cancelled, Event, Options, grade
from sandbox.grading.store import Store
from sandbox.grading.verify import Trial
from sandbox.grading.verify import verify as verify_lab
from sandbox.reports.terminal import CheckPrinter, print_summary


def check(
    lab: Lab,
    *,
    source: Path | None = None,
    only: tuple[str, ...] = (),
    wall: str = "auto",
    seed: int | None = None,
    console: Console | None = None,
    cancel: threading.Event | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
) -> LabResult:
    """Grade the learner's workspace (or ``source``), show it on ``console`` or tell ``on_event``, remember the result.

    Raises:
        UserError: there is no workspace.
        Cancelled: ``cancel`` was set.
    """
    folder = source or lab.workspace
    if not folder.is_dir():
        raise UserError(f"{folder} does not exist.", f"Begin the lab first: lab begin {lab.number}")
    options = Options(wall=wall, only=only, seed=seed, live=running_service(lab.course))
    with CheckPrinter(console) if console else contextlib.nullcontext(on_event) as show:
        result = grade(lab, folder, options, show, cancel)
    # A part of the checks, or another folder, says nothing about where the learner stands.
    if not only and source is None:
        Store(lab.course).save(result)
    if console:
        print_summary(console, result, lab.number)
    return result


def watch(lab: Lab, *, wall: str, console: Console) -> None:
    """Grade again on every save until ``q``."""
    from sandbox.watch import loop

    if not lab.workspace.is_dir():
        raise UserError(f"{lab.workspace} does not exist.", f"Begin the lab first: lab begin {lab.number}")

    def run(stale: threading.Event, everything: bool) -> None:
        last = Store(lab.course).last(lab)
        # After a failure only that check and what it comes after are of interest; `a` or a pass widens it again.
        failed = (
            [result.name for result in last.checks if result.status == "failed"][:1] if last and not everything else []
        )
        console.rule(f"{lab.id}{': ' + failed[0] if failed else ''}")
        try:
            result = check(lab, only=tuple(failed), wall=wall, console=console, cancel=stale)
            if failed and result.passed:
                check(lab, wall=wall, console=console, cancel=stale)
        except Cancelled:
            console.print("a newer save: starting again", style="dim")
        except UserError as error:
            console.print(Text(str(error), style="red"))
        console.print("r run · a all · h hint · q quit", style="dim")

    def hint() -> None:
        try:
            step = Store(lab.course).next_hint(lab)
            console.print(
                Text.assemble((f"{step.check}, step {step.number} of {step.total}: ", "bold cyan"), step.text)
            )
        except UserError as error:
            console.print(Text(str(error)))

    loop(lab.workspace, run, hint)


def verify(
    labs: list[Lab],
    *,
    quick: bool,
    repeat: int,
    pick: str,
    wall: str,
    seed: int | None,
    jobs: int,
    minutes: float | None,
    console: Console | None,
) -> dict[str, list[Trial]]:
    """Calibrate labs; a line per trial as it ends.

    Args:
        minutes: for all labs together. Each gets an equal share of what those before it have left.
    """
    done: dict[str, list[Trial]] = {}
    ends = None if minutes is None else time.monotonic() + minutes * 60
    for place, lab in enumerate(labs):
        if console:
            console.rule(lab.id)

        def show(trial: Trial) -> None:
            if console and not trial.left_out:
                console.print(trial_line(trial))

        with _live_for(lab) as live:
            options = Options(wall=wall, own_work=True, seed=seed, live=live)
            within_s = None if ends is None else max(0.0, ends - time.monotonic()) / (len(labs) - place)
            done[lab.id] = verify_lab(
                lab,
                quick=quick,
                repeat=repeat,
                pick=pick,
                jobs=jobs,
                within_s=within_s,
                options=options,
                on_trial=show,
            )
    if console:
        console.print()
        console.print(verify_summary(done))
    return done


def trial_line(trial: Trial) -> Text:
    """One line of ``lab verify``."""
    sign, style = {True: ("✓", "green"), False: ("✗", "bold red"), None: ("▢", "yellow")}[trial.ok]
    line = Text.assemble(
        (f"{sign} ", style), f"{trial.kind}/{trial.name}", (f"  {trial.why}", "dim" if trial.ok else "")
    )
    if trial.max_score:
        line.append(f"  {trial.score:g}/{trial.max_score:g}, {trial.duration_s:.1f} s", style="dim")
    return line


def verify_summary(done: dict[str, list[Trial]]) -> Text:
    rows = [trial for trials in done.values() for trial in trials]
    good, bad, left = (sum(t.ok is True for t in rows), sum(t.ok is False for t in rows), sum(t.left_out for t in rows))
    blocked = len(rows) - good - bad - left
    text = f"{good} trials hold, {bad} do not, {blocked} blocked, {sum(t.duration_s for t in rows):.0f} s"
    if left:
        text += f"; {left} left out, since the time was over"
    # Those that do not hold once more: their lines may be hundreds of lines up.
    again = [
        Text.assemble(f"lab {lab}  ", trial_line(t), "\n")
        for lab, trials in done.items()
        for t in trials
        if t.ok is not True and not t.left_out
    ]
    return Text.assemble(*again, (text, "bold red" if bad else "yellow" if blocked else "green"))


def verify_status(done: dict[str, list[Trial]]) -> int:
    """0 all hold, 1 one does not, 3 one could not be tried (1 where ``SANDBOX_REQUIRE`` is set: there, all tools must be).

    What was left out for want of time decides nothing.
    """
    rows = [trial for trials in done.values() for trial in trials if not trial.left_out]
    if any(trial.ok is False for trial in rows):
        return 1
    if any(trial.ok is None for trial in rows) or not rows:
        return 1 if os.environ.get("SANDBOX_REQUIRE") == "1" else 3
    return 0


def write_reports(lab: Lab, result: LabResult, *, junit: Path | None, report: str, console: Console) -> None:
    """Write the renderings that were asked for.

    Raises:
        UserError: there is no report of that name, or none can be made of this result.
    """
    from sandbox.reports import junit as junit_report

    if junit:
        junit.write_text(junit_report.render(result), "utf-8")
        console.print(f"wrote {junit}")
    if report and report not in REPORTS:
        raise UserError(f"There is no report {report!r}.", f"There are: {', '.join(REPORTS)}.")
    if report:
        REPORTS[report](lab, result, console)


def _write_html(lab: Lab, result: LabResult, console: Console) -> None:
    from sandbox.reports import html

    path = lab.course.state / "reports" / f"{lab.id}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html.render(result, title=f"{lab.id} {lab.spec.title}"), "utf-8")
    console.print(f"wrote {path}")


def _write_github(lab: Lab, result: LabResult, console: Console) -> None:
    """Annotations on standard output, where the runner reads them; the summary into the file that it names."""
    from sandbox.reports import github

    sys.stdout.write(github.workflow_commands(result))
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(github.summary(result))
    else:
        console.print("no summary: GITHUB_STEP_SUMMARY is not set, so this is no GitHub runner")


def _write_classroom50(lab: Lab, result: LabResult, console: Console) -> None:
    """``result.json`` in the current folder, where Classroom 50's runner looks for it."""
    from sandbox.reports import classroom50

    try:
        table = classroom50.render(result, os.environ)
    except ValueError as error:
        raise UserError(f"There is no result for Classroom 50: {error}.", "Mend that and grade again.") from None
    Path("result.json").write_text(json.dumps(table, indent=1), "utf-8")
    console.print("wrote result.json")


REPORTS = {"html": _write_html, "github": _write_github, "classroom50": _write_classroom50}


@contextlib.contextmanager
def _live_for(lab: Lab) -> Iterator[dict[str, str] | None]:
    if not lab.spec.live:
        yield None
        return
    with private_service(lab.course) as live:
        yield live
