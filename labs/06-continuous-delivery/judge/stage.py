"""A platform with a version in production, pipelines let loose on it, and what the platform saw of them."""

from __future__ import annotations

import json
import random
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

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
# Behind the process wall, all platforms share the machine's ports: one at a time.
_ports = threading.Lock()
FLEET = Limits(timeout_s=600, memory_mb=4096, processes=400)


class Stage:
    """One platform, and the pipelines that run on it, each known by a token of its own."""

    def __init__(
        self,
        jail: Jail,
        submission: Path,
        world: World,
        fleet: Service,
        token: str,
        spare: list[tuple[str, str]],
        first: Package,
    ) -> None:
        self._jail, self._submission, self._world, self._fleet = jail, submission, world, fleet
        self._judge, self._spare, self.first = token, spare, first

    # --- pipelines ---

    @contextmanager
    def started(
        self, arguments: list[str], candidate: Package | None = None, actor: str = "ines"
    ) -> Iterator[tuple[str, Service]]:
        """Start the learner's pipeline: the name that the platform knows it by, and the running command."""
        name, token = self._spare.pop()
        files: dict[str, Any] = {"data/holdout.csv": self._world.holdout()}
        if candidate:
            files |= {"candidate/model.json": candidate.model, "candidate/card.json": candidate.card}
        environment = {
            "FLEET_SOCKET": "/run/fleet/http.sock",
            "FLEET_TOKEN": token,
            "DEPLOY_ACTOR": actor,
            "PYTHONUNBUFFERED": "1",
        }
        with self._jail.serve(
            ["python", "-I", "-c", BECOME, "python", "deploy/pipeline.py", *arguments],
            files=[self._submission, files], env=environment, limits=LIMITS, mounts={"/run/fleet": self._fleet.sockets}, ready=None,
        ) as command:  # fmt: skip
            yield name, command
        self.ask("gone", by=name)

    def run(self, arguments: list[str], candidate: Package | None = None, actor: str = "ines") -> Finished:
        """Run the pipeline to its end."""
        with self.started(arguments, candidate, actor) as (_, command):
            return finished(command)

    def deploy(self, candidate: Package, actor: str = "ines") -> Finished:
        return self.run(["deploy", "candidate"], candidate, actor)

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

    def state(self) -> dict[str, Any]:
        """calls, log, phases, failures."""
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


@contextmanager
def stage(
    jail: Jail, submission: Path, world: World, rng: random.Random, faults: Mapping[str, str] | None = None
) -> Iterator[Stage]:
    """A running platform. ``faults``: version → the fault of the process that serves it."""
    first = world.package(world.production())
    tokens = {secrets.token_hex(16): name for name in ("judge", "a", "b", "c", "d")}
    by_name = {name: token for token, name in tokens.items()}
    line = {
        "version": first.version, "slot": "blue", "outcome": "promoted", "reason": "first version", "actor": "tomas",
        "commit": f"{rng.getrandbits(160):040x}", "at": "2026-01-05T09:00:00Z",
    }  # fmt: skip
    plan = {
        "first": line,
        "package": {"model": first.model, "card": first.card},
        "tokens": tokens,
        "faults": dict(faults or {}),
    }
    traefik = tools.require("traefik")
    with _ports if jail.name == "process" else nullcontext(), jail.serve(
        ["python", "/opt/machine/fleet_platform.py", "/opt/tools/traefik"],
        files={"plan.json": json.dumps(plan)}, limits=FLEET, env={"PYTHONPATH": "/opt/model", "GOMAXPROCS": "2"},
        mounts={"/opt/machine": MACHINE, "/opt/model": STARTER, "/opt/tools/traefik": traefik.path.resolve()},
        ready_timeout_s=90,
    ) as fleet:  # fmt: skip
        spare = [(name, by_name[name]) for name in ("d", "c", "b", "a")]
        yield Stage(jail, submission, world, fleet, by_name["judge"], spare, first)
