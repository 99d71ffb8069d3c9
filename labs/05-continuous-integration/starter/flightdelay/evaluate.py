"""Say how good the trained model is: `python -m flightdelay.evaluate [--floor AUC]`.

Without a floor it only tells. With one it ends with exit status 1 where the model is below it.
"""

import argparse
import json
import sys
from pathlib import Path

from flightdelay.data import BUILD


def main(arguments: list[str] | None = None, build: Path = BUILD) -> int:
    """Read the metrics and compare."""
    parser = argparse.ArgumentParser(prog="evaluate")
    parser.add_argument("--floor", type=float, default=0.0, help="the lowest AUC that will do")
    floor = float(parser.parse_args(arguments).floor)
    auc = float(json.loads((build / "metrics.json").read_text(encoding="utf-8"))["auc"])
    if auc < floor:
        print(f"AUC {auc:.4f} is below {floor:.4f}")
        return 1
    print(f"AUC {auc:.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
