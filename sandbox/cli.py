"""The command ``lab``: argument parsing only. Each command is one call of a function that lives elsewhere.

Imports of heavy parts are inside the commands, so that ``lab --help`` and completion answer at once.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from sandbox import __version__
from sandbox.errors import UserError
from sandbox.interrupts import interruptible

if TYPE_CHECKING:
    from sandbox.course import Course, Lab

app = typer.Typer(
    name="lab",
    help="DevOps for ML: labs that are graded by breaking things, on your own machine.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
SANDBOX, LEARN, TEACH, AUTHOR = "The sandbox", "Doing labs", "Teaching", "Writing labs"

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


class Wall(StrEnum):
    """The jail's walls."""

    auto = "auto"
    bubblewrap = "bubblewrap"
    docker = "docker"
    process = "process"


class Runtime(StrEnum):
    """What the sandbox runs on."""

    auto = "auto"
    docker = "docker"
    process = "process"


LabName = Annotated[
    str,
    typer.Argument(
        metavar="LAB", help="Number, name or prefix: 02, testing, 02-testing.", autocompletion=lambda: _lab_ids()
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON in place of a table.")]
WallOption = Annotated[Wall, typer.Option("--jail", help="The wall between the submission and this machine.")]
Seed = Annotated[int | None, typer.Option(help="Repeat a run with the same random choices.")]


def _lab_ids() -> list[str]:
    return [lab.id for lab in _course().labs]


def _course() -> Course:
    from sandbox.course import open_course

    return open_course()


def _lab(name: str) -> Lab:
    return _course().find(name)


def _print_json(value: Any) -> None:
    # Never through rich, which would wrap long lines. As ASCII: a file's name may hold bytes that are no text.
    print(json.dumps(value, indent=2))


# --- the sandbox --------------------------------------------------------------------------------------------------------


@app.command(rich_help_panel=SANDBOX)
def start(
    runtime: Annotated[Runtime, typer.Option(help="Docker, or local processes.")] = Runtime.auto,
    with_: Annotated[
        list[str] | None, typer.Option("--with", metavar="PROFILE", help="Also start: monitoring, cloud.")
    ] = None,
) -> None:
    """Prepare the model, start service and course site, and make a first prediction."""
    from sandbox.runtime import up

    up(_course(), runtime=runtime.value, profiles=tuple(with_ or ()), console=console)


@app.command(rich_help_panel=SANDBOX)
def stop(
    images: Annotated[bool, typer.Option("--images", help="Also remove the image that was built.")] = False,
) -> None:
    """Stop all that `lab start` started."""
    from sandbox.runtime import down

    down(_course(), images=images, console=console)


@app.command(rich_help_panel=SANDBOX)
def status(as_json: AsJson = False) -> None:
    """Tell what runs, where, and whether it answers. Exit status 1 where something does not."""
    from sandbox.runtime import report

    found = report(_course(), console=None if as_json else console)
    if as_json:
        _print_json(found.to_json())
    raise typer.Exit(0 if found.healthy else 1)


@app.command(rich_help_panel=SANDBOX)
def logs(name: Annotated[str, typer.Argument(help="A service of `lab status`.")] = "service",
         follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep printing.")] = False) -> None:  # fmt: skip
    """Print the log of a running service."""
    from sandbox import runtime

    runtime.logs(_course(), name, follow=follow)


@app.command(rich_help_panel=SANDBOX)
def doctor(as_json: AsJson = False) -> None:
    """Examine this machine: what is here, what is missing, for which lab, and how to get it."""
    from sandbox import doctor as examination

    found = examination.examine(_course())
    if as_json:
        _print_json(found.to_json())
    else:
        examination.render(found, console)


# --- doing labs ---------------------------------------------------------------------------------------------------------


@app.command("list", rich_help_panel=LEARN)
def list_labs(as_json: AsJson = False) -> None:
    """List the labs in order."""
    labs = _course().labs
    if as_json:
        _print_json([lab.spec.model_dump() for lab in labs])
        return
    table = Table("lab", "you build", "level", "minutes", "needs", box=None, header_style="bold", pad_edge=False)
    for lab in labs:
        table.add_row(lab.id, lab.spec.summary, lab.spec.level, str(lab.spec.minutes), ", ".join(lab.spec.needs) or "–")
    console.print(table)


@app.command(rich_help_panel=LEARN)
def begin(name: LabName) -> None:
    """Make your workspace for a lab: work/NN-name, a git repository of its own."""
    from sandbox import workspace

    lab = _lab(name)
    folder = workspace.begin(lab)
    console.print(
        f"Your workspace: [bold]{_relative(folder)}[/]\nThe page: {_relative(lab.page)} (or the course site)\nCheck your work: lab check {lab.number}"
    )


@app.command(rich_help_panel=LEARN)
def check(
    name: LabName,
    only: Annotated[
        list[str] | None, typer.Option(metavar="CHECK", help="Only this check and what it comes after.")
    ] = None,
    as_json: AsJson = False,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write JUnit XML.")] = None,
    report: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="Also write a page (html), or what GitHub (github) or Classroom 50 (classroom50) reads.",
        ),
    ] = "",
    jail: WallOption = Wall.auto,
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Grade this folder in place of your workspace.")
    ] = None,
    seed: Seed = None,
) -> None:
    """Check your work. Exit status: 0 all passed, 1 something failed, 3 could not grade."""
    from sandbox import checking

    result = checking.check(
        _lab(name),
        source=folder,
        only=tuple(only or ()),
        wall=jail.value,
        seed=seed,
        console=None if as_json else console,
    )
    if as_json:
        _print_json(result.to_json())
    if junit or report:
        checking.write_reports(_lab(name), result, junit=junit, report=report, console=errors)
    raise typer.Exit(result.exit_status)


