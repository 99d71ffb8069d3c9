"""Train the model and publish it. The only part of the service that imports scikit-learn's training code."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from sandbox.service import card, data, errors, features, model, schema
from sandbox.service.card import NAME, Agreement, Artifact, Card, Slice, Training
from sandbox.service.data import Flights
from sandbox.service.errors import ServiceError
from sandbox.service.features import CODED, FEATURES, Matrix, table
from sandbox.service.model import FILES, OnnxPredictor, Predictor, SklearnPredictor

TOLERANCE = 1e-5
"""How far a published ONNX model may be from scikit-learn, in probability, on any flight it is compared on."""
FEWEST_COMPARED = 1_000
_LIBRARIES = ("scikit-learn", "numpy", "skops", "skl2onnx", "onnx", "onnxruntime")

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Parameters:
    """Of the gradient boosting, and of the smoothing of the late rates that stand for airlines and airports.

    Each tree sees 30 % of the flights and half of the features: a third of the time, and no worse on later months.
    """

    trees: int = 100
    depth: int = 5
    learning_rate: float = 0.1
    subsample: float = 0.3
    features_per_split: int = 6
    smoothing: float = 50.0


def pipeline(parameters: Parameters, seed: int) -> Any:
    """An unfitted scikit-learn pipeline over the columns of FEATURES.

    An airline or airport is replaced by its smoothed late rate (out of fold while training, so that it does not leak);
    an unknown reading by the median.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import TargetEncoder

    folds = StratifiedKFold(n_splits=5, shuffle=True, random_state=seed)
    rates = TargetEncoder(target_type="binary", smooth=parameters.smoothing, cv=folds)
    coded = list(range(len(CODED)))
    return Pipeline(
        [
            (
                "prepare",
                ColumnTransformer(
                    [
                        ("rates", rates, coded),
                        ("fill", SimpleImputer(strategy="median"), list(range(len(CODED), len(FEATURES)))),
                    ]
                ),
            ),
            (
                "classify",
                GradientBoostingClassifier(
                    n_estimators=parameters.trees,
                    max_depth=parameters.depth,
                    learning_rate=parameters.learning_rate,
                    subsample=parameters.subsample,
                    max_features=parameters.features_per_split,
                    random_state=seed,
                ),
            ),
        ]
    )


def train(flights: Flights, parameters: Parameters | None = None, seed: int = 0) -> Any:
    """A pipeline fitted to these flights. The same flights, parameters and seed give the same pipeline."""
    if not (flights.late.any() and not flights.late.all()):
        raise ServiceError("training needs flights that were late and flights that were not")
    return pipeline(parameters or Parameters(), seed).fit(table(flights), flights.late)


def months_of(text: str) -> list[int]:
    """`1-6` or `1,2,5` as months in order; at least one later month must be left to measure the model on."""
    months: set[int] = set()
    try:
        for part in text.split(","):
            first, dash, last = part.partition("-")
            months.update(range(int(first), int(last if dash else first) + 1))
    except ValueError:
        months = set()
    if not months or min(months) < 1 or max(months) > 11:
        raise ServiceError(
            f"--train-months {text}: not months to train on. Write 1-6, or 1,2,5; the last may be 11, "
            "so that a later month is left to measure the model on."
        )
    return sorted(months)


def inputs_digest(months: Sequence[int], parameters: Parameters, seed: int) -> str:
    """One SHA-256 of everything that decides how the published model turns out."""
    modules = (card, data, errors, features, model, schema)
    sources = sorted([Path(str(module.__file__)) for module in modules] + [Path(__file__)])
    told = {
        "data": data.digest(),
        "code": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sources},
        "libraries": _versions(),
        "months": list(months),
        "parameters": asdict(parameters),
        "seed": seed,
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def prepare(
    folder: Path,
    *,
    months: Sequence[int] = tuple(range(1, 7)),
    parameters: Parameters | None = None,
    seed: int = 0,
    if_needed: bool = False,
    say: Progress = lambda line: None,
) -> Card:
    """Train a model and publish it into a folder.

    Args:
        folder: made where it is missing.
        months: to train on; the model is measured on the month after the last.
        if_needed: keep what is there if the same data, code, parameters and libraries made it and its files are whole.
        say: takes one line of progress at a time.

    Raises:
        ServiceError: the data file is damaged, or the folder cannot be written.
    """
    parameters = parameters or Parameters()
    inputs = inputs_digest(months, parameters, seed)
    if if_needed and (there := _present(folder, inputs)):
        say(f"model {there.version} is already in {folder}: same data, code and parameters")
        return there

    say("reading the flights of 2013")
    chosen = data.flights(months)
    say(f"training on {len(chosen):,} flights of months {', '.join(map(str, months))} (about 10 seconds)")
    fitted = train(chosen, parameters, seed)
    return publish(folder, fitted, months=months, parameters=parameters, seed=seed, inputs=inputs, say=say)


def _present(folder: Path, inputs: str) -> Card | None:
    try:
        found = model.read_card(folder)
        for name, file in found.files.items():
            if _sha256((folder / name).read_bytes()) != file.sha256:
                return None
    except (ServiceError, OSError):
        return None
    return found if found.inputs_digest == inputs else None


