import json
from pathlib import Path

import numpy as np

from flightdelay import evaluate, features, model, train

HEADER = "month,day,sched_dep_time,carrier,origin,dest,distance,wind_speed,visibility,precipitation,late\n"


def lines(count: int) -> str:
    """Flights of two months: late in the evening, in time in the morning."""
    text = HEADER
    for number in range(count):
        evening = number % 2
        text += f"{1 + number % 4 // 2},5,{1900 if evening else 700},UA,JFK,LAX,2475,5.0,10.0,0.0,{evening}\n"
    return text


def test_features() -> None:
    row = dict(zip(HEADER.strip().split(","), lines(1).splitlines()[1].split(","), strict=True))
    numbers = features.vector(row)
    assert numbers[0] == 1
    assert sum(numbers[6:15]) == 1
    assert features.matrix([row, row]).shape == (2, len(numbers))


def test_auc() -> None:
    y = np.array([0.0, 1.0, 0.0, 1.0])
    assert model.auc(y, np.array([0.1, 0.9, 0.2, 0.8])) == 1
    assert model.auc(y, np.array([0.5, 0.5, 0.5, 0.5])) == 0.5


def test_train_then_evaluate(tmp_path: Path) -> None:
    source, build = tmp_path / "flights.csv", tmp_path / "build"
    source.write_text(lines(80))
    assert train.main(source, build) == 0
    metrics = json.loads((build / "metrics.json").read_text())
    assert metrics == {"auc": 1.0, "trained_on": 40, "measured_on": 40}
    assert evaluate.main([], build) == 0
    assert evaluate.main(["--floor", "0.9"], build) == 0
    (build / "metrics.json").write_text('{"auc": 0.6}')
    assert evaluate.main([], build) == 0
    assert evaluate.main(["--floor", "0.65"], build) == 1
