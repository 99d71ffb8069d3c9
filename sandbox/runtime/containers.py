"""Units as containers: images, start through Compose, tell and stop through the engine."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sandbox import tools
from sandbox.runtime import ports
from sandbox.runtime.processes import tail
from sandbox.runtime.settings import COMPOSE_FILE, Settings, StackError
from sandbox.runtime.status import Condition, UnitStatus
from sandbox.runtime.units import Unit, fingerprint_variable, profiles_of, read_units

Note = Callable[[str], None]
STOP_S = 35
"""Longer than the model service lets requests in flight take after SIGTERM."""
PULL_S = 120.0
_POLL_S = 0.1
_PROCESS = "To do without Docker: lab start --runtime process"


class EngineSilent(StackError):
    """The Docker engine does not answer (any more)."""


class Containers:
    """The units of one checkout that run in Docker."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._seen: list[dict[str, Any]] | None = None

    def answers(self) -> bool:
        """Is there an engine that answers?"""
        return self._docker("version", "--format", "{{.Server.Version}}").returncode == 0

    # --- images --------------------------------------------------------------------------------------------------------

    def bases(self, unit: Unit) -> list[str]:
        """Images that must be had from elsewhere for this unit: its own, or those that its Dockerfile starts from."""
        if not unit.built:
            return [unit.image]
        lines = (self.settings.root / "sandbox/service/Dockerfile").read_text("utf-8")
        stages = {name.lower() for name in re.findall(r"(?im)^FROM\s+.*\s+AS\s+(\S+)", lines)}
        arguments = dict(re.findall(r"(?im)^ARG\s+(\w+)=(\S+)", lines))
        froms = re.findall(r"(?im)^FROM\s+(?:--\S+\s+)*(\S+)", lines)
        images = [re.sub(r"\$\{?(\w+)\}?", lambda match: arguments.get(match[1], ""), image) for image in froms]
        return sorted({image for image in images if image.lower() not in stages | {"scratch"}})

    def has_image(self, image: str) -> bool:
        return self._docker("image", "inspect", "--format", "{{.Id}}", image).returncode == 0

    def can_have(self, unit: Unit, note: Note) -> str:
        """Empty where the unit's image is here or can be pulled; else the reason why not."""
        if unit.built and self._is_built(unit):
            return ""
        for image in self.bases(unit):
            if self.has_image(image):
                continue
            note(f"pulling {image}")
            try:
                done = self._docker("pull", "--quiet", image, timeout_s=PULL_S)
            except subprocess.TimeoutExpired:
                return f"the image {image} could not be pulled within {PULL_S:.0f} s"
            if done.returncode:
                last = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
                return f"the image {image} is not here and cannot be pulled ({last[0][:160]})"
        return ""

    def build(self, unit: Unit, note: Note) -> None:
        """Build the unit's image where it is missing or its sources have changed."""
        if not unit.built or self._is_built(unit):
            return
        note(f"building the image of {unit.title.lower()} (the first time takes a minute or two)")
        log = self.settings.logs / f"{unit.name}-build.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w", encoding="utf-8") as file:
            status = self._stream(self._compose("build", unit.name), file.write, note)
        if status:
            end = tail(log.read_text("utf-8"))
            raise StackError(
                f"The image of {unit.title.lower()} could not be built. The end of {log}:\n{end}", _PROCESS
            )

    # --- start, tell, stop ---------------------------------------------------------------------------------------------

    def is_current(self, unit: Unit) -> bool:
        """Does it run, answer, and run as it is described now?"""
        container = self._container(unit.name)
        if container is None or (unit.built and not self._is_built(unit)):
            return False
        labels = container["Config"]["Labels"]
        same = labels.get("sandbox.fingerprint") == unit.fingerprint()
        return same and self.status(unit).state == "running"

    def start(self, units: Iterable[Unit], note: Note) -> None:
        """Start units whose ports are free; returns when their containers are made. See :meth:`wait`."""
        wanted = list(units)
        for unit in wanted:
            self.remove([unit.name])
            ports.require_free(unit.variable, unit.port, unit.title)
            self._own_folders(unit)
        lines: list[str] = []
        names = [unit.name for unit in wanted]
        if self._stream(self._compose("up", "--detach", "--no-build", "--no-deps", *names), lines.append, note):
            raise StackError(f"Compose could not start {', '.join(names)}:\n{tail(''.join(lines))}", _PROCESS)

    def wait(self, unit: Unit) -> None:
        """Wait until the unit answers; raises :class:`StackError` with the end of its output where it does not."""
        deadline = time.monotonic() + unit.wait_s
        while time.monotonic() < deadline:
            if ports.answers(unit.port, unit.ready):
                return
            container = self._container(unit.name)
            if container is None or not container["State"]["Running"]:
                break
            time.sleep(_POLL_S)
        raise StackError(f"{unit.title} did not get ready. The end of its output:\n{tail(self.output(unit.name))}")

    def status(self, unit: Unit) -> UnitStatus:
        """What is true of the unit now."""
        try:
            container = self._container(unit.name)
        except EngineSilent as error:
            return self._told(unit, "unknown", detail=error.message)
        if container is None:
            return self._told(unit, "stopped")
        identity, state = container["Id"][:12], container["State"]
        since = _seconds(state["StartedAt"])
        if not state["Running"]:
            why = "was killed for its memory" if state.get("OOMKilled") else f"ended with status {state['ExitCode']}"
            return self._told(unit, "died", container=identity, since=since, detail=f"its container {identity} {why}")
        if ports.answers(unit.port, unit.ready):
            return self._told(unit, "running", container=identity, since=since)
        if time.time() - since < unit.wait_s:
            return self._told(unit, "starting", container=identity, since=since)
        detail = f"container {identity} runs, but {unit.url}{unit.ready} does not answer"
        return self._told(unit, "unhealthy", container=identity, since=since, detail=detail)

    def remove(self, names: Iterable[str] | None = None) -> list[str]:
        """Stop and remove these units' containers (None: all of this checkout, and its network); tells which."""
        found = {c["Config"]["Labels"]["com.docker.compose.service"]: c["Id"] for c in self._containers()}
        chosen = {name: identity for name, identity in found.items() if names is None or name in set(names)}
        if chosen:
            self._check(self._docker("stop", "--time", str(STOP_S), *chosen.values(), timeout_s=60))
            self._check(self._docker("rm", "--force", "--volumes", *chosen.values(), timeout_s=60))
        if names is None:
            networks = self._docker("network", "ls", "--quiet", "--filter", self._filter()).stdout.split()
            if networks:
                self._check(self._docker("network", "rm", *networks))
        return sorted(chosen)

    def remove_images(self) -> list[str]:
        """Remove the images that were built for this checkout; tells which. None of its containers may be left."""
        built = [unit.image for unit in read_units(self.settings) if unit.built and self.has_image(unit.image)]
        for image in built:
            self._check(self._docker("image", "rm", image))
        return built

    def output(self, name: str) -> str:
        """What the unit has printed."""
        container = self._container(name)
        if container is None:
            return ""
        done = self._docker("logs", "--tail", "200", container["Id"])
        return done.stdout + done.stderr

    def log_command(self, name: str, *, follow: bool) -> list[str]:
        """The command that prints a unit's output, and with ``follow`` keeps printing."""
        container = self._container(name)
        if container is None:
            raise StackError(f"{name} has written nothing: it does not run.", "See what runs: make status")
        options = ["--follow"] if follow else []
        return [*tools.require("docker").argv, "logs", "--tail", "200", *options, container["Id"]]

    @contextlib.contextmanager
    def glance(self) -> Iterator[None]:
        """Ask the engine once for all containers; what is told in the block is as of then."""
        if self._seen is not None:
            yield
            return
        with contextlib.suppress(EngineSilent):
            self._seen = self._containers()
        try:
            yield
        finally:
            self._seen = None

    # --- inside --------------------------------------------------------------------------------------------------------

    def _container(self, name: str) -> dict[str, Any] | None:
        services = {c["Config"]["Labels"]["com.docker.compose.service"]: c for c in self._containers()}
        return services.get(name)

    def _containers(self) -> list[dict[str, Any]]:
        if self._seen is not None:
            return self._seen
        listed = self._docker("ps", "--all", "--quiet", "--no-trunc", "--filter", self._filter())
        if listed.returncode:
            raise EngineSilent("the Docker engine does not answer", "Start Docker, then try again.")
        if not listed.stdout.split():
            return []
        inspected = self._docker("inspect", *listed.stdout.split())
        found: list[dict[str, Any]] = json.loads(inspected.stdout or "[]")
        # A container that `compose run` made is not the unit itself.
        return [c for c in found if c["Config"]["Labels"].get("com.docker.compose.oneoff") != "True"]

    def _filter(self) -> str:
        return f"label=com.docker.compose.project={self.settings.project}"

    def _is_built(self, unit: Unit) -> bool:
        done = self._docker("image", "inspect", "--format", '{{index .Config.Labels "sandbox.build"}}', unit.image)
        return done.returncode == 0 and done.stdout.strip() == self._build_key()

    def _build_key(self) -> str:
        """Changes when a file changes that goes into the image."""
        root = self.settings.root
        files = [
            root / "requirements.lock",
            root / "pyproject.toml",
            root / ".dockerignore",
            root / "sandbox/__init__.py",
        ]
        files += sorted(
            path for path in (root / "sandbox/service").rglob("*") if path.is_file() and path.suffix != ".pyc"
        )
        total = hashlib.sha256()
        for file in files:
            total.update(f"{file.relative_to(root)}\0".encode())
            total.update(file.read_bytes() if file.exists() else b"")
        return total.hexdigest()[:16]

    def _own_folders(self, unit: Unit) -> None:
        """Make the folders that the container writes to, and give them to the user that it runs as."""
        owner = self.settings.owner
        for folder in unit.folders:
            folder.mkdir(parents=True, exist_ok=True)
            if os.getuid() == 0:
                for path in (folder, *folder.rglob("*")):
                    os.chown(path, *owner, follow_symlinks=False)

    def _compose(self, *arguments: str) -> list[str]:
        return [
            *tools.require("compose").argv,
            "--file",
            str(COMPOSE_FILE),
            "--project-name",
            self.settings.project,
            *arguments,
        ]

    def _environment(self) -> Mapping[str, str]:
        units = read_units(self.settings)
        fingerprints = {fingerprint_variable(unit.name): unit.fingerprint() for unit in units}
        own = {**self.settings.variables, **fingerprints, "SANDBOX_BUILD": self._build_key()}
        # Compose v1 starts a named service of a profile only where the profile is switched on.
        return {**os.environ, **own, "COMPOSE_PROFILES": ",".join(sorted(profiles_of(units)))}

    def _stream(self, command: list[str], keep: Callable[[str], Any], note: Note) -> int:
        """Run a command of Compose; each line goes to ``keep``, steps of a build to ``note`` as well."""
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=self._environment(),
        )
        assert process.stdout is not None
        try:
            for line in process.stdout:
                keep(line)
                if re.match(r"(Step \d+/\d+|#\d+ \[)", line):
                    note(f"  {line.strip()[:100]}")
            return process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise

    def _docker(self, *arguments: str, timeout_s: float = 30.0) -> subprocess.CompletedProcess[str]:
        client = tools.program("docker")
        if client is None:
            return subprocess.CompletedProcess(arguments, 127, "", "there is no docker command")
        return subprocess.run(
            [*client, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
        )

    def _check(self, done: subprocess.CompletedProcess[str]) -> None:
        if done.returncode and "No such" not in done.stderr:
            raise StackError(f"Docker refused: {done.stderr.strip()[:400]}")

    def _told(
        self, unit: Unit, state: Condition, *, container: str = "", since: float = 0.0, detail: str = ""
    ) -> UnitStatus:
        return UnitStatus(
            unit.name,
            unit.title,
            state,
            "container",
            unit.url,
            unit.port,
            unit.variable,
            container=container,
            since=since,
            detail=detail,
        )


def _seconds(text: str) -> float:
    """Docker's time (nanoseconds, UTC) as seconds since the epoch."""
    return datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00")).timestamp()
