"""Reference pages made from the code itself, so that they cannot fall behind it."""

from __future__ import annotations

import dataclasses
import inspect
import json
from typing import Any

import typer.cli
import typer.main
from pydantic import TypeAdapter

from sandbox import grading
from sandbox.grading.results import SCHEMA, LabResult

SCHEMA_FILE = "reference/result-v1.schema.json"
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
    return typer.cli.get_docs_for_click(obj=command, ctx=context, name=name, title="Commands")


def checks() -> str:
    """A Markdown page of the names that a lab's ``checks.py`` imports, from their docstrings."""
    parts = [f"# Checks\n\n{_doc(grading)}\n"]
    for name in grading.__all__:
        thing = getattr(grading, name)
        parts.append(f"## `{name}`\n\n```python\n{name}{_signature(thing)}\n```\n\n{_doc(thing)}\n")
    return "\n".join(parts)


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
    try:
        return str(inspect.signature(thing)).replace("collections.abc.", "").replace("typing.", "")
    except ValueError:
        return "()"


def _doc(thing: Any) -> str:
    """A docstring as Markdown: reST literals and roles become code, an ``Args:`` block becomes a list."""
    lines = []
    listing = False
    for line in (inspect.getdoc(thing) or "").replace("``", "`").splitlines():
        if line.strip() in ("Args:", "Attributes:", "Raises:"):
            listing = True
            lines += [f"**{line.strip().rstrip(':')}**", ""]
        elif listing and line.startswith("    ") and ": " in line and not line.startswith("     "):
            name, text = line.strip().split(": ", 1)
            lines.append(f"- `{name}`: {text}")
        else:
            lines.append(line)
    return "\n".join(lines).replace(":func:", "").replace(":class:", "").replace(":mod:", "")
