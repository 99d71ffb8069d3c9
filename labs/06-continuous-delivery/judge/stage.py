"""Platforms with a version in production, pipelines let loose on them, and what a platform saw of them."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import httpx

from judge.world import Package, World
from sandbox import tools
from sandbox.grading import fail
from sandbox.jail import Finished, Jail, Limits, Service

MACHINE = Path(__file__).resolve().parent / "machine"
STARTER = MACHINE.parents[1] / "starter"
RUN_S = 180.0
SHOWN = 10
# Waits until the judge has connected, then becomes the pipeline: so the judge can kill it whole at any moment.
BECOME = (
    "import os, socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(os.environ['JAIL_SOCKETS'] + '/http.sock'); "
    "s.listen(); s.accept(); os.execvp(sys.argv[1], sys.argv[1:])"
)
LIMITS = Limits(timeout_s=RUN_S, memory_mb=1024, processes=64)
SOCKET = "/run/fleet/http.sock"
FLEET = Limits(timeout_s=1800, cpu_s=3600, memory_mb=4096, processes=400)
PIPELINES = ("a", "b", "c", "d", "e", "f")


class Stage:
    """One platform, as new, and the pipelines that run on it, each known by a token of its own."""

    def __init__(self, jail: Jail, submission: Path, world: World, fleet: Service, token: str) -> None:
        self._jail, self._submission, self._fleet, self._judge = jail, submission, fleet, token
        self.world, self.first = world, world.first
        self._spare: list[tuple[str, str]] = []
        # Where candidates lie: FOLDER may have any name.
        self.folder = f"{secrets.choice(('out', 'release', 'to-deploy'))}/{secrets.token_hex(3)}"

    def renew(self, faults: Mapping[str, str]) -> None:
        """Bring the platform back to where it began. ``faults``: version → the fault of the process that serves it."""
        tokens = {secrets.token_hex(16): name for name in PIPELINES}
        self._spare = [(name, token) for token, name in reversed(tokens.items())]
        self.ask("reset", faults=dict(faults), tokens=tokens)

    # --- pipelines ---

    @contextmanager
    def started(
        self, arguments: list[str], candidate: Package | None = None, actor: str = "ines"
    ) -> Iterator[tuple[str, Service]]:
        """Start the learner's pipeline: the name that the platform knows it by, and the running command."""
        name, token = self.spare()
        # No deploy needs the training flights: whoever evaluates on them meets labels that say the opposite.
        files: dict[str, Any] = {"data/holdout.csv": self.world.holdout, "data/train.csv": self.world.swapped}
        if candidate:
            files |= {f"{self.folder}/model.json": candidate.model, f"{self.folder}/card.json": candidate.card}
        environment = {
            "FLEET_SOCKET": SOCKET,
            "FLEET_TOKEN": token,
            "DEPLOY_ACTOR": actor,
            "PYTHONUNBUFFERED": "1",
        }
        with self.caller(name), self._jail.serve(
            ["python", "-I", "-c", BECOME, "python", "deploy/pipeline.py", *arguments],
            files=[self._submission, files], env=environment, limits=LIMITS, mounts=self.mounts, ready=None,
        ) as command:  # fmt: skip
            yield name, command

    @property
    def mounts(self) -> dict[str, Path]:
        """What a jail mounts to reach the platform at ``SOCKET``."""
        return {str(Path(SOCKET).parent): self._fleet.sockets}

    def spare(self) -> tuple[str, str]:
        """Name and token for one more caller."""
        return self._spare.pop()

    @contextmanager
    def caller(self, name: str) -> Iterator[None]:
        """Tell the platform at the end of the block that this caller is dead."""
        try:
            yield
        finally:
            self.ask("gone", by=name)

    def run(self, arguments: list[str], candidate: Package | None = None, actor: str = "ines") -> Finished:
        """Run the pipeline to its end."""
        with self.started(arguments, candidate, actor) as (_, command):
            return finished(command)

    def deploy(self, candidate: Package, actor: str = "ines") -> Finished:
        return self.run(["deploy", self.folder], candidate, actor)

    def rollback(self) -> Finished:
        return self.run(["rollback"])

    # --- what the platform saw ---

    def ask(self, what: str, **body: Any) -> dict[str, Any]:
        answer = self._fleet.request(
            "POST", f"/judge/{what}", json=body, headers={"Authorization": f"Bearer {self._judge}"}, deadline_s=100,
            answer_bytes=20_000_000,
        )  # fmt: skip
        answer.raise_for_status()
        table: dict[str, Any] = answer.json()
        return table

    def until_held(self, command: Service) -> bool:
        """Wait until the call that the judge asked to hold has come; False where the pipeline ended without it."""
        while not self.ask("wait", held=True, seconds=2)["is"]:
            if not command.alive:
                return False
        return True

    def until_asked(self, command: Service, name: str) -> None:
        """Wait until a pipeline has asked for the lease or changed something, or has ended."""
        while not self.ask("wait", by=name, seconds=2)["is"] and command.alive:
            pass

    def state(self) -> dict[str, Any]:
        """calls, starts, log, phases, failures."""
        return self.ask("state")

    def failed(self) -> int:
        """How many of the users' requests failed so far."""
        return sum(phase["failed"] for phase in self.state()["phases"])

    def live(self) -> dict[str, int]:
        """Version → how many of the next answers came from it; asks for enough that a share of 5 % shows."""
        answered = {version: n for version, n in self.ask("settle", requests=100)["answered"].items() if n > 6}
        return {str(version): int(n) for version, n in answered.items()}

    def must_serve(self, version: str, names: Mapping[str, str], when: str) -> None:
        """Fail the check where users do not get this version, and no other."""
        seen = self.live()
        if set(seen) != {version}:
            told = ", ".join(f"{names.get(v, v or 'nobody: requests fail')} ({n} answers)" for v, n in seen.items())
            fail(f"{when}, users are not served by the version they should be", observed=told or "nobody answers",
                 expected=names.get(version, version))  # fmt: skip


