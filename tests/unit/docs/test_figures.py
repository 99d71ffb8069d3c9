"""The figures that the prose tells are those of the model that `make start` trains."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from .conftest import ROOT


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """AUC, late rate and mean probability of a freshly trained model, by month."""
    folder = tmp_path_factory.mktemp("models")
    command = [sys.executable, "-m", "sandbox.service", "prepare", "--models", str(folder)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    card: dict[str, Any] = json.loads(next(folder.rglob("card.json")).read_text("utf-8"))
    return card["months"]


def words(name: str) -> str:
    return " ".join((ROOT / "docs" / name).read_text("utf-8").split())


@pytest.mark.slow
def test_the_figures_of_drift_are_those_of_the_trained_model(months: dict[str, dict[str, Any]]) -> None:
    auc = {number: f"{months[number]['auc']:.2f}" for number in ("7", "10", "11")}
    promised, came = (f"{months['9'][key]:.0%}".replace("%", " %") for key in ("mean_probability", "late_rate"))
    assert f"AUC of {auc['7']} in July, {auc['10']} in October and {auc['11']} in November" in words("index.md")
    assert f"promises {promised} late flights where {came} come" in words("index.md")
    assert f"from {auc['7']} in July to {auc['10']} in October and {auc['11']} in November" in words(
        "concepts/monitoring.md"
    )
    assert f"promises that {promised} of the flights will be late; {came} are" in words("concepts/use-cases.md")


@pytest.mark.slow
def test_the_chart_of_auc_is_that_of_the_trained_model(months: dict[str, dict[str, Any]]) -> None:
    drawn = json.loads((ROOT / "docs" / "assets" / "auc-by-month.json").read_text("utf-8"))
    assert drawn == {number: round(month["auc"], 2) for number, month in months.items()}
