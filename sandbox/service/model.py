"""A published model: load it, ask it, measure it.

A model folder holds `card.json`, `card.md`, `model.skops` (the trained scikit-learn pipeline) and, where the conversion
agrees with scikit-learn, `model.onnx`, which is then what is served. Loading an ONNX model imports no scikit-learn.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from sandbox.service.card import FEWEST_ROWS, Bin, Card, Metrics, Slice
from sandbox.service.errors import ServiceError
from sandbox.service.features import FEATURES, Matrix, table

if TYPE_CHECKING:
    from sandbox.service.data import Flights

Probabilities = NDArray[np.float64]
FILES = {"onnx": "model.onnx", "skops": "model.skops"}
DECIMALS = 6
"""Probabilities are given to this many places, so that a last bit of float32 never shows."""
_BINS = 10
# What gradient boosting pipelines are made of beyond what skops trusts by itself. Anything else in a file is refused.
_TRUSTED = (
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.tree._tree.Tree",
)
_REMEDY = "Publish a model with `python -m sandbox.service prepare --models {}`."


class Predictor(Protocol):
    """Anything that gives each row of a matrix (columns: FEATURES) its probability of being late."""

    def predict(self, matrix: Matrix) -> Probabilities:
        """Shape (rows,), between 0 and 1."""
        ...


class OnnxPredictor:
    """Served by ONNX Runtime on one thread: at the size of a request, threads cost more than they give."""

    def __init__(self, content: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._run = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"]).run

    def predict(self, matrix: Matrix) -> Probabilities:
        return _rounded(self._run(["probabilities"], {"flights": matrix})[0][:, 1])


class SklearnPredictor:
    """Served by a fitted scikit-learn classifier itself."""

    def __init__(self, pipeline: Any) -> None:
        self.pipeline = pipeline

    def predict(self, matrix: Matrix) -> Probabilities:
        return _rounded(self.pipeline.predict_proba(matrix)[:, 1])


@dataclass(frozen=True)
class Model:
    """What the service serves: a predictor and its card."""

    card: Card
    predictor: Predictor

    def predict(self, matrix: Matrix) -> Probabilities:
        """Probability of being late for each row; shape (rows,), to six places."""
        return self.predictor.predict(matrix)


def _rounded(values: NDArray[Any]) -> Probabilities:
    return np.asarray(np.round(values.astype(np.float64), DECIMALS))


def load(folder: Path | str) -> Model:
    """The model published in a folder.

    Raises:
        ServiceError: there is none, its files are not those that its card names, or it reads other features.
    """
    folder = Path(folder)
    card = read_card(folder)
    content = _read(folder, card)
    if card.features != list(FEATURES):
        raise ServiceError(
            f"the model in {folder} reads other features than this service gives: {', '.join(card.features)}.\n"
            + _REMEDY.format(folder)
        )
    try:
        if card.format == "onnx":
            return Model(card, OnnxPredictor(content))
        return Model(card, SklearnPredictor(load_pipeline(folder)))
    except ServiceError:
        raise
    except Exception as error:  # ONNX Runtime and skops raise types of their own
        raise ServiceError(f"the model in {folder} cannot be loaded: {error}\n{_REMEDY.format(folder)}") from error


def read_card(folder: Path) -> Card:
    """The card in a model folder; ServiceError where it is missing or not a card."""
    path = folder / "card.json"
    try:
        return Card.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise ServiceError(f"there is no model in {folder} (no {path.name}).\n{_REMEDY.format(folder)}") from None
    except OSError as error:
        raise ServiceError(f"the model card cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ServiceError(f"{path} is not a model card: {where}: {first['msg']}.\n{_REMEDY.format(folder)}") from error


def _read(folder: Path, card: Card) -> bytes:
    name = FILES[card.format]
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise ServiceError(f"the model file cannot be read: {error}\n{_REMEDY.format(folder)}") from error
    wanted = card.files[name].sha256 if name in card.files else None
    if hashlib.sha256(content).hexdigest() != wanted:
        raise ServiceError(
            f"{folder / name} is not the file that its card names (SHA-256 differs).\n{_REMEDY.format(folder)}"
        )
    return content


def load_pipeline(folder: Path | str) -> Any:
    """The trained scikit-learn pipeline of a model folder.

    skops builds known types only; a file that asks for another one is refused before anything is built.

    Raises:
        ServiceError: the file holds types that a model of ours does not need.
    """
    from skops import io

    path = Path(folder) / FILES["skops"]
    foreign = sorted(set(io.get_untrusted_types(file=path)) - set(_TRUSTED))
    if foreign:
        raise ServiceError(f"{path} is refused: it holds types that are not trusted ({', '.join(foreign)}).")
    return io.load(path, trusted=list(_TRUSTED))


def evaluate(model: Predictor, flights: Flights, *, threshold: float = 0.5) -> Metrics:
    """Measure a model on flights that landed: as a whole, by airline and by origin.

    Args:
        model: anything with `predict(matrix)`; a fitted scikit-learn classifier goes in as `SklearnPredictor(classifier)`.
        flights: with known outcome; both outcomes must occur.
        threshold: from which probability on a flight is called late, for precision and recall.
    """
    from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

    late, probability = flights.late, model.predict(table(flights))
    called = probability >= threshold
    bins = _calibration(late, probability)
    return Metrics(
        flights=len(flights),
        late_rate=_places(late.mean()),
        auc=_places(roc_auc_score(late, probability)),
        log_loss=_places(log_loss(late, probability, labels=[False, True])),
        brier=_places(brier_score_loss(late, probability)),
        calibration_error=_places(
            sum(part.flights * abs(part.mean_probability - part.late_rate) for part in bins) / len(flights)
        ),
        precision=_places(late[called].mean()) if called.any() else None,
        recall=_places(called[late].mean()),
        calibration=bins,
        by_carrier=slices(late, probability, flights.carrier),
        by_origin=slices(late, probability, flights.origin),
    )


def slices(late: NDArray[np.bool_], probability: Probabilities, key: NDArray[Any]) -> dict[str, Slice]:
    """The same measures for each value of a column."""
    from sklearn.metrics import roc_auc_score

    parts: dict[str, Slice] = {}
    for value in np.unique(key):
        rows = key == value
        enough = rows.sum() >= FEWEST_ROWS and late[rows].any() and not late[rows].all()
        parts[str(value)] = Slice(
            flights=int(rows.sum()),
            late_rate=_places(late[rows].mean()),
            mean_probability=_places(probability[rows].mean()),
            auc=_places(roc_auc_score(late[rows], probability[rows])) if enough else None,
        )
    return parts


def _calibration(late: NDArray[np.bool_], probability: Probabilities) -> list[Bin]:
    which = np.minimum((probability * _BINS).astype(int), _BINS - 1)
    return [
        Bin(
            low=i / _BINS,
            high=(i + 1) / _BINS,
            flights=int((which == i).sum()),
            mean_probability=_places(probability[which == i].mean()),
            late_rate=_places(late[which == i].mean()),
        )
        for i in range(_BINS)
        if (which == i).any()
    ]


def _places(value: Any) -> float:
    return round(float(value), DECIMALS)
