"""Runs every attack and writes what held as a table: ``python -m tests.security.table [FILE] [--cheats]``.

The committed file is ``tests/security/table.md``; ``docs/reference/security.md`` shows it. With ``--cheats`` the
cheats of each lab are graded too, behind the wall that this machine takes by itself.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pytest

from tests.security.corpus import attacks

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(__file__).with_name("table.md")
WALLS = ("bubblewrap", "docker", "process", "judge")
WORDS = {"passed": "held", "failed": "**broken**", "skipped": "not run"}


class Collector:
    """A pytest plugin: the outcome of each attack behind each wall."""

    def __init__(self) -> None:
        self.seen: dict[str, dict[str, str]] = {}
        self._where: dict[str, tuple[str, str]] = {}

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        values = getattr(item, "callspec", None)
        attack = values.params.get("attack") if values else None
        if attack is None:
            return
        name = attack if isinstance(attack, str) else getattr(attack, "name", "")
        if not name:
            name = "git" + attack.__name__.replace("_", "-")
        assert values is not None
        self._where[item.nodeid] = (name, values.params.get("wall", "judge"))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.nodeid in self._where and (report.when == "call" or report.outcome != "passed"):
            name, wall = self._where[report.nodeid]
            before = self.seen.setdefault(name, {}).get(wall, "passed")
            # One attack may have several tests (text in four reports): it holds where all of them do.
            self.seen[name][wall] = report.outcome if before == "passed" else before


def attack_table() -> tuple[list[str], bool]:
    """Run the attacks; lines of Markdown, and whether all of them held."""
    collector = Collector()
    files = [str(ROOT / "tests" / "security" / f"test_{name}.py") for name in ("attacks", "git", "judge")]
    pytest.main(["-q", "--no-header", "-m", "slow or not slow", "-p", "no:cacheprovider", *files], plugins=[collector])
    tries = {attack.name: attack.tries for attack in attacks()}
    lines = ["| attack | " + " | ".join(WALLS) + " |", "| --- |" + " --- |" * len(WALLS)]
    for name, results in collector.seen.items():
        cells = (WORDS[results[wall]] if wall in results else "" for wall in WALLS)
        lines.append(f"| `{name}`{': ' + tries[name] if name in tries else ''} | " + " | ".join(cells) + " |")
    outcomes = [outcome for results in collector.seen.values() for outcome in results.values()]
    counts = ", ".join(f"{outcomes.count(key)} {word.strip('*')}" for key, word in WORDS.items() if key in outcomes)
    head = f"{len(collector.seen)} attacks, {len(outcomes)} times against a wall or the judge: {counts}."
    return [head, "", *lines], "failed" not in outcomes and bool(outcomes)


def cheat_table() -> tuple[list[str], bool]:
    """Grade the cheats of every lab; lines of Markdown, and whether none earned what it should not."""
    from sandbox.checking import verify
    from sandbox.course import open_course

    labs = [lab for lab in open_course(ROOT).labs if lab.cheats.is_dir()]
    done = verify(labs, quick=False, repeat=1, pick="cheat/", wall="auto", seed=None, console=None)
    lines = ["| cheat | result | earned |", "| --- | --- | --- |"]
    held = True
    for lab, trials in done.items():
        for trial in (trial for trial in trials if trial.kind == "cheat"):
            word = {True: "held", False: "**broken**", None: "not run"}[trial.ok]
            lines.append(f"| {lab}: `{trial.name}` | {word} | {trial.score:g} of {trial.max_score:g} points |")
            held = held and trial.ok is not False
    return lines, held


def main(argv: list[str] | None = None) -> int:
    """Write the table. Exit status 1 where something did not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=TARGET)
    parser.add_argument("--cheats", action="store_true", help="also grade the cheats of each lab (minutes)")
    arguments = parser.parse_args(argv)
    lines, held = attack_table()
    if arguments.cheats:
        more, held_too = cheat_table()
        lines, held = [*lines, "", "Cheats on labs:", "", *more], held and held_too
    arguments.file.write_text("\n".join(lines) + "\n", "utf-8")
    print(f"wrote {arguments.file}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
