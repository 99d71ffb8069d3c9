"""The folder that the image is built from: the submission, a model of this run, and the traps of a real checkout."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.utils.build import exclude_paths

JUNK = "data/flights-raw.bin"
JUNK_BYTES = 50_000_000
TRAPS = (".env", ".git/config", ".git/objects/pack/pack-1.pack", JUNK, "tests/test_model.py")
NEEDED = ("requirements.txt", "service/__main__.py", "service/app.py", "service/model.py", "model/model.json")


@dataclass(frozen=True)
class Context:
    """A build context with its traps, and what is known about it."""

    path: Path
    secret: str
    model: dict[str, Any]

    def sent(self) -> set[str]:
        """Names of the files that ``.dockerignore`` leaves to the build."""
        return {name.replace("\\", "/") for name in exclude_paths(str(self.path), _patterns(self.path))}


def make(submission: Path, folder: Path, rng: random.Random) -> Context:
    """Lay the traps and a model of this run over a copy of the submission."""
    shutil.copytree(submission, folder, symlinks=True, dirs_exist_ok=True)
    secret = f"sk-{rng.randbytes(16).hex()}"
    traps = {
        ".env": f"MODEL_REGISTRY_TOKEN={secret}\n",
        ".git/config": f'[remote "origin"]\n\turl = https://build:{secret}@git.example.org/flight-delay\n',
        ".git/objects/pack/pack-1.pack": rng.randbytes(2000).hex(),
    }
    for name, text in traps.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    junk = folder / JUNK
    junk.parent.mkdir(parents=True, exist_ok=True)
    with junk.open("wb") as file:
        file.truncate(JUNK_BYTES)
    model = {
        "version": f"run-{rng.randrange(10**6)}",
        "intercept": rng.uniform(-2, 0),
        # Small enough that no ordinary flight drives the probability to 0 or 1, where a constant would be right too.
        "coefficients": {
            "hour": rng.uniform(-0.1, 0.1),
            "distance": rng.uniform(-0.0005, 0.0005),
            "precip": rng.uniform(1, 3),
            "wind_speed": rng.uniform(-0.05, 0.05),
        },
    }
    (folder / "model/model.json").write_text(json.dumps(model), "utf-8")
    return Context(folder, secret, model)


def _patterns(folder: Path) -> list[str]:
    path = folder / ".dockerignore"
    lines = path.read_text("utf-8", "replace").splitlines() if path.is_file() else []
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