@app.command(rich_help_panel=LEARN)
def watch(name: LabName, jail: WallOption = Wall.auto) -> None:
    """Check again on every save. Keys: r run, a all, h hint, q quit."""
    from sandbox import checking

    checking.watch(_lab(name), wall=jail.value, console=console)


@app.command(rich_help_panel=LEARN)
def hint(
    name: LabName,
    check_name: Annotated[str, typer.Argument(metavar="[CHECK]", help="Default: the first that failed.")] = "",
) -> None:
    """Give a hint. Each call climbs one step further."""
    from sandbox.grading.store import Store

    step = Store(_course()).next_hint(_lab(name), check_name)
    console.print(f"[bold]{step.check}[/], step {step.number} of {step.total}", highlight=False)
    console.print(step.text, markup=False)


@app.command(rich_help_panel=LEARN)
def solution(name: LabName, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Show where the reference solution is, after asking whether you want it."""
    lab = _lab(name)
    if not yes:
        typer.confirm(f"Reading the solution of {lab.id} ends the exercise. Show it?", abort=True)
    for file in sorted(path for path in lab.solution.rglob("*") if path.is_file()):
        print(_relative(file))
    console.print(f"The page that explains it: {_relative(lab.solution_page)}")


@app.command(rich_help_panel=LEARN)
def reset(name: LabName, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Start a lab again from its starter. The old workspace is kept as a backup."""
    from sandbox import workspace
    from sandbox.grading.store import Store

    lab = _lab(name)
    if lab.workspace.exists() and not yes:
        typer.confirm(f"Put {_relative(lab.workspace)} aside and start again?", abort=True)
    kept = workspace.reset(lab)
    Store(lab.course).forget(lab)
    console.print(
        f"A clean workspace: [bold]{_relative(lab.workspace)}[/]"
        + (f"\nThe old one: {_relative(kept)}" if kept else "")
    )


@app.command(rich_help_panel=LEARN)
def progress(as_json: AsJson = False) -> None:
    """Show where you stand in each lab."""
    from sandbox.grading.store import Store
    from sandbox.reports.terminal import progress_table

    rows = Store(_course()).progress()
    if as_json:
        _print_json(
            [
                {"lab": r.lab.id, "begun": r.begun, "best": r.best, "last": r.last.to_json() if r.last else None}
                for r in rows
            ]
        )
    else:
        console.print(progress_table(rows))


# --- teaching -----------------------------------------------------------------------------------------------------------

classes = typer.Typer(
    help="More for a class: reports again, what would be graded, autograders of other systems.", no_args_is_help=True
)
app.add_typer(classes, name="class", rich_help_panel=TEACH)

LabOption = Annotated[str, typer.Option("--lab", metavar="LAB", help="The lab that was handed in.")]
RosterOption = Annotated[Path | None, typer.Option(metavar="CSV", help="Who should have handed in.")]
PolicyOption = Annotated[Path | None, typer.Option(metavar="TOML", help="Due date, late work, attempts.")]
PrivateOption = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Faults and checks of your own, never shown to students.")
]
AssignmentOption = Annotated[
    str, typer.Option(metavar="NAME", help="Canvas's name of the assignment, with its number.")
]


