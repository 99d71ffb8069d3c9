"""Makes a candidate: trains a model and writes it with its card."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from flightdelay.evaluate import model_auc, read_flights
from flightdelay.model import features
from flightdelay.train import fit


def commit() -> str:
    """The commit that is built: a workflow knows it, a workspace asks git."""
    if sha := os.environ.get("GITHUB_SHA"):
        return sha
    return subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()


def build(folder: Path) -> None:
    """Write `model.json` and `card.json`."""
    flights = read_flights(Path("data/train.csv"))
    sha = commit()
    version = f"{datetime.now(UTC):%Y.%m.%d}-{sha[:10]}"
    model = {"version": version, **fit(flights)}
    text = json.dumps(model, indent=2) + "\n"
    card = {
        "version": version,
        "model_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "commit": sha,
        "trained_months": sorted({int(flight["month"]) for flight in flights}),
        "features": sorted(features(model)),
        "metrics": {"auc": round(model_auc(model, read_flights(Path("data/holdout.csv"))), 4)},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").write_bytes(text.encode())
    (folder / "card.json").write_text(json.dumps(card, indent=2) + "\n", "utf-8")
    print(f"{version}: AUC {card['metrics']['auc']} on held-out flights")
