"""Lab 04 on a real engine: a run that is broken off leaves no container, no network and no image of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.commands import LAB

ROOT = Path(__file__).resolve().parents[2]
LABEL = "devops-ml-sandbox.lab04"
pytestmark = [pytest.mark.slow, pytest.mark.needs("docker", "hadolint")]
WAIT_S = 300


def docker(*words: str) -> set[str]:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def owned(run: str) -> dict[str, set[str]]:
    """What of a run is there, by kind."""
    return {
        "containers": docker("ps", "--all", "--quiet", "--filter", f"label={LABEL}={run}"),
        "networks": docker("network", "ls", "--quiet", "--filter", f"label={LABEL}={run}"),
        "images": docker("images", "--quiet", "--filter", f"reference={run}:*"),
    }


def test_a_run_that_is_broken_off_leaves_nothing(tmp_path: Path) -> None:
    work = tmp_path / "work"
    shutil.copytree(ROOT / "labs/04-containers/starter", work)
    shutil.copytree(ROOT / "solutions/04-containers", work, dirs_exist_ok=True)
    listing = ("ps", "--all", "--filter", f"label={LABEL}", "--format", f'{{{{.Label "{LABEL}"}}}}')
    before = docker(*listing)
    environment = os.environ | {"SANDBOX_STATE": str(tmp_path / "state")}
    checking = subprocess.Popen(
        [*LAB, "check", "04", "--folder", str(work), "--only", "builds"],
        env=environment, stdout=subprocess.DEVNULL, start_new_session=True,
        # A shell in the background hands down a Ctrl-C that is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    try:
        deadline = time.monotonic() + WAIT_S
        while not (runs := docker(*listing) - before):
            assert time.monotonic() < deadline, "no container of the run came"
            assert checking.poll() is None, "the run ended before a container of it came"
            time.sleep(0.2)
        (run,) = runs
        assert owned(run)["networks"], "the gate to the index has a network"
        checking.send_signal(signal.SIGINT)
        assert checking.wait(timeout=WAIT_S) != 0
    finally:
        if checking.poll() is None:
            checking.kill()
    deadline = time.monotonic() + 60
    while any(owned(run).values()) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert owned(run) == {"containers": set(), "networks": set(), "images": set()}
