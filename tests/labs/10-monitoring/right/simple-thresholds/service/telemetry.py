"""What the service tells about itself, in the names of the contract."""

from __future__ import annotations

import time

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, Info, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import model

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
"""One label value for every path that is no route and every invented method: of what clients invent there is no end."""

REQUESTS = Counter("http_requests_total", "Requests answered.", ["method", "route", "status"])
LATENCY = Histogram(
    "http_request_duration_seconds",
    "Seconds from the request's arrival to the end of its answer.",
    ["method", "route"],
    # Dense where users wait, with a bound at the objective of 250 ms, and far enough to see an outage.
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
IN_FLIGHT = Gauge("http_requests_in_flight", "Requests that have arrived and are not answered yet.")
PREDICTIONS = Counter("predictions_total", "Rows predicted, by class.", ["late"])
SCORE = Histogram("prediction_probability", "Predicted probability that a flight is late.", buckets=[n / 10 for n in range(1, 11)])
NULLS = Counter("prediction_inputs_null_total", "Rows in which a feature was empty.", ["feature"])
MODEL = Info("model", "The model that answers.")
TRAINED = Gauge("model_trained_timestamp_seconds", "When the model was trained, in seconds since 1970.")

# Every series whose labels are known is there from the start: a counter that appears with its first event has no
# increase to show for it.
for _late in ("true", "false"):
    PREDICTIONS.labels(_late)
for _feature in model.NULLABLE:
    NULLS.labels(_feature)
MODEL.info({"version": model.VERSION})
TRAINED.set(model.TRAINED_AT)


def observe_predictions(rows: list[dict[str, object]], scores: list[float]) -> None:
    """Count what the model was given and what it said; one row each."""
    for row, score in zip(rows, scores, strict=True):
        PREDICTIONS.labels("true" if model.is_late(score) else "false").inc()
        SCORE.observe(score)
        for feature in model.NULLABLE:
            if row[feature] is None:
                NULLS.labels(feature).inc()


class Telemetry:
    """Counts and times every request but the scrape itself, whatever becomes of it.

    A plain ASGI wrapper: it sees the exception of a handler before the server turns it into an answer with status 500.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == "/metrics":
            await self.app(scope, receive, send)
            return
        status = 500  # what the server answers where nothing was sent

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = time.perf_counter()
        with IN_FLIGHT.track_inprogress():
            try:
                await self.app(scope, receive, watch)
            finally:
                route = getattr(scope.get("route"), "path", OTHER)
                method = scope["method"] if scope["method"] in METHODS else OTHER
                LATENCY.labels(method, route).observe(time.perf_counter() - began)
                REQUESTS.labels(method, route, str(status)).inc()


def instrument(app: FastAPI) -> None:
    """Add the telemetry and ``GET /metrics``."""
    app.add_middleware(Telemetry)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
