"""A model service seen through its metrics, minute by minute: what Prometheus would have stored of it.

A :class:`World` is a stretch of time with traffic, failures, latencies and a model, each an array with one value a
minute. :meth:`World.series` turns it into counters, histograms and gauges with the names of the lab's contract.
Numbers are drawn anew from a seed, so no two runs of a scenario have the same samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SCRAPE_S = 60
"""Seconds between two scrapes and between two evaluations: Prometheus' own default for both."""
SLOT_S = 15
"""Scrapes fall between evaluations, as they do in life: a sample is 15, 30 or 45 s old when rules look at it."""

PREDICT, BATCH, FLIGHT, PROBE = "/predict", "/predict/batch", "/flights/{flight_id}", "/healthz"
METHODS = {PREDICT: "POST", BATCH: "POST", FLIGHT: "GET", PROBE: "GET"}
LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
SCORE_BUCKETS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
LABELS = 'job="flight-delay",instance="service:8000"'
LIMIT_BYTES = 1024**3
"""The memory limit of the service's container."""
DAY_S = 86_400
BATCH_ROWS = 40

# Usual seconds: median, and the sigma of the logarithm. Batches are slow by nature.
USUAL_LATENCY = {PREDICT: (0.030, 0.55), BATCH: (1.2, 0.35), FLIGHT: (0.045, 0.5), PROBE: (0.002, 0.4)}
# Usual share of empty values; the pressure sensor is out one hour in eight, and always was.
USUAL_NULLS = {"temp": 0.004, "wind_speed": 0.008, "visibility": 0.005, "pressure": 0.12, "precip": 0.006}