@app.command(rich_help_panel=LEARN)
def pack(
    name: LabName, out: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: NN-name.zip here.")] = None
) -> None:
    """Put your work on a lab into one file to hand in."""
    from sandbox.classroom.pack import pack as write_pack

    console.print(f"Hand in this file: [bold]{_relative(write_pack(_lab(name), out))}[/]")


@app.command(rich_help_panel=TEACH)
def grade(
    source: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A folder of submissions, or a CSV of repositories.")
    ],
    lab: LabOption,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Default: FOLDER-graded/NN-name.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Submissions at a time. Default: one a core.")] = None,
    roster: RosterOption = None,
    policy: PolicyOption = None,
    private: PrivateOption = None,
    scheduler: Annotated[str, typer.Option(metavar="ADDRESS", help="Grade on a Dask cluster: tcp://host:8786.")] = "",
    assignment: AssignmentOption = "",
    regrade: Annotated[bool, typer.Option("--regrade", help="Grade again what has not changed.")] = False,
    jail: WallOption = Wall.auto,
    as_json: AsJson = False,
) -> None:
    """Grade a class. Stop it at any time: it goes on where it was. Exit status 3: some could not be graded."""
    from sandbox.classroom import command
    from sandbox.classroom.grade import Settings

    settings = Settings(workers=workers or 0, wall=jail.value, private=private, scheduler=scheduler, regrade=regrade)
    summary = command.grade(
        _lab(lab), source, out=out, settings=settings, roster=roster, policy=policy, assignment=assignment,
        console=None if as_json else console,
    )  # fmt: skip
    if as_json:
        _print_json(summary)
    raise typer.Exit(command.exit_status(summary))


@classes.command("reports")
def class_reports(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that `lab grade` has written.")],
    lab: LabOption,
    roster: RosterOption = None,
    policy: PolicyOption = None,
    private: PrivateOption = None,
    assignment: AssignmentOption = "",
) -> None:
    """Write all reports again, with another roster or policy, without grading."""
    from sandbox.classroom import command

    command.republish(
        _lab(lab), out, roster=roster, policy=policy, private=private, assignment=assignment, console=console
    )


@classes.command("list")
def class_list(
    source: Annotated[Path, typer.Argument(metavar="FOLDER")],
    lab: LabOption,
    roster: RosterOption = None,
    as_json: AsJson = False,
) -> None:
    """List who handed in what, as `lab grade` would take it."""
    from sandbox.classroom.command import list_intake

    rows = list_intake(_lab(lab), source, roster)
    if as_json:
        _print_json(rows)
        return
    table = Table(
        "student", "name", "source", "attempt", "late", "remark", box=None, header_style="bold", pad_edge=False
    )
    for row in rows:
        beside = f"beside it: {', '.join(row['beside'])}" if row["beside"] else ""
        stranger = "not in the roster" if row["in_roster"] is False else ""
        remark = "; ".join(filter(None, (row["problem"], stranger, beside)))
        cells = (row["student"], row["name"], row["source"], str(row["attempt"]), "late" if row["late"] else "", remark)
        table.add_row(*(_escape(cell) for cell in cells))
    console.print(table)


