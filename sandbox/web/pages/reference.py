"""Reference pages made from the code itself, so that they cannot fall behind it."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from collections.abc import Iterator
from typing import Any

import typer.cli
import typer.main
from _pytest.fixtures import FixtureFunctionDefinition
from pydantic import TypeAdapter

from sandbox import grading
from sandbox.grading import fixtures
from sandbox.grading.results import SCHEMA, LabResult
from sandbox.jail import Finished, Jail, Limits, Service
from sandbox.workspace import Submission

# What the fixtures give, and what that gives in turn.
GIVEN = (Submission, Jail, Limits, Finished, Service)
SCHEMA_FILE = "reference/result-v1.schema.json"
SIGNATURE_WIDTH = 70
# Annotations are strings in modules that postpone them.
ANNOTATION = re.compile(r"(: )'([^']*)'")
# What LabResult.to_json adds to the fields of the dataclass.
COMPUTED: dict[str, dict[str, Any]] = {
    "schema": {"const": SCHEMA},
    "complete": {
        "type": "boolean",
        "description": "False where a check was blocked or the judge erred: the score is then a lower bound.",
    },
    "score": {"type": "number", "minimum": 0},
    "max_score": {"type": "number", "minimum": 0},
}


def commands(app: typer.Typer, name: str = "lab") -> str:
    """A Markdown page of every command, argument and option of a Typer app."""
    command = typer.main.get_command(app)
    context = typer.Context(command, info_name=name)
    page = typer.cli.get_docs_for_click(obj=command, ctx=context, name=name, title="Commands")
    # In a list of commands Typer cuts each sentence to the width of a terminal.
    for short, whole in _summaries(command):
        page = page.replace(short, whole)
    return page


def _summaries(command: Any) -> Iterator[tuple[str, str]]:
    """The line of each command in a list of commands, as Typer cuts it and whole."""
    for name, inner in getattr(command, "commands", {}).items():
        yield f"* `{name}`: {inner.get_short_help_str()}\n", f"* `{name}`: {inner.get_short_help_str(200)}\n"
        yield from _summaries(inner)


def checks() -> str:
    """A Markdown page of what a lab's ``checks.py`` is written with, from the docstrings."""
    parts = [f"# Checks\n\n{_doc(grading)}\n"]
    for name in grading.__all__:
        thing = getattr(grading, name)
        parts.append(f"## `{name}`\n\n```python\n{name}{_signature(thing)}\n```\n\n{_doc(thing)}\n")
    table = "\n".join(f"| `{name}` | {_doc(thing)} |" for name, thing in _fixtures())
    parts.append(f"## Fixtures that every lab has\n\n| argument | what it gives |\n| --- | --- |\n{table}\n")
    for given in GIVEN:
        parts.append(f"## `{given.__name__}`\n\n{_doc(given)}\n")
        for name, thing in vars(given).items():
            if inspect.isfunction(thing) and not name.startswith("_"):
                call = f"```python\n{name}{_signature(thing)}\n```"
                parts.append(f"### `{given.__name__}.{name}`\n\n{call}\n\n{_doc(thing)}\n")
    return "\n".join(parts)


def _fixtures() -> Iterator[tuple[str, Any]]:
    """The fixtures that every check has, in the order of their code."""
    for name, thing in vars(fixtures).items():
        if isinstance(thing, FixtureFunctionDefinition):
            yield name, thing


def result_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the result record that ``lab check --json`` writes."""
    schema = TypeAdapter(LabResult).json_schema(mode="serialization")
    properties = {**COMPUTED, **schema["properties"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{SCHEMA.replace('/', ':')}",
        **schema,
        "properties": properties,
        "required": sorted({*COMPUTED, *(field.name for field in dataclasses.fields(LabResult))}),
        "additionalProperties": False,
    }


def result_schema_text() -> str:
    return json.dumps(result_schema(), indent=2, ensure_ascii=False) + "\n"


def _signature(thing: Any) -> str:
    """How it is called: names and types as they stand in the code, one a line where they are many."""
    signature = inspect.signature(thing)
    names: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not any(name.startswith("*") for name in names):
            names.append("*")
        if parameter.name != "self":
            names.append(ANNOTATION.sub(r"\1\2", str(parameter)))
    gives = "" if isinstance(thing, type) else f" -> {signature.return_annotation}"
    short = f"({', '.join(names)}){gives}"
    return short if len(short) <= SIGNATURE_WIDTH else "(\n    " + ",\n    ".join(names) + f",\n){gives}"


def _doc(thing: Any) -> str:
    """A docstring as Markdown: reST literals and roles become code, an ``Args:`` block becomes a list."""
    lines = []
    listing = False
    for line in (inspect.getdoc(thing) or "").replace("``", "`").splitlines():
        if line.strip() in ("Args:", "Attributes:", "Raises:"):
            listing = True
            lines += [f"**{line.strip().rstrip(':').replace('Args', 'Arguments')}**", ""]
        elif listing and line.startswith("    ") and ": " in line and not line.startswith("     "):
            name, text = line.strip().split(": ", 1)
            lines.append(f"- `{name}`: {text}")
        else:
            lines.append(line)
    return "\n".join(lines).replace(":func:", "").replace(":class:", "").replace(":mod:", "")
