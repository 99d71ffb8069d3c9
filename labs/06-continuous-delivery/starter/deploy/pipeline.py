"""Deploys a candidate: `python deploy/pipeline.py deploy candidate`, and back: `python deploy/pipeline.py rollback`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deploy.fleet import Fleet


def deploy(folder: Path) -> int:
    """Put the candidate where production is."""
    fleet = Fleet()
    model, card = (folder / "model.json").read_text("utf-8"), (folder / "card.json").read_text("utf-8")
    version = json.loads(card)["version"]
    live = fleet.deployments()[-1]["slot"]
    fleet.stop(live)
    fleet.start(live, model, card)
    while fleet.slots()[live]["state"] == "starting":
        time.sleep(0.05)
    print(f"{version} is in {live}")
    return 0


def main(arguments: list[str]) -> int:
    match arguments:
        case ["deploy", folder]:
            return deploy(Path(folder))
        case ["rollback"]:
            print("Call whoever deployed last.", file=sys.stderr)
            return 1
    print("usage: pipeline.py deploy FOLDER | rollback", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
