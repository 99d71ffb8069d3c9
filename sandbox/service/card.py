"""The model card: what a published model is, what it was made from, and how well it does for whom."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

NAME = "flight-delay"
TASK = "Probability that a flight from New York arrives more than 15 minutes late, from what is known before it leaves."
LIMITS = (
    "Trained on flights that landed: it says nothing of cancellations or diversions.",
    "Weather is what was measured in the hour of departure. A forecast is less exact, and so will be the answers.",
    "The world drifts: months far from the ones it was trained on are predicted worse (see `months`).",
    "It knows delays of 2013 by airline and airport. Do not use it to judge an airline, a crew or a person.",
)
FEWEST_ROWS = 100
"""A slice with fewer flights has no AUC: it would be noise."""


class Slice(BaseModel):
    """One part of the flights: an airline, an airport, a month."""

    flights: int
    late_rate: float
    mean_probability: float
    auc: Annotated[float | None, Field(description="null where there are too few flights, or only one outcome.")]


class Bin(BaseModel):
    """Flights whose predicted probability lies in one tenth of the scale."""

    low: float
    high: float
    flights: int
    mean_probability: float
    late_rate: float


class Metrics(BaseModel):
    """How well a model does on some flights."""

    flights: int
    late_rate: float
    auc: float
    log_loss: float
    brier: float
    calibration_error: Annotated[float, Field(description="Mean distance of probability and late rate over the bins.")]
    precision: Annotated[float | None, Field(description="Of the flights called late, the share that were.")]
    recall: Annotated[float, Field(description="Of the late flights, the share called late.")]
    calibration: list[Bin]
    by_carrier: dict[str, Slice]
    by_origin: dict[str, Slice]


class Training(BaseModel):
    """What the model was trained on, and how."""

    months: list[int]
    flights: int
    late_rate: float
    seed: int
    parameters: dict[str, float]


class Agreement(BaseModel):
    """How far the served file and the trained scikit-learn pipeline are apart on flights that neither has seen."""

    flights: int
    largest_difference: float
    tolerance: float


class Artifact(BaseModel):
    """One published file."""

    sha256: str
    bytes: int


class Card(BaseModel):
    """`card.json`, and the answer of `GET /model`."""

    name: str = NAME
    version: str
    task: str = TASK
    format: Literal["onnx", "skops"]
    created_at: str
    git_commit: str | None
    data_sha256: str
    inputs_digest: Annotated[str, Field(description="Of data, code, parameters and libraries together.")]
    threshold: Annotated[float, Field(ge=0, le=1, description="A flight is called late from this probability on.")]
    features: list[str]
    training: Training
    evaluated_on: Annotated[list[int], Field(description="Months that `metrics` were measured on; never trained on.")]
    metrics: Metrics
    months: Annotated[dict[str, Slice], Field(description="Every month of the year: the drift.")]
    agreement: Agreement | None
    files: dict[str, Artifact]
    libraries: dict[str, str]
    limits: list[str] = list(LIMITS)


def markdown(card: Card) -> str:
    """The card for people."""
    scored = card.metrics
    months = ", ".join(map(str, card.training.months))
    lines = [
        f"# {card.name} {card.version}",
        "",
        card.task,
        "",
        f"- Trained on {card.training.flights:,} flights of 2013, months {months} "
        f"({card.training.late_rate:.1%} late); seed {card.training.seed}.",
        f"- Measured on {scored.flights:,} flights of month {', '.join(map(str, card.evaluated_on))}: "
        f"AUC {scored.auc:.3f}, log loss {scored.log_loss:.3f}, Brier score {scored.brier:.3f}, "
        f"calibration error {scored.calibration_error:.3f}.",
        f"- A flight is called late from a probability of {card.threshold:.3f} on: "
        f"precision {_number(scored.precision)}, recall {scored.recall:.3f}.",
        f"- Served as {card.format}; data {card.data_sha256[:12]}, commit {card.git_commit or 'unknown'}, "
        f"made {card.created_at}.",
        "",
    ]
    if card.agreement:
        lines += [
            f"The served file and scikit-learn differ by at most {card.agreement.largest_difference:.1e} on "
            f"{card.agreement.flights:,} flights (allowed: {card.agreement.tolerance:.0e}).",
            "",
        ]
    for title, slices in (("Month", card.months), ("Airline", scored.by_carrier), ("Origin", scored.by_origin)):
        lines += [f"| {title} | flights | late | predicted | AUC |", "| --- | ---: | ---: | ---: | ---: |"]
        for name, part in slices.items():
            lines.append(
                f"| {name} | {part.flights:,} | {part.late_rate:.1%} | {part.mean_probability:.1%} | {_number(part.auc)} |"
            )
        lines.append("")
    lines += ["## Limits", "", *(f"- {limit}" for limit in card.limits), "", "## Made with", ""]
    lines += [f"- {name} {version}" for name, version in card.libraries.items()]
    return "\n".join(lines) + "\n"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
