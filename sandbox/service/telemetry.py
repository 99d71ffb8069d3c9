"""What is seen of every request: its id, its metrics, its log line; and the limits that hold for all of them."""

from __future__ import annotations

import logging
import re
import secrets
from bisect import bisect_left
from collections.abc import Callable, Container, Iterable, Sequence
from datetime import datetime
from time import perf_counter_ns

import numpy as np
from numpy.typing import NDArray
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.service import logs, problems
from sandbox.service.card import Card
from sandbox.service.features import MEASURES
from sandbox.service.problems import ProblemError

MOST_BYTES = 1_000_000
"""The longest body that is read."""
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
SCORES = tuple(i / 10 for i in range(1, 11))
# Paths are labels of metrics: whatever a client invents must not become a new time series.
OTHER = "other"
_HUNG_UP = 499  # no answer: the client left first
_METHODS = frozenset({"GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"})
# An id from outside goes into our logs and answers: nothing but these characters, or we make our own.
_SAFE_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
# One more series for each, of when it was first counted: nobody asks, and promtool calls them unclear.
disable_created_metrics()  # type: ignore[no-untyped-call]
_log = logging.getLogger(logs.SERVICE)


class _Scores:
    """A histogram of many values at once; the library's own takes them one by one."""

    def __init__(self, name: str, text: str, bounds: tuple[float, ...]) -> None:
        self._name, self._text, self._bounds = name, text, bounds
        self._counts = [0] * len(bounds)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def observe_all(self, values: NDArray[np.float64]) -> None:
        places = np.searchsorted(self._bounds, values, side="left")
        for place, count in enumerate(np.bincount(places, minlength=len(self._bounds)).tolist()):
            self._counts[place] += count
        self._sum += float(values.sum())

    def collect(self) -> Iterable[Metric]:
        total, buckets = 0, []
        for bound, count in zip(self._bounds, self._counts, strict=True):
            total += count
            buckets.append((str(bound), float(total)))
        buckets.append(("+Inf", float(total)))
        yield HistogramMetricFamily(self._name, self._text, buckets=buckets, sum_value=self._sum)


class Metrics:
    """All metrics of one app, in a registry of its own. Children are looked up once: labels cost more than counting."""

    def __init__(self, card: Card) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "http_requests", "Requests answered.", ["method", "route", "status"], registry=registry
        )
        self._duration = Histogram(
            "http_request_duration_seconds", "From the request's head to the end of its answer.", ["method", "route"],
            buckets=SECONDS, registry=registry,
        )  # fmt: skip
        self.in_flight = Gauge("http_requests_in_flight", "Requests being answered.", registry=registry)
        predictions = Counter("predictions", "Flights predicted, by answer.", ["late"], registry=registry)
        self._late, self._in_time = predictions.labels("true"), predictions.labels("false")
        self._scores = _Scores("prediction_probability", "Predicted probabilities of being late.", SCORES)
        registry.register(self._scores)
        Info("model", "The model that is served.", registry=registry).info(
            {"name": card.name, "version": card.version, "format": card.format}
        )
        trained = Gauge(
            "model_trained_timestamp_seconds", "When the model was made, in seconds since 1970.", registry=registry
        )
        trained.set(datetime.fromisoformat(card.created_at).timestamp())
        nulls = Counter(
            "prediction_inputs_null", "Flights with an unknown reading, by reading.", ["feature"], registry=registry
        )
        self._nulls = [nulls.labels(name).inc for name in MEASURES]
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._children: dict[tuple[str, str, int], tuple[Callable[[], None], Callable[[float], None]]] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        try:
            count, observe = self._children[method, route, status]
        except KeyError:
            count = self._requests.labels(method, route, str(status)).inc
            observe = self._duration.labels(method, route).observe
            self._children[method, route, status] = count, observe
        count()
        observe(seconds)

    def predicted(self, probability: float, late: bool) -> None:
        """Count one prediction."""
        (self._late if late else self._in_time).inc()
        self._scores.observe(probability)

    def predicted_all(self, probabilities: NDArray[np.float64], late: NDArray[np.bool_]) -> None:
        """Count the predictions of a list."""
        total = int(late.sum())
        self._late.inc(total)
        self._in_time.inc(len(late) - total)
        self._scores.observe_all(probabilities)

    def given(self, rows: NDArray[np.float32]) -> None:
        """Count the unknown readings of flights; ``rows`` has the columns of FEATURES, the measures last."""
        for count, missing in zip(self._nulls, np.isnan(rows[:, -len(MEASURES) :]).sum(axis=0).tolist(), strict=True):
            if missing:
                count(missing)

    def given_one(self, row: Sequence[float]) -> None:
        """The same for one flight."""
        for count, value in zip(self._nulls, row[-len(MEASURES) :], strict=True):
            if value != value:
                count()

    def text(self) -> bytes:
        """In the text format of Prometheus."""
        return generate_latest(self._registry)


