"""The folder that the image is built from: the submission, a model of this run, and the traps of a real checkout."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.utils.build import exclude_paths

JUNK_BYTES = 50_000_000
TRAPS = {".env": "the secret", ".git": "the history", "data": "the raw data", "tests": "the tests"}
"""What has no place in the image: folder or file, and what it is."""
NEEDED = (
    "requirements.txt",
    "service/__main__.py",
    "service/app.py",
    "service/model.py",
    "service/audit.py",
    "model/model.json",
)
# Small pure-Python packages without dependencies, none of which the service uses.
ADDED = ("itsdangerous==2.2.0", "iniconfig==2.0.0", "toml==0.10.2", "zipp==3.20.0", "packaging==24.1")


@dataclass(frozen=True)
class Context:
    """A build context with its traps, and what is known about it.

    Attributes:
        secret: the text of the secret, which stands in several traps.
        marks: a text that stands in this trap and nowhere else, by trap.
        model: the model of this run.
    """

    path: Path
    secret: str
    marks: dict[str, str]
    model: dict[str, Any]

    def sent(self) -> set[str]:
        """Names of the files that ``.dockerignore`` leaves to the build."""
        names = exclude_paths(str(self.path), _patterns(self.path))
        return {name.replace("\\", "/") for name in names if not (self.path / name).is_dir()}

    def variant(self, folder: Path) -> Path:
        """A copy to change something in, traps included."""
        shutil.copytree(self.path, folder, symlinks=True)
        return folder


def make(submission: Path, folder: Path, rng: random.Random) -> Context:
    """Lay the traps and a model of this run over a copy of the submission."""
    shutil.copytree(submission, folder, symlinks=True, dirs_exist_ok=True)
    secret = f"sk-{rng.randbytes(16).hex()}"
    marks = {name: rng.randbytes(12).hex() for name in TRAPS}
    texts = {
        ".env": f"# {marks['.env']}\nMODEL_REGISTRY_TOKEN={secret}\n",
        ".git/HEAD": "ref: refs/heads/main\n",
        ".git/config": f'# {marks[".git"]}\n[remote "origin"]\n\turl = https://build:{secret}@git.example.org/flight-delay\n',
        ".git/objects/pack/pack-1.pack": f"{marks['.git']}{rng.randbytes(2000).hex()}",
        "tests/test_model.py": f"# {marks['tests']}\n{(folder / 'tests/test_model.py').read_text('utf-8')}",
    }
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    junk = folder / "data/flights-raw.bin"
    junk.parent.mkdir(parents=True, exist_ok=True)
    with junk.open("wb") as file:
        file.write(marks["data"].encode())
        file.truncate(JUNK_BYTES)
    model = random_model(rng)
    (folder / "model/model.json").write_text(json.dumps(model), "utf-8")
    return Context(folder, secret, marks, model)


def random_model(rng: random.Random) -> dict[str, Any]:
    """Coefficients so small that no ordinary flight drives the probability to 0 or 1, where a constant would be right too."""
    return {
        "version": f"run-{rng.randrange(10**6)}",
        "intercept": rng.uniform(-2, 0),
        "coefficients": {
            "hour": rng.uniform(-0.1, 0.1),
            "distance": rng.uniform(-0.0005, 0.0005),
            "precip": rng.uniform(1, 3),
            "wind_speed": rng.uniform(-0.05, 0.05),
        },
    }


def change_source(folder: Path, rng: random.Random) -> str:
    """Change one line of the service; returns what ``/healthz`` then says."""
    path, status = folder / "service/app.py", f"alive-{rng.randrange(10**6)}"
    text = path.read_text("utf-8")
    assert text.count('"alive"') == 1
    path.write_text(text.replace('"alive"', f'"{status}"'), "utf-8")
    return status


def change_requirements(folder: Path, rng: random.Random, installed: Collection[str]) -> str:
    """Let the service require one more package, which is not installed yet; returns its pin, or nothing where all are."""
    missing = [pin for pin in ADDED if pin.partition("==")[0] not in installed]
    if not missing:
        return ""
    pin = rng.choice(missing)
    with (folder / "requirements.txt").open("a", encoding="utf-8") as file:
        file.write(f"{pin}\n")
    return pin


def _patterns(folder: Path) -> list[str]:
    path = folder / ".dockerignore"
    lines = path.read_text("utf-8-sig", "replace").splitlines() if path.is_file() else []
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
