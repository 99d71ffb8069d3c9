"""Published models: what is measured is right, what is not whole is refused, what is served is what was trained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from sandbox.service import card, data, training
from sandbox.service.errors import ServiceError
from sandbox.service.features import Matrix, table
from sandbox.service.model import Model, Probabilities, SklearnPredictor, evaluate, load, load_pipeline, read_card


@pytest.fixture
def copy(models: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(models, tmp_path / "models"))


def test_the_served_model_is_the_trained_one(models: Path, model: Model) -> None:
    unseen = table(data.flights([8]))
    trained = SklearnPredictor(load_pipeline(models))
    difference = np.abs(model.predict(unseen) - trained.predict(unseen)).max()
    assert model.card.format == "onnx"
    assert difference <= training.TOLERANCE
    assert model.card.agreement is not None and model.card.agreement.flights >= 1_000


def test_a_row_is_predicted_the_same_alone_and_in_a_batch(model: Model) -> None:
    rows = table(data.sample(9, 400, seed=5))
    alone = np.concatenate([model.predict(rows[i : i + 1]) for i in range(len(rows))])
    np.testing.assert_array_equal(alone, model.predict(rows))


def test_the_same_inputs_give_the_same_files(models: Path, tmp_path: Path) -> None:
    again = training.prepare(tmp_path, months=[1], parameters=training.Parameters(trees=10, depth=3))
    first = read_card(models)
    assert again.version == first.version
    assert again.metrics == first.metrics
    assert (tmp_path / "model.onnx").read_bytes() == (models / "model.onnx").read_bytes()


def test_another_seed_gives_another_version(models: Path, tmp_path: Path) -> None:
    other = training.prepare(tmp_path, months=[1], parameters=training.Parameters(trees=10, depth=3), seed=1)
    assert other.version != read_card(models).version
    assert other.inputs_digest != read_card(models).inputs_digest


def test_a_model_is_made_again_only_if_needed(copy: Path) -> None:
    said: list[str] = []
    wanted = {"months": [1], "parameters": training.Parameters(trees=10, depth=3), "if_needed": True}
    before = (copy / "card.json").read_bytes()
    training.prepare(copy, say=said.append, **wanted)  # type: ignore[arg-type]
    assert (copy / "card.json").read_bytes() == before
    assert "already" in said[0]

    (copy / "model.onnx").write_bytes(b"cut")
    training.prepare(copy, **wanted)  # type: ignore[arg-type]
    assert load(copy).card.version == json.loads(before)["version"]


class _Known:
    """Says what it is told to: the probabilities of a made-up model."""

    def __init__(self, probabilities: Probabilities) -> None:
        self._probabilities = probabilities

    def predict(self, matrix: Matrix) -> Probabilities:
        assert len(matrix) == len(self._probabilities)
        return self._probabilities


def test_metrics_of_an_oracle_and_of_its_opposite() -> None:
    july = data.flights([7])
    oracle = np.where(july.late, 0.9, 0.1)
    best, worst = evaluate(_Known(oracle), july), evaluate(_Known(1 - oracle), july)
    assert (best.auc, best.precision, best.recall) == (1.0, 1.0, 1.0)
    assert (worst.auc, worst.precision, worst.recall) == (0.0, 0.0, 0.0)
    assert best.log_loss == pytest.approx(-np.log(0.9), abs=1e-6)
    assert best.brier == pytest.approx(0.01, abs=1e-6)
    assert best.calibration_error == pytest.approx(0.1, abs=1e-6)


def test_slices_are_measured_on_their_own_flights() -> None:
    july = data.flights([7])
    probabilities = np.random.default_rng(0).random(len(july))
    probabilities[july.carrier == "UA"] = july.late[july.carrier == "UA"]
    found = evaluate(_Known(probabilities), july)
    assert found.by_carrier["UA"].auc == 1.0
    delta = july.carrier == "DL"
    assert found.by_carrier["DL"].auc == pytest.approx(roc_auc_score(july.late[delta], probabilities[delta]), abs=1e-6)
    assert found.by_carrier["HA"].auc is None, "31 flights are too few to tell"
    assert sum(part.flights for part in found.by_carrier.values()) == len(july)
    assert set(found.by_origin) == {"EWR", "JFK", "LGA"}


def test_a_model_that_calls_no_flight_late_has_no_precision() -> None:
    july = data.flights([7])
    found = evaluate(_Known(np.full(len(july), 0.2)), july)
    assert found.precision is None and found.recall == 0.0


def test_the_card_tells_every_month_and_where_it_was_measured(model: Model) -> None:
    told = model.card
    assert list(told.months) == [str(month) for month in range(1, 13)]
    assert told.training.months == [1] and told.evaluated_on == [2]
    assert told.data_sha256 == data.digest()
    text = card.markdown(told)
    assert told.version in text and "| EWR |" in text and f"AUC {told.metrics.auc:.3f}" in text


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: shutil.rmtree(folder), r"there is no model.*prepare --models"),
        (lambda folder: (folder / "card.json").unlink(), r"there is no model.*prepare --models"),
        (lambda folder: (folder / "card.json").write_text("{}"), "is not a model card: version"),
        (lambda folder: (folder / "card.json").write_bytes(b"\xff\x00"), "is not a model card"),
        (lambda folder: (folder / "model.onnx").unlink(), "cannot be read"),
        (lambda folder: (folder / "model.onnx").write_bytes(b"other"), "not the file that its card names"),
    ],
)
def test_a_model_that_is_not_whole_is_refused(copy: Path, damage: object, message: str) -> None:
    damage(copy)  # type: ignore[operator]
    with pytest.raises(ServiceError, match=f"(?s){message}"):
        load(copy)


def _edit_card(folder: Path, **changes: object) -> None:
    path = folder / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")


def test_a_model_of_other_features_is_refused(copy: Path) -> None:
    _edit_card(copy, features=["carrier", "arr_delay"])
    with pytest.raises(ServiceError, match=r"reads other features.*arr_delay"):
        load(copy)


def test_a_file_that_is_no_onnx_is_refused_even_with_the_right_sum(copy: Path) -> None:
    _edit_card(copy, files={"model.onnx": {"sha256": training._sha256(b"nonsense"), "bytes": 8}})
    (copy / "model.onnx").write_bytes(b"nonsense")
    with pytest.raises(ServiceError, match="cannot be loaded"):
        load(copy)


def test_a_skops_file_with_a_foreign_type_is_refused(copy: Path) -> None:
    from sklearn.preprocessing import FunctionTransformer
    from skops import io

    io.dump(FunctionTransformer(func=print), copy / "model.skops")
    with pytest.raises(ServiceError, match=r"not trusted \(.*print"):
        load_pipeline(copy)


def test_a_pipeline_that_does_not_convert_is_served_by_scikit_learn(tmp_path: Path) -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    january = data.flights([1])
    fitted = HistGradientBoostingClassifier(max_iter=5, random_state=0).fit(table(january), january.late)
    made = training.publish(
        tmp_path, fitted, months=[1], parameters=training.Parameters(), seed=0, inputs="a test's own"
    )
    assert made.format == "skops" and made.agreement is None and set(made.files) == {"model.skops"}
    rows = table(data.sample(2, 50, seed=1))
    np.testing.assert_allclose(load(tmp_path).predict(rows), fitted.predict_proba(rows)[:, 1], atol=1e-6)


@pytest.mark.parametrize("text", ["", "x", "0-3", "6-12", "12", "1-", "-1", "3-1"])
def test_months_that_cannot_be_trained_on_are_refused(text: str) -> None:
    with pytest.raises(ServiceError, match="--train-months"):
        training.months_of(text)


def test_months_are_read_as_ranges_and_lists() -> None:
    assert training.months_of("1-6") == [1, 2, 3, 4, 5, 6]
    assert training.months_of("5,1-2") == [1, 2, 5]


@pytest.mark.slow
def test_the_default_model_is_good_reproducible_and_drifts(tmp_path: Path) -> None:
    one, two = (training.prepare(tmp_path / name) for name in ("one", "two"))
    assert one.version == two.version and one.metrics == two.metrics and one.months == two.months
    assert one.format == "onnx"
    july, october = one.months["7"].auc, one.months["10"].auc
    assert july is not None and july > 0.74
    assert october is not None and 0.63 < october < july - 0.05, "the drift that later labs use"
    assert one.metrics.calibration_error < 0.03