class Telemetry:
    """Outermost layer of the app, plain ASGI: FastAPI's own kind of middleware costs two thirds of the throughput.

    Gives each request an id, refuses bodies over the limit, turns an error of ours into a problem document, and writes
    one log line and the metrics when the answer is out.
    """

    def __init__(
        self, app: ASGIApp, metrics: Metrics, card: Card, routes: Container[str], write: logs.Write | None = None
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._version = card.version
        self._routes = routes
        self._write = write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter_ns()
        request_id, refusal = _head(scope)
        scope["request_id"] = request_id
        tag = (b"x-request-id", request_id.encode())
        status = 0

        async def tagged(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], tag]
            await send(message)

        self._metrics.in_flight.inc()
        try:
            await self._app(scope, _limited(receive, refusal), tagged)
        except ClientDisconnect:
            status = status or _HUNG_UP
        except Exception:
            _log.exception("unhandled error", extra={"http.request.id": request_id})
            if status:  # half an answer is out: only cutting the connection can tell the client
                raise
            await _fail(scope, receive, tagged)
        finally:
            self._metrics.in_flight.dec()
            self._record(scope, status or _HUNG_UP, perf_counter_ns() - began, request_id)

    def _record(self, scope: Scope, status: int, duration_ns: int, request_id: str) -> None:
        method = scope["method"] if scope["method"] in _METHODS else OTHER
        route = scope["path"] if scope["path"] in self._routes else OTHER
        self._metrics.answered(method, route, status, duration_ns / 1e9)
        if self._write is not None:
            self._write(logs.access(method, scope["path"], status, duration_ns, request_id, self._version))


def _head(scope: Scope) -> tuple[str, ProblemError | None]:
    """The request's id, and why its body will not be read, if so: seen in one pass over the headers."""
    request_id, refusal = "", None
    for name, value in scope["headers"]:
        if name == b"content-length" and int(value) > MOST_BYTES:  # the HTTP server lets only numbers through
            refusal = _too_large()
        elif name == b"content-encoding" and value.lower() != b"identity":
            refusal = ProblemError(
                415, "the body is compressed; send it as it is", headers={"accept-encoding": "identity"}
            )
        elif name == b"x-request-id" and _SAFE_ID.fullmatch(value):
            request_id = str(value, "ascii")
    return request_id or secrets.token_hex(16), refusal


def _limited(receive: Receive, refusal: ProblemError | None) -> Receive:
    """Reading the body fails as soon as it is known that it should not be read: by its head, or by what has come."""
    read = 0

    async def limited() -> Message:
        nonlocal read
        if refusal is not None:
            raise refusal
        message = await receive()
        if message["type"] == "http.request":
            read += len(message.get("body", b""))
            if read > MOST_BYTES:
                raise _too_large()
        return message

    return limited


def _too_large() -> ProblemError:
    # The rest of the body is not read, so the connection cannot be used again.
    return ProblemError(413, f"the body is over {MOST_BYTES:,} bytes", headers={"connection": "close"})


async def _fail(scope: Scope, receive: Receive, send: Send) -> None:
    error = ProblemError(500, "the service failed to answer; look for this request_id in its log")
    await problems.response(error, scope)(scope, receive, send)
