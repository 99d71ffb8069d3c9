"""Makes a candidate in three steps: model, file, card."""

import hashlib
import json
import os
import time
from pathlib import Path

from flightdelay import train
from flightdelay.evaluate import auc, read_flights
from flightdelay.model import features, probability


def candidate(folder):
    rows = read_flights(Path("data/train.csv"))
    commit = os.environ.get("GITHUB_SHA", "0" * 40)
    model = train.fit(rows)
    model["version"] = f"{time.strftime('%Y%m%d', time.gmtime())}.{commit[:7]}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").write_text(json.dumps(model, indent=1), encoding="utf-8")
    (folder / "card.json").write_text(json.dumps(card(folder, rows, commit), indent=1), encoding="utf-8")


def card(folder, rows, commit):
    """Read back what was written: the card speaks of the file."""
    data = (folder / "model.json").read_bytes()
    model = json.loads(data)
    held_out = read_flights(Path("data/holdout.csv"))
    scores = [probability(model, row) for row in held_out]
    return {
        "version": model["version"],
        "commit": commit,
        "model_sha256": hashlib.sha256(data).hexdigest(),
        "trained_months": sorted({int(row["month"]) for row in rows}),
        "features": sorted(features(model)),
        "metrics": {"auc": round(auc([row["late"] for row in held_out], scores), 3), "flights": len(held_out)},
    }
