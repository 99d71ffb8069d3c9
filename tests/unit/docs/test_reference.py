"""Reference pages keep step with the code that they describe."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from sandbox import grading
from sandbox.course import LabSpec, Limits
from sandbox.grading.results import CheckResult, LabResult, PartResult
from sandbox.web.pages import reference

from .conftest import ROOT


@pytest.fixture
def result() -> LabResult:
    part = PartResult("midnight", "an arrival after midnight", "failed", "all your tests still pass")
    check = CheckResult("suite_catches", "Your tests fail", "failed", 1.0, 3.0, after=("accepts",), parts=(part,))
    return LabResult("02-testing", "sha256:aa", "sha256:bb", "2026-01-01T00:00:00Z", 4.2, (check,), {"jail": "docker"})


def test_the_published_schema_accepts_a_real_record(site: Path, result: LabResult) -> None:
    schema = json.loads((site / reference.SCHEMA_FILE).read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    record = json.loads(json.dumps(result.to_json()))
    jsonschema.validate(record, schema, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "devops-ml-sandbox/result/v2"},
        {"score": -1},
        {"complete": "yes"},
        {"checks": [{"name": "x", "title": "y", "status": "perfect", "points": 1, "max_points": 1}]},
        {"surprise": 1},
    ],
)
def test_the_schema_refuses_what_is_no_record(result: LabResult, change: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**result.to_json(), **change}, reference.result_schema())


def test_every_key_of_the_record_is_explained(result: LabResult) -> None:
    page = (ROOT / "docs" / "reference" / "result.md").read_text("utf-8")
    record = json.loads(json.dumps(result.to_json()))
    keys = {*record, *record["checks"][0], *record["checks"][0]["parts"][0]}
    assert {key for key in keys if f"`{key}`" not in page} == set()


def test_every_key_of_lab_toml_is_explained() -> None:
    page = (ROOT / "docs" / "reference" / "lab-toml.md").read_text("utf-8")
    keys = {*LabSpec.model_fields, *Limits.model_fields}
    assert {key for key in keys if f"`{key}`" not in page} == set()
    listed = {
        name for row in re.findall(r"^\| (`[^|]+) \|", page, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    assert listed <= keys, "the page explains keys that lab.toml does not have"


def test_every_public_name_of_a_check_has_its_section(site: Path) -> None:
    html = (site / "reference" / "checks.html").read_text("utf-8")
    assert {name for name in grading.__all__ if f"<code>{name}</code>" not in html} == set()
    fixtures = {"submission", "jail", "rng", "parallel"}
    assert {name for name in fixtures if f"<td><code>{name}</code></td>" not in html} == set()
    # What the fixtures give is told, too, down to its methods.
    assert {
        name for name in ("Submission.read", "Jail.run", "Jail.serve") if f"<code>{name}</code>" not in html
    } == set()
    assert "_start</code></h" not in html, "only public methods"


def test_a_signature_reads_like_code() -> None:
    page = reference.checks()
    assert (
        "fail(\n    message: str,\n    *,\n    observed: object = '',\n    expected: object = '',\n) -> NoReturn\n"
        in page
    )
    assert "'str'" not in page


def test_every_command_has_its_section(site: Path) -> None:
    html = (site / "reference" / "commands.html").read_text("utf-8")
    assert {name for name in ("begin", "check", "hint", "verify") if f"<code>lab {name}</code>" not in html} == set()
    # Typer cuts the sentences of a list of commands; the page has them whole.
    assert re.findall(r"<li><p?><code>\w+</code>: [^<]*\.\.\.", html) == []
    assert "Prepare the model, start service and course site, and make a first prediction." in html
