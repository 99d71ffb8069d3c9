"""The way to production: `python deploy/pipeline.py build candidate`, then `… deploy candidate`, and back: `… rollback`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deploy.fleet import Fleet, Refused
from deploy.gates import Blocked, Candidate, check
from deploy.package import build
from flightdelay.evaluate import Flight, read_flights
from flightdelay.model import load, probability

STEPS = (10, 50, 100)
WATCHED = 60
MOST_ERRORS, MOST_P95_MS, MOST_GROWTH_MB = 0.01, 200, 30
START_S, LEASE_S = 60, 120
OTHER = {"blue": "green", "green": "blue"}


class Sick(Exception):
    """The new version must be taken back. `reason` is a word of the contract."""

    def __init__(self, reason: str, why: str) -> None:
        super().__init__(why)
        self.reason = reason


def in_production(fleet: Fleet) -> dict[str, Any]:
    """The line of the log that says what users should get."""
    return next(line for line in reversed(fleet.deployments()) if line["outcome"] in ("promoted", "restored"))


def record(fleet: Fleet, version: str, commit: str, slot: str, outcome: str, reason: str, why: str) -> None:
    fleet.record({
        "version": version, "slot": slot, "outcome": outcome, "reason": reason, "why": why, "commit": commit,
        "actor": os.environ.get("DEPLOY_ACTOR", "unknown"), "at": datetime.now(UTC).isoformat(timespec="seconds"),
    })  # fmt: skip
    print(f"{outcome}: {version}: {reason}: {why}")


def shift(fleet: Fleet, to: str, percent: int) -> None:
    """Give a slot so much of the traffic, and the other one the rest."""
    config = yaml.safe_load(fleet.router())
    weights = {to: percent, OTHER[to]: 100 - percent}
    config["http"]["services"]["users"]["weighted"]["services"] = [
        {"name": name, "weight": weights[name]} for name in sorted(weights)
    ]
    fleet.route(yaml.safe_dump(config))


@contextmanager
def alone(fleet: Fleet) -> Iterator[None]:
    """Hold the lease; wait for it while another deploy runs."""
    end = time.monotonic() + LEASE_S
    while True:
        try:
            fleet.take_lease()
            break
        except Refused as refused:
            if refused.status != 409 or time.monotonic() > end:
                raise
            time.sleep(0.3)
    try:
        yield
    finally:
        fleet.return_lease()


def start(fleet: Fleet, slot: str, model: str, card: str) -> None:
    fleet.start(slot, model, card)
    end = time.monotonic() + START_S
    while (state := fleet.slots()[slot]["state"]) == "starting" and time.monotonic() < end:
        time.sleep(0.05)
    if state != "ready":
        raise Sick("start", f"it is {state} in {slot}")


def smoke_test(fleet: Fleet, slot: str, model: str, flights: list[Flight]) -> None:
    """The process must say what the file says."""
    here = load(model)
    for flight in flights[:: len(flights) // 8]:
        asked = {name: value for name, value in flight.items() if name not in ("late", "dep_delay")}
        status, answer = fleet.predict(slot, asked)
        if status != 200 or answer["version"] != here["version"] or abs(answer["probability"] - probability(here, flight)) > 1e-6:
            raise Sick("smoke", f"status {status}, {answer}")


def watch(fleet: Fleet, slot: str) -> None:
    seen = fleet.watch(slot, WATCHED)
    if seen["requests"] < WATCHED:
        raise Sick("latency", f"only {seen['requests']} answers in the time for {WATCHED}")
    if seen["errors"] / seen["requests"] > MOST_ERRORS:
        raise Sick("errors", f"{seen['errors']} of {seen['requests']} requests failed")
    if seen["p95_ms"] > MOST_P95_MS:
        raise Sick("latency", f"p95 of {seen['p95_ms']} ms")
    if seen["memory_mb_after"] - seen["memory_mb_before"] > MOST_GROWTH_MB:
        raise Sick("memory", f"{seen['memory_mb_before']} MB became {seen['memory_mb_after']} MB")


def deploy(folder: Path) -> int:
    """Gate, start, smoke-test, shift, watch; promote or take back."""
    fleet = Fleet()
    candidate = Candidate((folder / "model.json").read_bytes().decode(), (folder / "card.json").read_bytes().decode())
    version, commit = candidate.papers["version"], candidate.papers["commit"]
    with alone(fleet):
        live = in_production(fleet)
        # A run before this one may have died half way: whatever it left, users get what the log says.
        shift(fleet, live["slot"], 100)
        idle = OTHER[live["slot"]]
        flights = read_flights(Path("data/holdout.csv"))
        try:
            check(candidate, fleet.package(live["version"])["model"], flights)
        except Blocked as blocked:
            record(fleet, version, commit, idle, "blocked", blocked.reason, str(blocked))
            return 1
        try:
            start(fleet, idle, candidate.model, candidate.card)
            smoke_test(fleet, idle, candidate.model, flights)
            for percent in STEPS:
                shift(fleet, idle, percent)
                watch(fleet, idle)
        except Sick as sick:
            shift(fleet, live["slot"], 100)
            record(fleet, version, commit, idle, "rolled_back", sick.reason, str(sick))
            return 1
        record(fleet, version, commit, idle, "promoted", "passed", f"every step held; before it: {live['version']}")
    return 0


def rollback() -> int:
    """Give users the version before, at once. It has been in production: it needs no gate and no canary."""
    fleet = Fleet()
    with alone(fleet):
        served = [line for line in fleet.deployments() if line["outcome"] in ("promoted", "restored")]
        live = served[-1]
        before = next((line for line in reversed(served) if line["version"] != live["version"]), None)
        if before is None:
            print("there is no version before this one", file=sys.stderr)
            return 1
        slot = OTHER[live["slot"]]
        there = fleet.slots()[slot]
        if (there["state"], there["version"]) != ("ready", before["version"]):
            package = fleet.package(before["version"])
            start(fleet, slot, package["model"], package["card"])
        shift(fleet, slot, 100)
        record(fleet, before["version"], before["commit"], slot, "restored", "rollback", f"in place of {live['version']}")
    return 0


def main(arguments: list[str]) -> int:
    match arguments:
        case ["build", folder]:
            build(Path(folder))
            return 0
        case ["deploy", folder]:
            return deploy(Path(folder))
        case ["rollback"]:
            return rollback()
    print("usage: pipeline.py build FOLDER | deploy FOLDER | rollback", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