@classes.command("autograder")
def class_autograder(
    lab: LabOption,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Also written as DIR.zip.")] = Path("autograder"),
) -> None:
    """Make a Gradescope autograder of a lab, to be uploaded as a zip."""
    from sandbox.reports.gradescope import write_autograder

    write_autograder(_lab(lab), out)
    console.print(f"Upload [bold]{_relative(out)}.zip[/] to Gradescope.")


@classes.command("gradescope", hidden=True)
def class_gradescope(
    lab: Annotated[str, typer.Argument()],
    submission: Annotated[Path, typer.Argument()],
    results: Annotated[Path, typer.Option()],
) -> None:
    """Grade the one submission that Gradescope has put down. Its run_autograder calls this."""
    from sandbox.classroom.command import grade_for_gradescope

    grade_for_gradescope(_lab(lab), submission, results)


# --- writing labs -------------------------------------------------------------------------------------------------------


@app.command(rich_help_panel=AUTHOR)
def new(name: Annotated[str, typer.Argument(metavar="NN-NAME", help="For example 15-feature-store.")]) -> None:
    """Make the four places of a new lab, each file explained."""
    from sandbox.grading.scaffold import new_lab

    for path in new_lab(_course(), name):
        print(_relative(path))
    console.print(f"Write it, then ask whether it grades rightly: lab verify {name}")


@app.command(rich_help_panel=AUTHOR)
def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[LAB]...", help="Default: all labs.", autocompletion=lambda: _lab_ids()),
    ] = None,
    quick: Annotated[bool, typer.Option(help="Run a wrong submission only on the checks that it must fail.")] = False,
    repeat: Annotated[int, typer.Option(min=1, help="Try the solution so many times.")] = 1,
    pick: Annotated[str, typer.Option(metavar="TEXT", help="Only samples whose kind/name holds this text.")] = "",
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, help="Try so many samples at a time: for labs that mostly wait.")
    ] = 1,
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0, help="Begin no sample after that; starters and solutions always, the others as they are drawn."
        ),
    ] = None,
    as_json: AsJson = False,
    jail: WallOption = Wall.auto,
    seed: Seed = None,
) -> None:
    """Prove that labs grade rightly: starter, solution, right and wrong submissions, cheats."""
    from sandbox import checking

    labs = [_lab(name) for name in names] if names else list(_course().labs)
    trials = checking.verify(
        labs,
        quick=quick,
        repeat=repeat,
        pick=pick,
        wall=jail.value,
        seed=seed,
        jobs=jobs,
        minutes=minutes,
        console=None if as_json else console,
    )
    if as_json:
        _print_json({lab: [trial.to_json() for trial in rows] for lab, rows in trials.items()})
    raise typer.Exit(checking.verify_status(trials))


# --- the front -----------------------------------------------------------------------------------------------------------


def _relative(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"lab {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main(run: Callable[[], Any] = app) -> None:
    """Entry point: mistakes of the user end in one clear message and exit status 2; Ctrl-C, SIGTERM and SIGHUP, by Typer, in 130."""
    try:
        with interruptible():
            run()
    except UserError as error:
        errors.print(f"[bold red]✗[/] {_escape(error.message)}")
        if error.fix:
            errors.print(_escape(error.fix))
        sys.exit(2)
    except BrokenPipeError:
        # The reader (head, less) went away: no error of ours.
        sys.stderr.close()
        sys.exit(0)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
