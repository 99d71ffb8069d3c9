"""Train on all months but the last, measure on the last: `python -m flightdelay.train`."""

import json
import sys
from pathlib import Path

from flightdelay import data, features, model
from flightdelay.data import BUILD


def split(rows: list[data.Row]) -> tuple[list[data.Row], list[data.Row]]:
    """Earlier months, and the last one."""
    last = max(int(row["month"]) for row in rows)
    return [r for r in rows if int(r["month"]) < last], [r for r in rows if int(r["month"]) == last]


def main(source: Path = data.DATA, build: Path = BUILD) -> int:
    """Write `model.json` and `metrics.json` into the folder `build`."""
    earlier, last = split(data.read(source))
    weights = model.fit(features.matrix(earlier), features.labels(earlier))
    y, p = features.labels(last), model.predict(weights, features.matrix(last))
    build.mkdir(exist_ok=True)
    metrics = {"auc": round(model.auc(y, p), 4), "trained_on": len(earlier), "measured_on": len(last)}
    rounded = [round(float(w), 6) for w in weights]
    (build / "model.json").write_text(json.dumps({"weights": rounded}) + "\n", encoding="utf-8")
    (build / "metrics.json").write_text(json.dumps(metrics) + "\n", encoding="utf-8")
    print(f"AUC {metrics['auc']:.4f} on {len(last)} flights of the last month")
    return 0


if __name__ == "__main__":
    sys.exit(main())
