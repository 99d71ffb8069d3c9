"""Incidents that must be alerted and calm days that must not: what the learner's rules are graded on.

Their titles, severities and times stand in ``faults/incidents.toml`` and ``faults/calm_days.toml``; here is what happens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from judge.simulator import BATCH, DAY_S, FLIGHT, LIMIT_BYTES, PREDICT, World

WARM_UP_MIN = 60
"""Minutes at the start of a replay that are not judged: long windows fill up."""


@dataclass(frozen=True)
class Replay:
    """One drawn scenario.

    Attributes:
        world: what happens, minute by minute.
        onset: the minute at which an incident begins, or a calm day's event.
        story: the same in words.
        deadline: the minute by which an incident must be alerted, where that is drawn too (else 0).
    """

    world: World
    onset: int
    story: str
    deadline: int = 0


def _start(rng: np.random.Generator, minutes: int) -> tuple[World, int]:
    onset = int(rng.integers(92, 112))
    return World(onset + minutes, rng), onset


def _error_burst(rng: np.random.Generator) -> Replay:
    world, onset = _start(rng, 30)
    share = rng.uniform(0.2, 0.45)
    world.errors[PREDICT][onset:] = share
    return Replay(world, onset, f"{share:.0%} of the requests to /predict are answered 500")


def _slow_tail(rng: np.random.Generator) -> Replay:
    world, onset = _start(rng, 30)
    share = rng.uniform(0.028, 0.042)
    world.slow[PREDICT][onset:] = share
    return Replay(
        world, onset, f"{share:.1%} of the requests to /predict take about 2.5 s; the others are as fast as ever"
    )


def _one_route(rng: np.random.Generator) -> Replay:
    world, onset = _start(rng, 35)
    share = rng.uniform(0.75, 1.0)
    world.errors[FLIGHT][onset:] = share
    return Replay(
        world,
        onset,
        f"{share:.0%} of the requests to /flights/{{flight_id}} fail: 8 requests a minute beside 900 good ones",
    )


def _traffic_gone(rng: np.random.Generator) -> Replay:
    world, onset = _start(rng, 30)
    for route in (PREDICT, BATCH, FLIGHT):
        world.rps[route][onset:] = 0
    return Replay(world, onset, "no request of any user arrives; the probe still asks /healthz")


def _target_down(rng: np.random.Generator) -> Replay:
    world, onset = _start(rng, 20)
    world.down = set(range(onset, world.minutes))
    return Replay(world, onset, "the service cannot be scraped: up is 0 and every other series ends")


def _memory_leak(rng: np.random.Generator) -> Replay:
    per_hour = rng.uniform(115, 150) * 2**20
    start = 390 * 2**20
    to_limit = int((LIMIT_BYTES - start) / per_hour * 60)
    world, onset = _start(rng, to_limit - 150)
    assert world.memory is not None
    world.memory[onset:] += np.arange(world.minutes - onset) / 60 * per_hour
    return Replay(
        world,
        onset,
        f"memory grows by {per_hour / 2**20:.0f} MiB an hour from 390 MiB towards the limit of 1 GiB",
        deadline=world.minutes - 1,
    )


def _model_stale(rng: np.random.Generator) -> Replay:
    world, onset = _start(rng, 40)
    assert world.trained_at is not None
    world.trained_at[:] = onset * 60 - 30 * DAY_S
    return Replay(world, onset, "the model becomes 30 days old")


def _mix_collapsed(rng: np.random.Generator) -> Replay:
    world, onset = _start(rng, 75)
    assert world.late is not None
    late = bool(rng.integers(2))
    world.late[onset:] = 1.0 if late else 0.0
    return Replay(world, onset, f"every prediction says {'late' if late else 'in time'}, 15 a second")


def _nulls_jump(rng: np.random.Generator) -> Replay:
    world, onset = _start(rng, 60)
    feature = str(rng.choice(["temp", "wind_speed", "visibility", "precip"]))
    share = rng.uniform(0.55, 0.9)
    world.nulls[feature][onset:] = share
    return Replay(world, onset, f"{feature} is empty in {share:.0%} of the rows; it was in less than 1 %")


def _slow_burn(rng: np.random.Generator) -> Replay:
    world, onset = _start(rng, 250)
    share = rng.uniform(0.0095, 0.0105)
    world.errors[PREDICT][onset:] = share
    return Replay(
        world,
        onset,
        f"{share:.2%} of the requests to /predict fail, hour after hour: ten times what the objective allows",
    )


def _retry_storm(rng: np.random.Generator) -> Replay:
    world, onset = _start(rng, 30)
    assert world.extra_in_flight is not None and world.latency_factor is not None and world.cpu is not None
    factor, share = rng.uniform(3.5, 5), rng.uniform(0.15, 0.25)
    world.rps[PREDICT][onset:] *= factor
    world.error_status = "503"
    world.errors[PREDICT][onset:] = share
    world.latency_factor[onset:] = 12
    world.slow[PREDICT][onset:] = 0.2
    world.extra_in_flight[onset:] = 60
    world.cpu[onset:] = 0.98
    return Replay(
        world,
        onset,
        f"clients retry: {factor:.1f} times the traffic, {share:.0%} answered 503, a fifth slower than 1 s",
    )


def _daily_rhythm(rng: np.random.Generator) -> Replay:
    world = World(15 * 60, rng)
    hours = (
        np.arange(world.minutes) / 60 + 14 + rng.uniform(0, 1)
    )  # from the afternoon through the night to the morning
    rhythm = 0.06 + 0.94 * np.clip(0.5 + 0.5 * np.cos((hours - 15) / 24 * 2 * np.pi), 0, 1) ** 1.5
    for route in (PREDICT, FLIGHT):
        world.rps[route] *= rhythm
    assert world.late is not None and world.cpu is not None
    world.late = 0.12 + 0.2 * rhythm
    world.cpu *= rhythm
    return Replay(world, 0, "traffic falls from 16 requests a second in the afternoon to 1 at night and comes back")


def _deploy_restart(rng: np.random.Generator) -> Replay:
    world = World(240, rng)
    at = int(rng.integers(110, 150))
    assert world.memory is not None and world.trained_at is not None
    world.down, world.restarts = {at, at + 1}, {at + 2}
    world.memory[at:] -= 60 * 2**20
    world.memory[at : at + 12] -= np.linspace(80, 0, 12) * 2**20
    world.trained_at[at:] = at * 60 - 3600.0
    return Replay(world, at, f"a deploy at minute {at}: two scrapes fail, then every counter starts at zero")


def _stray_error(rng: np.random.Generator) -> Replay:
    world = _night(rng)
    at = int(rng.integers(90, 120))
    world.strays = {at: 1, at + int(rng.integers(70, 90)): 1}
    return Replay(
        world,
        at,
        f"a quiet night, one request a minute; at minute {at} one of them fails after 4 s, and one more an hour later",
    )


def _short_spike(rng: np.random.Generator) -> Replay:
    world = World(240, rng)
    at = int(rng.integers(110, 150))
    world.errors[PREDICT][at : at + 2] = 0.04
    world.slow[PREDICT][at : at + 2] = 0.03
    return Replay(world, at, f"for two minutes, from minute {at}, 4 % of /predict fail and 3 % are slow")


def _scrape_gap(rng: np.random.Generator) -> Replay:
    world = World(240, rng)
    at = int(rng.integers(110, 150))
    world.unseen = set(range(at, at + 4)) | {int(m) for m in rng.integers(65, 105, 5)} | {at + 40, at + 60}
    return Replay(
        world,
        at,
        f"Prometheus restarts: no sample for four minutes from minute {at}; now and then a single scrape is missing",
    )


def _low_traffic(rng: np.random.Generator) -> Replay:
    world = _night(rng)
    at = int(rng.integers(100, 130))
    assert world.late is not None
    world.late[at : at + 75] = 0.0
    gap = at + 20
    world.rps[PREDICT][gap : gap + 4] = 0
    world.rps[FLIGHT][gap : gap + 4] = 0
    return Replay(
        world, at, "a quiet night: one prediction a minute, 75 minutes of them all on time, four minutes without any"
    )


def _night(rng: np.random.Generator) -> World:
    world = World(300, rng)
    world.quiet = True
    world.rps[BATCH][:] = 0
    world.rps[FLIGHT][:] = 0
    world.rps[FLIGHT][::5] = 1 / 60
    world.errors[PREDICT][:] = 0
    world.slow[PREDICT][:] = 0
    assert world.cpu is not None
    world.cpu[:] = 0.05
    return world


def _trend_stops(rng: np.random.Generator) -> Replay:
    world = World(300, rng)
    at = int(rng.integers(100, 130))
    assert world.memory is not None
    rise = rng.uniform(75, 90) * 2**20
    world.memory[at : at + 20] += np.linspace(0, rise, 20)
    world.memory[at + 20 :] += rise
    return Replay(world, at, f"a cache fills: memory rises by {rise / 2**20:.0f} MiB within 20 minutes and stays there")


def _batch_job(rng: np.random.Generator) -> Replay:
    world = World(260, rng)
    at = int(rng.integers(100, 130))
    job = slice(at, at + 60)
    assert world.cpu is not None and world.memory is not None and world.latency_factor is not None
    world.rps[BATCH][job] = 0.6
    world.cpu[job] = 0.97
    world.latency_factor[job] = 1.5
    world.memory += 430 * 2**20
    return Replay(
        world,
        at,
        f"the planned batch job runs for an hour from minute {at}: CPU at 97 %, memory at 80 %, slow /predict/batch, users well",
    )


def _bad_weather(rng: np.random.Generator) -> Replay:
    world = World(300, rng)
    at = int(rng.integers(100, 120))
    assert world.late is not None
    world.late[at:] = rng.uniform(0.6, 0.68)
    world.nulls["pressure"][at:] = 0.18
    world.rps[PREDICT][at:] *= 1.4
    return Replay(world, at, "a storm: 64 % of the predictions say late, and they are right; more people ask")


def _ordinary_day(rng: np.random.Generator) -> Replay:
    return Replay(World(240, rng), 0, "an ordinary day: nothing happens")


ORDINARY = "ordinary-day"
"""The control: what fires here, too, tells nothing about an incident."""

Builder = Callable[[np.random.Generator], Replay]

INCIDENTS: dict[str, Builder] = {
    "error-burst": _error_burst,
    "slow-tail": _slow_tail,
    "one-route": _one_route,
    "traffic-gone": _traffic_gone,
    "target-down": _target_down,
    "memory-leak": _memory_leak,
    "model-stale": _model_stale,
    "mix-collapsed": _mix_collapsed,
    "nulls-jump": _nulls_jump,
    "slow-burn": _slow_burn,
    "retry-storm": _retry_storm,
}

CALM_DAYS: dict[str, Builder] = {
    "daily-rhythm": _daily_rhythm,
    "deploy-restart": _deploy_restart,
    "stray-error": _stray_error,
    "short-spike": _short_spike,
    "scrape-gap": _scrape_gap,
    "low-traffic": _low_traffic,
    "trend-stops": _trend_stops,
    "batch-job": _batch_job,
    "bad-weather": _bad_weather,
}


def build(name: str, seed: str) -> Replay:
    """Draw a scenario: the same for the same seed."""
    builder = {**INCIDENTS, **CALM_DAYS, ORDINARY: _ordinary_day}[name]
    return builder(np.random.default_rng(list(f"{seed}:{name}".encode())))