def publish(
    folder: Path,
    fitted: Any,
    *,
    months: Sequence[int],
    parameters: Parameters,
    seed: int,
    inputs: str,
    say: Progress = lambda line: None,
) -> Card:
    """Convert, compare, measure and write a fitted pipeline."""
    evaluated_on = [max(months) + 1]
    unseen, trained_on = data.flights(evaluated_on), data.flights(months)
    say("converting to ONNX and comparing with scikit-learn")
    onnx, agreement = _converted(fitted, table(unseen))
    if onnx is None:
        say("the conversion is not exact enough: scikit-learn itself will serve this model")
    predictor = SklearnPredictor(fitted) if onnx is None else OnnxPredictor(onnx)

    say("measuring it, month by month")
    threshold = _threshold(predictor, trained_on)
    contents = {FILES["skops"]: _skops(fitted)}
    if onnx is not None:
        contents[FILES["onnx"]] = onnx
    made = Card(
        version=_version(months, onnx or contents[FILES["skops"]]),
        format="skops" if onnx is None else "onnx",
        created_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        git_commit=_commit(),
        data_sha256=data.digest(),
        inputs_digest=inputs,
        threshold=threshold,
        features=list(FEATURES),
        training=Training(
            months=list(months),
            flights=len(trained_on),
            late_rate=round(float(trained_on.late.mean()), model.DECIMALS),
            seed=seed,
            parameters=asdict(parameters),
        ),
        evaluated_on=evaluated_on,
        metrics=model.evaluate(predictor, unseen, threshold=threshold),
        months=_by_month(predictor),
        agreement=agreement,
        files={name: Artifact(sha256=_sha256(content), bytes=len(content)) for name, content in contents.items()},
        libraries=_versions(),
    )
    contents["card.md"] = card.markdown(made).encode()
    contents["card.json"] = made.model_dump_json(indent=2).encode() + b"\n"
    _put(folder, contents)
    say(f"published {NAME} {made.version} in {folder}: AUC {made.metrics.auc:.3f} on month {evaluated_on[0]}")
    return made


def _converted(fitted: Any, unseen: Matrix) -> tuple[bytes | None, Agreement | None]:
    """The pipeline as ONNX and how well it agrees, or (None, None) where it cannot be converted exactly enough."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType
    from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator

    if len(unseen) < FEWEST_COMPARED:
        raise ServiceError(
            f"{FEWEST_COMPARED:,} unseen flights are needed to compare the conversion, got {len(unseen)}"
        )
    try:
        # Without "zipmap" the answer is one array and not a list of dictionaries.
        graph = to_onnx(
            fitted,
            initial_types=[("flights", FloatTensorType([None, len(FEATURES)]))],
            options={id(fitted): {"zipmap": False}},
        )
    except (MissingConverter, MissingShapeCalculator, ValueError, RuntimeError):  # how skl2onnx says that it cannot
        return None, None
    content = bytes(graph.SerializeToString())
    difference = np.abs(OnnxPredictor(content).predict(unseen) - SklearnPredictor(fitted).predict(unseen)).max()
    if difference > TOLERANCE:
        return None, None
    return content, Agreement(flights=len(unseen), largest_difference=float(difference), tolerance=TOLERANCE)


def _threshold(predictor: Predictor, trained_on: Flights) -> float:
    """The probability from which on as many flights of the training months are called late as were late.

    One half would call few flights late: most late flights have causes that nobody knows before departure.
    """
    probabilities = predictor.predict(table(trained_on))
    return round(float(np.quantile(probabilities, 1 - trained_on.late.mean())), 3)


def _by_month(predictor: Predictor) -> dict[str, Slice]:
    year = data.flights(data.ALL_MONTHS)
    return model.slices(year.late, predictor.predict(table(year)), year.month)


def _version(months: Sequence[int], served: bytes) -> str:
    """Which months it knows, and the first digits of the served file's SHA-256: `2013.01-06.7667934f`."""
    return f"2013.{min(months):02}-{max(months):02}.{_sha256(served)[:8]}"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _skops(fitted: Any) -> bytes:
    from skops import io

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILES["skops"]
        io.dump(fitted, path, compression=zipfile.ZIP_DEFLATED)
        model.load_pipeline(Path(folder))  # what we would not load again must not be published
        return path.read_bytes()


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in _LIBRARIES}


def _commit() -> str | None:
    """The git commit of this code; None outside a checkout."""
    command = ["git", "rev-parse", "--verify", "--quiet", "HEAD"]
    try:
        asked = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return asked.stdout.strip() or None


def _put(folder: Path, contents: dict[str, bytes]) -> None:
    """Write whole files only, the card last, so that a reader never meets half a model."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in sorted(contents, key=lambda name: name == "card.json"):
            unfinished = folder / f".{name}.{os.getpid()}"
            unfinished.write_bytes(contents[name])
            unfinished.replace(folder / name)
        if FILES["onnx"] not in contents:
            (folder / FILES["onnx"]).unlink(missing_ok=True)
    except OSError as error:
        raise ServiceError(f"the model cannot be written: {error}\nName another folder with --models.") from error
