"""Images and containers of one run: made with limits, named and labelled by the run, removed at its end."""

from __future__ import annotations

import contextlib
import io
import json
import math
import subprocess
import tarfile
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import httpx
from docker.errors import DockerException, NotFound
from docker.models.containers import Container

LABEL = "devops-ml-sandbox.lab04"
PORT = 8000
BUILD_S = 400
STARTS_S = 60
TEXT = 2_000_000
"""Files larger than this are searched in their first bytes only."""


@dataclass(frozen=True)
class Build:
    """How a build ended; ``image`` is empty where it failed."""

    image: str
    output: str


@dataclass(frozen=True)
class Layer:
    """One layer of a saved image: its digest and its files' names."""

    digest: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Saved:
    """What an image holds, in every layer, files that a later layer deletes too."""

    layers: tuple[Layer, ...]
    holding: tuple[str, ...]
    """Places where the text that was looked for stands."""
    config: Mapping[str, Any]

    def names(self) -> list[str]:
        return [name for layer in self.layers for name in layer.names]

    def digests(self, end: str) -> set[str]:
        """Digests of the layers that hold a file whose name ends so."""
        return {layer.digest for layer in self.layers if any(name.endswith(end) for name in layer.names)}


class Engine:
    """The Docker engine, as far as one run of the checks uses it."""

    def __init__(self) -> None:
        self.run = f"lab04-{uuid.uuid4().hex[:12]}"
        self.client = docker.from_env(timeout=120)
        self._images = 0
        self._network: Any = None

    def close(self) -> None:
        """Remove every container, network and image of this run."""
        mine = {"label": f"{LABEL}={self.run}"}
        for container in self.client.containers.list(all=True, filters=mine):
            with contextlib.suppress(DockerException):
                container.remove(force=True, v=True)
        if self._network is not None:
            with contextlib.suppress(DockerException):
                self._network.remove()
        for number in range(self._images):
            with contextlib.suppress(DockerException):
                self.client.images.remove(f"{self.run}:{number}", force=True)
        with contextlib.suppress(DockerException):
            # The classic builder labels the last stage only: earlier stages of a build are still left behind.
            self.client.images.prune({"dangling": True, **mine})
        self.client.close()

    def build(self, folder: Path) -> Build:
        """``docker build`` with limits on memory and time."""
        tag = f"{self.run}:{self._images}"
        self._images += 1
        argv = ["docker", "build", "--tag", tag, "--label", f"{LABEL}={self.run}", "--memory", "1g", str(folder)]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=BUILD_S)
        except subprocess.TimeoutExpired:
            return Build("", f"the build was stopped after {BUILD_S} s")
        return Build(tag if done.returncode == 0 else "", done.stdout + done.stderr)

    @contextlib.contextmanager
    def container(self, image: str, **options: Any) -> Iterator[Running]:
        """Start a container whose port is published on loopback; it is removed when the block ends."""
        settings: dict[str, Any] = {
            "detach": True, "labels": {LABEL: self.run}, "mem_limit": "256m", "memswap_limit": "256m", "pids_limit": 128,
            "network": self._net(), "ports": {f"{PORT}/tcp": ("127.0.0.1", None)},
        }  # fmt: skip
        container = self.client.containers.run(image, **(settings | options))
        try:
            yield Running(container)
        finally:
            with contextlib.suppress(NotFound):
                container.remove(force=True, v=True)

    def _net(self) -> str:
        """A bridge of this run without a way out: nothing is translated to an address of this machine."""
        if self._network is None:
            self._network = self.client.networks.create(
                self.run, driver="bridge", labels={LABEL: self.run},
                options={"com.docker.network.bridge.enable_ip_masquerade": "false"},
            )  # fmt: skip
        return str(self._network.name)

    def save(self, image: str, secret: str) -> Saved:
        """Read every layer of an image and look for a text in its files and in its configuration."""
        needle = secret.encode()
        holding: list[str] = []
        with tempfile.TemporaryFile() as file:
            for chunk in self.client.api.get_image(image):
                file.write(chunk)
            file.seek(0)
            with tarfile.open(fileobj=file) as outer:
                manifest = json.loads(_bytes(outer, "manifest.json"))[0]
                raw = _bytes(outer, manifest["Config"])
                config = json.loads(raw)
                if needle in raw:
                    holding.append("the image's history or configuration")
                layers = []
                digests = config["rootfs"]["diff_ids"]
                for digest, member in zip(digests, manifest["Layers"], strict=True):
                    names = []
                    with tarfile.open(fileobj=outer.extractfile(member)) as inner:
                        for entry in inner:
                            names.append(entry.name.removeprefix("./"))
                            stream = inner.extractfile(entry) if entry.isfile() else None
                            if stream is not None and needle in stream.read(TEXT):
                                holding.append(entry.name)
                    layers.append(Layer(digest, tuple(names)))
        return Saved(tuple(layers), tuple(holding), config)


class Running:
    """One container that was started."""

    def __init__(self, container: Container) -> None:
        self.container = container

    @property
    def url(self) -> str:
        ports = self.container.attrs["NetworkSettings"]["Ports"].get(f"{PORT}/tcp") or [{"HostPort": "0"}]
        return f"http://127.0.0.1:{ports[0]['HostPort']}"

    @property
    def state(self) -> Mapping[str, Any]:
        self.container.reload()
        state: Mapping[str, Any] = self.container.attrs["State"]
        return state

    def logs(self) -> str:
        return self.container.logs(tail=12).decode("utf-8", "replace")[-1500:]

    def wait_ready(self) -> bool:
        """Does /readyz answer 200 in time?"""
        deadline = time.monotonic() + STARTS_S
        while time.monotonic() < deadline and self.state["Running"]:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/readyz", timeout=3, trust_env=False).status_code == 200:
                    return True
            time.sleep(0.2)
        return False

    def post(self, path: str, body: Any, timeout: float = 20) -> httpx.Response:
        return httpx.post(f"{self.url}{path}", json=body, timeout=timeout, trust_env=False)

    def wait_health(self, wanted: tuple[str, ...]) -> str:
        """Wait for one of these health states, or for the container's end; returns what is true then."""
        deadline = time.monotonic() + STARTS_S
        seen = "none"
        while time.monotonic() < deadline:
            state = self.state
            if not state["Running"]:
                return f"ended with status {state['ExitCode']}"
            seen = str((state.get("Health") or {}).get("Status", "none"))
            if seen in wanted:
                break
            time.sleep(0.3)
        return seen


def probability(model: Mapping[str, Any], flight: Mapping[str, float]) -> float:
    """What the model of this run says, worked out by the judge."""
    total = model["intercept"] + sum(value * flight.get(name, 0) for name, value in model["coefficients"].items())
    return 1 / (1 + math.exp(-total))


def _bytes(archive: tarfile.TarFile, name: str) -> bytes:
    stream = archive.extractfile(name)
    return (stream or io.BytesIO()).read()