def finished(command: Service) -> Finished:
    """Wait for a pipeline's end."""
    ended = command.wait(RUN_S + 10)
    return ended if ended is not None else command.kill()


def said(ended: Finished) -> str:
    """How a pipeline ended and the end of what it printed, for the learner."""
    lines = (ended.stdout + ended.stderr).strip().splitlines()[-SHOWN:]
    how = (
        f"exit status {ended.exit_status}"
        if ended.exit_status is not None
        else f"stopped ({ended.limit or ended.signal})"
    )
    return "\n".join([how, *lines])


class Stages:
    """Platforms for one submission: each serves one check at a time, is made as new, and serves the next."""

    def __init__(self, jail: Jail, submission: Path, world: World) -> None:
        self._jail, self._submission, self._world = jail, submission, world
        self._idle: list[Stage] = []
        self._lock, self._running = threading.Lock(), ExitStack()
        # Behind the process wall, platforms would share the machine's ports.
        self._turn = threading.Lock() if jail.name == "process" else nullcontext()

    @contextmanager
    def __call__(self, faults: Mapping[str, str] | None = None) -> Iterator[Stage]:
        """A platform as new, for the length of the block. ``faults``: version → the fault of the process that serves it."""
        with self._turn:
            with self._lock:
                stage = self._idle.pop() if self._idle else None
            stage = stage or self._make()
            stage.renew(faults or {})
            try:
                yield stage
            except (OSError, httpx.HTTPError):
                raise  # It does not answer as it should: nobody gets it again.
            except BaseException:
                self._put_back(stage)
                raise
            self._put_back(stage)

    def _put_back(self, stage: Stage) -> None:
        stage.ask("rest")
        self._idle.append(stage)

    def _make(self) -> Stage:
        first, token = self._world.first, secrets.token_hex(16)
        plan = {"first": self._world.line, "package": {"model": first.model, "card": first.card}, "token": token}
        traefik = tools.require("traefik")
        fleet = self._jail.serve(
            ["python", "/opt/machine/fleet_platform.py", "/opt/tools/traefik"],
            files={"plan.json": json.dumps(plan)}, limits=FLEET, env={"PYTHONPATH": "/opt/model", "GOMAXPROCS": "2", "GOGC": "800"},
            mounts={"/opt/machine": MACHINE, "/opt/model": STARTER, "/opt/tools/traefik": traefik.path.resolve()},
            ready_timeout_s=90,
        )  # fmt: skip
        running = fleet.__enter__()
        with self._lock:
            self._running.push(fleet)
        return Stage(self._jail, self._submission, self._world, running, token)

    def close(self) -> None:
        """End all platforms."""
        self._running.close()
