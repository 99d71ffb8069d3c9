"""The model service beside the servers that others write, each at its best documented setting and on the same model.

They are fetched from the package index into environments of their own (`.sandbox/bench/peers/`), so this benchmark runs only
when it is named. All get the numbers that the model reads, ready made; the service alone takes the flight, checks it and makes
them.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import joblib

from sandbox.bootstrap import find_uv, uv_settings
from sandbox.course import open_course
from sandbox.grading.live import free_port
from sandbox.service.model import load_pipeline
from tests.benchmarks import Table
from tests.benchmarks.bench_service import HELLO
from tests.benchmarks.reference import flights, numbers, reference
from tests.benchmarks.serving import COLUMNS, NOTE, Flight, Way, in_turns, ours, prepare, table, uvicorn

TITLE = "The model service and its peers"
HERE = Path(__file__).parent / "peers"
WITHIN_S = 540
"""When no further round begins: with the environments and the model to make, all ends within twelve minutes."""
INSTALL_WITHIN_S = 180
# Versions are named, so that the same command measures the same servers.
PACKAGES = {
    "MLServer": ("mlserver==1.7.1", "mlserver-sklearn==1.7.1"),
    "KServe": ("kserve==0.21.0",),
    "BentoML": ("bentoml==1.4.40",),
    "LitServe": ("litserve==0.2.19",),
    "MLflow": ("mlflow==3.17.2",),
}


class NotInstalledError(Exception):
    """A peer cannot be had here; the text says why."""


def measure(quick: bool) -> Table:
    """All that can be had, in turns; who is missing is named with the reason."""
    if not shutil.which("wrk"):
        return Table(COLUMNS, (), ("Not measured: wrk is not installed.",))
    began = time.monotonic()
    rounds, seconds = (1, 1) if quick else (5, 2)
    state = open_course().state / "bench"
    models = prepare(state / "models")
    model = state / "model.joblib"
    joblib.dump(load_pipeline(models), model)
    ways, missing = [ours(models), uvicorn(HELLO, "hello", models, has_model=False)], {}
    for name, packages in PACKAGES.items():
        try:
            ways.append(way(name, installed(state / "peers" / name.lower(), packages), model))
        except NotInstalledError as error:
            missing[name] = str(error)
    left = WITHIN_S - (time.monotonic() - began)
    seen, done, failed = in_turns(ways, reference(models), flights(), rounds=rounds, seconds=seconds, within_s=left)
    notes = [f"Not measured: {name}: {reason}." for name, reason in (missing | failed).items()]
    return table(seen, ways[0].name, [NOTE.format(done, seconds), *notes])


def installed(folder: Path, packages: Sequence[str]) -> Path:
    """The `bin` folder of an environment that has these packages, and scikit-learn and numpy as the model was trained with."""
    wanted = [*packages, *(f"{name}=={importlib.metadata.version(name)}" for name in ("scikit-learn", "numpy"))]
    note = folder / "installed.txt"
    if not note.is_file() or note.read_text("utf-8") != str(wanted):
        uv = find_uv(sys.executable)
        if not uv:
            raise NotInstalledError("uv is missing and cannot be fetched")
        _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)])
        _run([uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), *wanted])
        note.write_text(str(wanted), "utf-8")
    return folder / "bin"


def _run(command: Sequence[str]) -> None:
    try:
        subprocess.run(
            command, env={**os.environ, **uv_settings(sys.executable)}, check=True, capture_output=True, text=True,
            timeout=INSTALL_WITHIN_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise NotInstalledError(f"it could not be fetched within {INSTALL_WITHIN_S} s") from None
    except subprocess.CalledProcessError as error:
        said = re.sub(r"https?://\S+", "the package index", " ".join(error.stderr.split()))
        raise NotInstalledError(f"it does not install here ({said[:300]})") from None


def way(name: str, binaries: Path, model: Path) -> Way:
    """How a peer is started, asked and understood."""
    title = f"{name} {PACKAGES[name][0].partition('==')[2]}"
    # Some of them start programs of their environment by name.
    env = {"BENCH_MODEL": str(model), "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
    python = str(binaries / "python")

    def row(flight: Flight) -> list[list[float]]:
        return [numbers(flight)]

    def with_port(port: int) -> dict[str, str]:
        return {**env, "BENCH_PORT": str(port)}

    if name == "MLServer":

        def settings(port: int) -> dict[str, str]:
            ports = {"HTTP": port, "GRPC": free_port(), "METRICS": free_port()}
            given = {f"MLSERVER_{kind}_PORT": str(number) for kind, number in ports.items()}
            return {**env, **given, "MLSERVER_MODEL_URI": str(model)}

        def tensors(flight: Flight) -> dict[str, Any]:
            data = numbers(flight)
            tensor = {"name": "rows", "shape": [1, len(data)], "datatype": "FP32", "data": data}
            return {"inputs": [tensor], "outputs": [{"name": "predict_proba"}]}

        return Way(
            title, lambda port: [str(binaries / "mlserver"), "start", str(HERE / "mlserver")],
            "/v2/models/flight-delay/infer", tensors, lambda answer: float(answer["outputs"][0]["data"][1]), settings,
        )  # fmt: skip
    if name == "KServe":
        return Way(
            title, lambda port: [python, str(HERE / "kserve_server.py")], "/v1/models/flight-delay:predict",
            lambda flight: {"instances": row(flight)}, lambda answer: float(answer["predictions"][0]), with_port,
        )  # fmt: skip
    if name == "BentoML":
        serve = [str(binaries / "bentoml"), "serve", "bentoml_service:FlightDelay", "--working-dir", str(HERE)]
        return Way(
            title, lambda port: [*serve, "--host", "127.0.0.1", "--port", str(port)], "/predict",
            lambda flight: {"rows": row(flight)}, lambda answer: float(answer[0]), with_port,
        )  # fmt: skip
    if name == "LitServe":
        return Way(
            title, lambda port: [python, str(HERE / "litserve_server.py")], "/predict",
            lambda flight: {"row": numbers(flight)}, lambda answer: float(answer["probability"]), with_port,
        )  # fmt: skip
    saved = binaries.parent / "model"
    shutil.rmtree(saved, ignore_errors=True)
    _run([python, str(HERE / "mlflow_model.py"), str(model), str(saved)])
    serve = [str(binaries / "mlflow"), "models", "serve", "-m", str(saved), "--env-manager", "local", "--workers", "1"]
    return Way(
        title, lambda port: [*serve, "--host", "127.0.0.1", "--port", str(port)], "/invocations",
        lambda flight: {"inputs": row(flight)}, lambda answer: float(answer["predictions"][0][1]), with_port,
    )  # fmt: skip