@dataclass
class World:
    """What happens, one value a minute (arrays of length ``minutes``); a scenario changes what is not usual.

    Attributes:
        rps: requests a second, by route.
        errors: share of requests answered with a status of 5xx, by route.
        error_status: the status that failing requests get.
        slow: by route, the share of requests that take ``slow_s`` seconds and more.
        late: share of predictions that say "late".
        nulls: share of rows in which a feature is empty, by feature.
        memory: resident bytes.
        cpu: cores in use.
        trained_at: when the model was trained, in seconds on the replay's clock (negative: before the replay).
        down: minutes in which the target cannot be scraped.
        unseen: minutes in which Prometheus itself did not scape anything.
        restarts: minutes at which the process begins anew, with all counters at zero.
        extra_in_flight: requests in flight beyond what traffic and latency explain.
        quiet: one or two requests a minute wherever there is any traffic, so that no gap is longer than drawn.
        strays: requests to /predict that fail after a long time, exactly so many, by minute.
    """

    minutes: int
    rng: np.random.Generator
    rps: dict[str, Array] = field(default_factory=dict)
    errors: dict[str, Array] = field(default_factory=dict)
    error_status: str = "500"
    slow: dict[str, Array] = field(default_factory=dict)
    slow_s: float = 2.5
    latency_factor: Array | None = None
    late: Array | None = None
    nulls: dict[str, Array] = field(default_factory=dict)
    memory: Array | None = None
    cpu: Array | None = None
    trained_at: Array | None = None
    down: set[int] = field(default_factory=set)
    unseen: set[int] = field(default_factory=set)
    restarts: set[int] = field(default_factory=set)
    extra_in_flight: Array | None = None
    quiet: bool = False
    strays: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ones, rng = np.ones(self.minutes), self.rng
        busy = rng.uniform(14, 18)
        wobble = 1 + 0.06 * np.sin(np.arange(self.minutes) / rng.uniform(25, 40)) + rng.normal(0, 0.02, self.minutes)
        self.rps = {PREDICT: busy * wobble, BATCH: 0.02 * ones, FLIGHT: 0.13 * ones, PROBE: 0.2 * ones}
        self.errors = {PREDICT: 0.0002 * ones, BATCH: 0.0 * ones, FLIGHT: 0.0 * ones, PROBE: 0.0 * ones}
        self.slow = {route: np.full(self.minutes, 0.0005) for route in self.rps}
        self.latency_factor = ones.copy()
        self.late = np.clip(0.22 + 0.05 * np.sin(np.arange(self.minutes) / 50 + rng.uniform(0, 6)), 0.1, 0.4)
        self.nulls = {feature: share * ones for feature, share in USUAL_NULLS.items()}
        self.memory = rng.uniform(360, 400) * 2**20 + rng.normal(0, 1.5 * 2**20, self.minutes)
        self.cpu = 0.012 * self.rps[PREDICT] + 0.05
        self.trained_at = -rng.uniform(6, 12) * DAY_S * ones
        self.extra_in_flight = 0 * ones

    # --- turning it into samples ------------------------------------------------------------------------------------

    def series(self) -> dict[str, list[str]]:
        """Sample values by series name, one a minute: a number, ``_`` (no sample) or ``stale`` (the target vanished)."""
        raw = {name: self._hidden(values) for name, values in self._raw()}
        up = ["_" if minute in self.unseen else str(int(minute not in self.down)) for minute in range(self.minutes)]
        return {f"up{{{LABELS}}}": up, **raw}

    def _hidden(self, values: list[str]) -> list[str]:
        shown = list(values)
        for minute in range(self.minutes):
            if minute in self.unseen:
                shown[minute] = "_"
            elif minute in self.down:
                shown[minute] = "_" if minute - 1 in self.down else "stale"
        return shown

    def _raw(self) -> Iterator[tuple[str, list[str]]]:
        served = np.zeros(self.minutes)
        rows = np.zeros(self.minutes)
        waiting = np.zeros(self.minutes)
        for route, rate in self.rps.items():
            total = self.rng.poisson(np.maximum(rate, 0) * SCRAPE_S)
            if self.quiet:
                total = np.where(rate > 0, 1 + self.rng.binomial(1, 0.15, self.minutes), 0)
            failed = self.rng.binomial(total, np.clip(self.errors[route], 0, 1))
            bad_share = {PREDICT: 0.004, FLIGHT: 0.05}.get(route, 0.0)
            bad = self.rng.binomial(total - failed, bad_share)
            good = total - failed - bad
            stray = np.zeros(self.minutes, dtype=np.int64)
            for minute, count in self.strays.items() if route == PREDICT else ():
                stray[minute] = count
            total, failed = total + stray, failed + stray
            labels = f'method="{METHODS[route]}",route="{route}"'
            statuses = {"200": good, self.error_status: failed}
            if self.error_status != "500":
                statuses["500"] = self.rng.binomial(good, 0.0002)
            if bad_share:
                statuses["422" if route == PREDICT else "404"] = bad
            for status, count in statuses.items():
                if status == "200" or route != PROBE:
                    yield self._counter("http_requests_total", f'{labels},status="{status}"', count, start=37)
            yield from self._histogram(
                "http_request_duration_seconds",
                labels,
                total - stray,
                self._latency_shares(route),
                LATENCY_BUCKETS,
                self._mean_latency(route),
                stray,
            )
            rows += good * (BATCH_ROWS if route == BATCH else 1) if route in (PREDICT, BATCH) else 0
            served += total
            waiting += total / SCRAPE_S * self._mean_latency(route)
        yield from self._model(rows.astype(np.int64))
        yield from self._process(waiting)

    def _model(self, rows: NDArray[np.int64]) -> Iterator[tuple[str, list[str]]]:
        assert self.late is not None and self.trained_at is not None
        late = self.rng.binomial(rows, np.clip(self.late, 0, 1))
        yield self._counter("predictions_total", 'late="true"', late, start=900)
        yield self._counter("predictions_total", 'late="false"', rows - late, start=4100)
        score = np.clip(self.late, 0, 1)[:, None]
        below, above = np.array([0.3, 0.28, 0.2, 0.13, 0.09]), np.array([0.45, 0.27, 0.15, 0.09, 0.04])
        shares = np.concatenate([(1 - score) * below, score * above, np.zeros((self.minutes, 1))], axis=1)
        yield from self._histogram(
            "prediction_probability", "", rows, shares, SCORE_BUCKETS, 0.25 * (1 - score[:, 0]) + 0.62 * score[:, 0]
        )
        for feature, share in self.nulls.items():
            count = self.rng.binomial(rows, np.clip(share, 0, 1))
            yield self._counter("prediction_inputs_null_total", f'feature="{feature}"', count, start=20)
        yield _gauge("model_trained_timestamp_seconds", "", self.trained_at)
        yield _gauge("model_info", 'version="2013.06"', np.ones(self.minutes))

    def _process(self, waiting: Array) -> Iterator[tuple[str, list[str]]]:
        assert self.memory is not None and self.cpu is not None and self.extra_in_flight is not None
        yield _gauge("http_requests_in_flight", "", np.floor(self.rng.poisson(waiting) + self.extra_in_flight))
        yield _gauge("process_resident_memory_bytes", "", np.floor(self.memory))
        yield self._counter("process_cpu_seconds_total", "", np.round(np.maximum(self.cpu, 0) * SCRAPE_S, 2), start=500)

    def _counter(self, name: str, labels: str, increments: NDArray[np.generic], start: float) -> tuple[str, list[str]]:
        total, values = start, []
        for minute, increment in enumerate(increments.tolist()):
            if minute in self.restarts:
                total = 0
            total += increment
            values.append(f"{round(total, 2):.12g}")
        return _name(name, labels), values

    def _histogram(
        self,
        name: str,
        labels: str,
        counts: NDArray[np.integer],
        shares: Array,
        buckets: tuple[float, ...],
        mean: Array,
        last: NDArray[np.int64] | int = 0,
    ) -> Iterator[tuple[str, list[str]]]:
        drawn = self.rng.multinomial(counts, shares / shares.sum(axis=1, keepdims=True))
        drawn[:, -2] += last  # what took long: between the last two finite bounds
        counts = counts + last
        cumulative = np.cumsum(drawn, axis=1)
        comma = "," if labels else ""
        for column, bound in enumerate([*(f"{b:g}" if b != 1 else "1.0" for b in buckets), "+Inf"]):
            yield self._counter(f"{name}_bucket", f'{labels}{comma}le="{bound}"', cumulative[:, column], start=0)
        yield self._counter(f"{name}_count", labels, counts, start=0)
        yield self._counter(f"{name}_sum", labels, np.round(counts * mean, 3), start=0)

    def _latency_shares(self, route: str) -> Array:
        """Shares of requests between the latency buckets' bounds; shape (minutes, buckets + 1)."""
        assert self.latency_factor is not None
        median, sigma = USUAL_LATENCY[route]
        bounds = np.log(np.array(LATENCY_BUCKETS))
        centre = np.log(median * self.latency_factor)[:, None]
        usual = _between(_normal((bounds[None, :] - centre) / sigma))
        slow = _between(_normal((bounds - math.log(self.slow_s)) / 0.25))
        share = self.slow[route][:, None]
        return np.maximum((1 - share) * usual + share * slow[None, :], 0)

    def _mean_latency(self, route: str) -> Array:
        assert self.latency_factor is not None
        median, sigma = USUAL_LATENCY[route]
        usual = median * self.latency_factor * math.exp(sigma**2 / 2)
        return (1 - self.slow[route]) * usual + self.slow[route] * self.slow_s


def _between(cumulative: Array) -> Array:
    """Shares between bounds from the share below each bound; one more column than bounds."""
    edges = np.concatenate([np.zeros_like(cumulative[..., :1]), cumulative, np.ones_like(cumulative[..., :1])], axis=-1)
    return np.diff(edges, axis=-1)


def _normal(z: Array) -> Array:
    return np.vectorize(lambda value: 0.5 * (1 + math.erf(value / math.sqrt(2))))(z)


def _name(name: str, labels: str) -> str:
    return f"{name}{{{LABELS}{',' if labels else ''}{labels}}}"


def _gauge(name: str, labels: str, values: Array) -> tuple[str, list[str]]:
    return _name(name, labels), [f"{value:.12g}" for value in values.tolist()]
