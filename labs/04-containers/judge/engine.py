"""Images and containers of one run: made with limits, named and labelled by the run, removed at its end."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import threading
import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, NullResource
from docker.types import LogConfig

from judge import dockerfile, image
from judge.running import Running
from sandbox import tools
from sandbox.grading import Blocked, fail

LABEL = "devops-ml-sandbox.lab04"
"""On every layer, container and network of this lab. Its value is the run, or ``layers`` on what runs share."""
BEGAN = f"{LABEL}.began"
KEPT_S = 3600
"""Layers are kept so long for the next build; so are things that a run has left because it was killed."""
PORT = 8000
BUILD_S = 1200
PULL_S = 300
BUILD_MEMORY = "1g"
MOST_BYTES = 3_000_000_000
GATE_SCRIPT = Path(__file__).with_name("machine") / "index_gate.py"
ZOMBIES_SCRIPT = GATE_SCRIPT.with_name("zombies.py")
FREEZE_SCRIPT = GATE_SCRIPT.with_name("freeze.py")
WATCHES_S = 300
GATE_PORT = 3128
GATE_READY_S = 90
SECOND = 1_000_000_000
# The judge asks often and waits long: what a health check says counts here, not how patient it is.
HURRIED = {"interval": SECOND, "timeout": 30 * SECOND, "retries": 2, "start_period": SECOND}


@dataclass(frozen=True)
class Build:
    """How a build ended; ``tag`` is empty where it failed."""

    tag: str
    output: str
    made: tuple[str, ...] = ()
    """The images of those of its steps that were not taken from the cache."""

    @property
    def end(self) -> str:
        return self.output.strip()[-1500:]


class Engine:
    """The Docker engine, as far as one run of the checks uses it.

    Images are built with the engine's classic builder: it is the one whose containers can be limited. The images that a
    Dockerfile starts from are given a label first, which every layer on top inherits: so all that a build leaves
    behind is found again. Layers outlive the run for a while, since the next build begins with the same ones.
    """

    def __init__(self) -> None:
        self.run = f"lab04-{uuid.uuid4().hex[:12]}"
        self.labels = {LABEL: self.run, BEGAN: str(int(time.time()))}
        self.program = tools.require("docker").argv[0]
        self.client = docker.from_env(timeout=300)
        self._lock = threading.RLock()
        self._tags: list[tuple[str, bool]] = []
        self._bases: dict[tuple[str, bool], str] = {}
        self._network: Any = None
        self._inside: Any = None
        self._gate: Any = None
        self._sweep()

    # --- the end --------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Remove every container, network and image of this run; layers that a next build can use stay for a while."""
        self._remove(self.run)
        for tag, shared in self._tags:
            with contextlib.suppress(DockerException):
                self.client.images.remove(tag, force=True, noprune=shared)
        self.client.close()

    def _remove(self, run: str) -> None:
        mine = {"label": f"{LABEL}={run}"}
        for container in self.client.containers.list(all=True, filters=mine, ignore_removed=True):
            with contextlib.suppress(DockerException):
                container.remove(force=True, v=True)
        for network in self.client.networks.list(filters=mine):
            with contextlib.suppress(DockerException):
                network.remove()

    def _sweep(self) -> None:
        """What is older than an hour: layers, and what runs that were killed have left."""
        oldest = time.time() - KEPT_S
        with contextlib.suppress(DockerException):
            found = [
                c.labels for c in self.client.containers.list(all=True, filters={"label": BEGAN}, ignore_removed=True)
            ]
            found += [n.attrs.get("Labels") or {} for n in self.client.networks.list(filters={"label": BEGAN})]
            for run in {each[LABEL] for each in found if int(each[BEGAN]) < oldest}:
                self._remove(run)
            layers = self.client.api.images(all=True, filters={"label": LABEL})
            for layer in sorted(layers, key=lambda each: each["Created"], reverse=True):
                if layer["Created"] < oldest:
                    with contextlib.suppress(DockerException):  # it is in use, or another one stands on it
                        self.client.api.remove_image(layer["Id"])

    # --- images to start from -------------------------------------------------------------------------------------------

    def base(self, wanted: str, *, shared: bool = True) -> str:
        """A labelled image with the content of the one that is wanted.

        Args:
            shared: whether other runs may find in the cache what is built on it, and this run what they have built.

        Raises:
            Blocked: it is not on this machine and cannot be had.
        """
        with self._lock:
            if (wanted, shared) not in self._bases:
                found = self._find(wanted)
                tag = f"{self.run}:base-{len(self._bases)}"
                own = "" if shared else f" {LABEL}.own={self.run}"
                file = io.BytesIO(f"FROM {found}\nLABEL {LABEL}=layers{own}\n".encode())
                for _ in self.client.api.build(fileobj=file, tag=tag, rm=True, forcerm=True):
                    pass
                self._tags.append((tag, shared))
                self._bases[wanted, shared] = tag
            return self._bases[wanted, shared]

    def _find(self, wanted: str) -> str:
        if self._has(wanted):
            return wanted
        try:
            done = subprocess.run(
                [self.program, "pull", "--quiet", "--", wanted],
                capture_output=True, text=True, errors="replace", timeout=PULL_S,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            done = subprocess.CompletedProcess([], 1, "", f"it did not come within {PULL_S} s")
        if done.returncode == 0:
            return wanted
        if dockerfile.can_stand_in(wanted) and self._has(dockerfile.STAND_IN):
            return dockerfile.STAND_IN
        why = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        if re.search(r"manifest unknown|not found|does not exist|denied|invalid reference", why[0]):
            fail(f"the image {wanted} does not exist where images come from", observed=why[0])
        raise Blocked(
            f"the image {wanted}",
            f"The Dockerfile needs it and it cannot be pulled from here. Without a network, {dockerfile.STAND_IN} can be used.",
        )

    def _has(self, name: str) -> bool:
        try:
            self.client.images.get(name)
        except (APIError, NullResource):  # it is not there, or the name is none
            return False
        return True

    # --- building -------------------------------------------------------------------------------------------------------

    def build(self, folder: Path, *, index: bool = True, cache: bool = True) -> Build:
        """``docker build`` with limits on memory, time and network.

        Args:
            index: whether the package index can be reached; nothing else ever can.
            cache: whether layers of this run's earlier builds may be used again.
        """
        path = folder / "Dockerfile"
        text = path.read_text("utf-8-sig", "replace") if path.is_file() else fail("there is no Dockerfile")
        if word := dockerfile.refused(text):
            fail(f"{word} is not built here", expected="COPY, and files of the build context")
        # What is built without the cache is a newer match in the cache of every later build, of other runs, too, and goes at the
        # end of this run: nobody else may find it.
        bases = {source.image: self.base(source.image, shared=cache) for source in dockerfile.sources(text)}
        path.write_text(dockerfile.on_other_images(text, bases), "utf-8")
        with self._lock:
            tag = f"{self.run}:{len(self._tags)}"
            self._tags.append((tag, cache))
        proxy = f"http://{self.gate()}:{GATE_PORT}"
        argv = [
            self.program,
            "build",
            "--tag",
            tag,
            "--force-rm",
            "--memory",
            BUILD_MEMORY,
            "--memory-swap",
            BUILD_MEMORY,
        ]
        # These names are known to every build, and no layer holds them. The same ones each time: they count for the cache.
        names = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
        argv += [word for name in names for word in ("--build-arg", f"{name}={proxy}")]
        argv += ["--network", str(self._inside.name) if index else "none"]
        argv += [] if cache else ["--no-cache"]
        environment = {**os.environ, "DOCKER_BUILDKIT": "0", "DOCKER_CLI_HINTS": "false"}
        old = {each.removeprefix("sha256:")[:12] for each in self.client.api.images(all=True, quiet=True)}
        done = _run([*argv, str(folder)], environment)
        if "No such image: sha256" in done.stdout:
            # Another run swept up a layer, an hour old, between two steps of this build.
            done = _run([*argv, str(folder)], environment)
        output = re.sub(r"(?s)^DEPRECATED:.*?\n\n", "", done.stdout)
        for name, base in bases.items():
            output = output.replace(base, name)
        return Build(tag if done.returncode == 0 else "", output, made_anew(done.stdout, old))

    def gate(self) -> str:
        """Address of the proxy that leads builds to the package index, started when it is first asked for."""
        with self._lock:
            if self._gate is None:
                self._inside = self.client.networks.create(
                    f"{self.run}-build", driver="bridge", internal=True, labels=self.labels
                )
                self._gate = self.client.containers.create(
                    self.base(dockerfile.STAND_IN), ["python3", "-u", "-c", GATE_SCRIPT.read_text("utf-8")],
                    labels=self.labels, user="65534:65534", read_only=True, cap_drop=["ALL"], mem_limit="128m",
                    security_opt=["no-new-privileges"], pids_limit=256, log_config=_bounded_log(),
                )  # fmt: skip
                self._inside.connect(self._gate)
                self._gate.start()
                deadline = time.monotonic() + GATE_READY_S
                while b"ready" not in self._gate.logs():
                    self._gate.reload()
                    if time.monotonic() > deadline or self._gate.status == "exited":
                        raise RuntimeError(f"the gate to the index did not start: {self._gate.logs()[-500:]!r}")
                    time.sleep(0.1)
                self._gate.reload()
            networks = self._gate.attrs["NetworkSettings"]["Networks"]
            return str(networks[self._inside.name]["IPAddress"])

    def gate_said(self, word: str) -> list[str]:
        """Hosts that builds asked for and were ``refused``, or that were ``unreachable``."""
        lines = self._gate.logs().decode("utf-8", "replace").splitlines() if self._gate else []
        return sorted({line.split()[1] for line in lines if line.startswith(f"{word} ")})

    # --- running --------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def container(
        self, tag: str, *, files: Mapping[str, str] | None = None, name: str = "", **options: Any
    ) -> Iterator[Running]:
        """Start a container whose port is published on loopback; it is removed when the block ends.

        Args:
            files: texts to put below the container's root before it starts, by path.
            name: the name under which other containers of this run find it.
        """
        settings: dict[str, Any] = {
            "labels": self.labels, "mem_limit": "256m", "memswap_limit": "256m", "pids_limit": 128, "nano_cpus": 2 * SECOND,
            "ports": {f"{PORT}/tcp": ("127.0.0.1", None)}, "healthcheck": {"test": ["NONE"]}, "log_config": _bounded_log(),
        }  # fmt: skip
        network = self._net()
        # A name on a network can be given when a container is connected, not when it is made.
        settings |= {"network": network.name} if not name else {}
        try:
            container = self.client.containers.create(tag, **(settings | options))
        except APIError as error:
            if error.status_code != 400:
                raise
            fail("the engine refuses such a container", observed=str(error.explanation)[:500])
        try:
            if name:
                self.client.networks.get("bridge").disconnect(container)
                network.connect(container, aliases=[name])
            if files:
                container.put_archive("/", image.pack(files))
            yield Running.start(container, PORT)
        finally:
            with contextlib.suppress(DockerException):
                container.remove(force=True, v=True)

    def zombies(self, running: Running, seconds: float) -> list[str]:
        """Processes of a container that have ended, or should have, and are still there after a while."""
        status, told = self._beside(running, ZOMBIES_SCRIPT, str(seconds), user="65534:65534")
        if status and running.state["Running"]:
            raise RuntimeError(f"the look at the processes failed: {told[-400:]}")
        return told.split("\n") if told.strip() else []

    def freeze(self, running: Running) -> None:
        """Stop every process of a container (SIGSTOP), but for those that the engine itself starts in it later."""
        # Nobody inside its own process table can stop process 1.
        running.container.kill("SIGSTOP")
        status, told = self._beside(running, FREEZE_SCRIPT, user="0:0", cap_add=["KILL"])
        if status and running.state["Running"]:
            raise RuntimeError(f"the processes could not be stopped: {told[-400:]}")

    def _beside(self, running: Running, script: Path, *arguments: str, **options: Any) -> tuple[int, str]:
        """Status and output of a script of the judge's that sees the processes of a container."""
        watcher = self.client.containers.create(
            self.base(dockerfile.STAND_IN), ["python3", "-c", script.read_text("utf-8"), *arguments],
            labels=self.labels, pid_mode=f"container:{running.container.id}", network_mode="none",
            read_only=True, cap_drop=["ALL"], security_opt=["no-new-privileges"], mem_limit="128m", **options,
        )  # fmt: skip
        try:
            watcher.start()
            status = int(watcher.wait(timeout=WATCHES_S)["StatusCode"])
            return status, watcher.logs().decode("utf-8", "replace")
        finally:
            with contextlib.suppress(DockerException):
                watcher.remove(force=True)

    def _net(self) -> Any:
        """A bridge of this run without a way out: nothing is translated to an address of this machine."""
        with self._lock:
            if self._network is None:
                self._network = self.client.networks.create(
                    self.run, driver="bridge", labels=self.labels,
                    options={"com.docker.network.bridge.enable_ip_masquerade": "false"},
                )  # fmt: skip
            return self._network

    # --- looking --------------------------------------------------------------------------------------------------------

    def save(self, tag: str, texts: Iterable[str] = ()) -> image.Image:
        """Read every layer of an image and look for texts in its files and in its configuration."""
        known = [
            layer for base in self._bases.values() for layer in self.client.images.get(base).attrs["RootFS"]["Layers"]
        ]
        return image.read(self.client.api.get_image(tag), texts, known)

    def brought_by_steps(self, built: Build) -> set[str]:
        """Python packages that a command of the build put, anew, into an image that did not hold them before it.

        The times of files do not tell this for sure: a build can set them.
        """
        found: set[str] = set()
        for made in built.made:
            command = str(self.client.api.history(made)[0]["CreatedBy"])
            parent = self.client.api.inspect_image(made).get("Parent")
            if parent and not command.partition(" -c ")[2].startswith("#(nop)"):
                found |= self.save(made).distributions().keys() - self.save(parent).distributions().keys()
        return found


def made_anew(output: str, old: Collection[str]) -> tuple[str, ...]:
    """The images that steps of a build made, by what the builder printed, without those from the cache and the old ones.

    What a command prints cannot pass for the builder's word that a step came from the cache: between a command's output and the
    name of its image, the builder tells that it removes a container.
    """
    steps = re.findall(r"(?m)^( ---> Using cache\n)? ---> ([0-9a-f]{12})$", output)
    return tuple(each for cached, each in steps if not cached and each not in old)


def _run(argv: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            argv, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", timeout=BUILD_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(argv, 1, f"the build was stopped after {BUILD_S} s")


def _bounded_log() -> LogConfig:
    return LogConfig(type="json-file", config={"max-size": "2m", "max-file": "1"})
