"""The image: what a container of it is, and that it predicts as the process does."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.service import data

ROOT = Path(__file__).parents[3]
DOCKERFILE = ROOT / "sandbox" / "service" / "Dockerfile"


def docker(*arguments: str, stdin: bytes | None = None) -> bytes:
    done = subprocess.run(["docker", *arguments], input=stdin, capture_output=True, timeout=600)
    assert done.returncode == 0, done.stderr.decode()[-2_000:]
    return done.stdout


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    name = f"flight-delay-test-{uuid.uuid4().hex[:8]}"
    docker("build", "--quiet", "--file", str(DOCKERFILE), "--tag", name, str(ROOT))
    yield name
    docker("image", "rm", "--force", name)


@pytest.fixture(scope="module")
def published(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model where the container's user, who is neither root nor its owner, may read it."""
    folder = tmp_path_factory.mktemp("published") / "models"
    shutil.copytree(models, folder)
    folder.chmod(0o755)
    for file in folder.iterdir():
        file.chmod(0o644)
    return folder


@pytest.fixture
def container(image: str, published: Path) -> Iterator[str]:
    """A running container without network, with a read-only file system, as a stranger would harden it."""
    hardened = ["--network", "none", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    name = docker("run", "--detach", *hardened, "--volume", f"{published}:/models:ro", image).decode().strip()
    yield name
    docker("rm", "--force", name)


def test_what_goes_into_the_image_is_pinned_with_its_hash() -> None:
    text = (DOCKERFILE.parent / "requirements.txt").read_text("utf-8")
    packages = re.findall(r"^([\w.-]+)==([\w.]+)((?: \\\n +--hash=sha256:[0-9a-f]{64})+)", text, re.MULTILINE)
    assert len(packages) == len(re.findall(r"^\w", text, re.MULTILINE)) > 10
    locked = (ROOT / "requirements.lock").read_text("utf-8")
    elsewhere = [f"{name}=={version}" for name, version, _ in packages if f"{name}=={version}" not in locked]
    assert elsewhere == [], "the image and the course must serve with the same versions"
    asked = (DOCKERFILE.parent / "requirements.in").read_text("utf-8")
    assert {line for line in asked.splitlines() if line and line[0] != "#"} <= {name for name, _, _ in packages}


@pytest.mark.slow
@pytest.mark.needs("docker")
def test_a_container_is_healthy_and_ends_well_on_sigterm(container: str) -> None:
    deadline = time.monotonic() + 60
    while (health := docker("inspect", "--format", "{{.State.Health.Status}}", container).strip()) != b"healthy":
        assert health == b"starting" and time.monotonic() < deadline, docker("logs", container).decode()
        time.sleep(0.5)
    assert docker("exec", container, "id", "-u").strip() == b"10001"
    docker("stop", "--time", "20", container)
    assert docker("inspect", "--format", "{{.State.ExitCode}}", container).strip() == b"0"
    lines = [json.loads(line) for line in docker("logs", container).splitlines()]
    assert lines[-1]["message"] == "stopped"


@pytest.mark.slow
@pytest.mark.needs("docker")
def test_container_and_process_predict_the_same_bytes(image: str, published: Path) -> None:
    flights = json.dumps(list(data.sample(10, 1_000, seed=7).requests())).encode()
    inside = docker(
        "run", "--rm", "--interactive", "--volume", f"{published}:/models:ro", image, "predict", stdin=flights
    )
    command = [sys.executable, "-m", "sandbox.service", "predict", "--models", str(published)]
    outside = subprocess.run(command, input=flights, capture_output=True, check=True).stdout
    assert inside == outside
    assert len(json.loads(inside)) == 1_000


@pytest.mark.slow
@pytest.mark.needs("docker")
def test_the_image_holds_what_serving_needs_and_no_more(image: str) -> None:
    listed = docker("run", "--rm", "--entrypoint", "python", image, "-c", _LIST).decode().split()
    assert "sandbox/service/api.py" in listed
    assert not [name for name in listed if name.endswith((".npz", ".md", ".in", "Dockerfile")) or "test" in name]
    packages = docker(
        "run", "--rm", "--entrypoint", "python", image, "-c",
        "import importlib.metadata as m; print(*(d.name for d in m.distributions()))",
    ).decode().lower().split()  # fmt: skip
    assert "onnxruntime" in packages
    assert not {"scikit-learn", "pandas", "skops", "scipy"} & set(packages)


_LIST = "from pathlib import Path; print(*(p.relative_to('/app') for p in Path('/app').rglob('*') if p.is_file()))"
