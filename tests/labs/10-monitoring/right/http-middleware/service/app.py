"""The HTTP side of the flight-delay service. Not instrumented yet: that is your work."""

from __future__ import annotations

import time
from typing import Annotated

import prometheus_client as prom
from fastapi import FastAPI, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from service import model, store

app = FastAPI(title="Flight delay")

requests_total = prom.Counter("http_requests_total", "Answers", ["route", "method", "status"])
seconds = prom.Histogram("http_request_duration_seconds", "Seconds", ["route", "method"], buckets=[0.02, 0.05, 0.1, 0.25, 0.4, 0.75, 1, 2, 4, 8])
in_flight = prom.Gauge("http_requests_in_flight", "Now")
predictions_total = prom.Counter("predictions_total", "Rows", ["late"])
probability = prom.Histogram("prediction_probability", "Scores", buckets=[0.05, 0.15, 0.25, 0.5, 0.75, 0.9, 1])
nulls = prom.Counter("prediction_inputs_null_total", "Empty", ["feature"])
prom.Info("model", "Model").info({"version": model.VERSION, "name": "flight-delay"})
prom.Gauge("model_trained_timestamp_seconds", "Trained").set(model.TRAINED_AT)


@app.middleware("http")
async def measure(request: Request, call_next):
    start = time.monotonic()
    in_flight.inc()
    code = "500"
    try:
        answer = await call_next(request)
        code = str(answer.status_code)
        return answer
    finally:
        in_flight.dec()
        route = request.scope.get("route")
        name = route.path if route is not None else "unknown"
        requests_total.labels(name, request.method, code).inc()
        seconds.labels(name, request.method).observe(time.monotonic() - start)


@app.get("/metrics")
def metrics() -> Response:
    return Response(prom.generate_latest(), media_type="text/plain; version=0.0.4")


class Flight(BaseModel):
    """One flight before departure; weather may be unknown (null)."""

    model_config = ConfigDict(extra="forbid")

    carrier: str = Field(min_length=2, max_length=2)
    origin: str = Field(min_length=3, max_length=3)
    hour: int = Field(ge=0, le=23)
    distance: int = Field(gt=0, le=6000)
    temp: float | None = None
    wind_speed: float | None = None
    visibility: float | None = None
    pressure: float | None = None
    precip: float | None = None


class Prediction(BaseModel):
    """What the model says: late or not, and with which probability."""

    late: bool
    probability: float


def predict_rows(flights: list[Flight]) -> list[Prediction]:
    """Predictions in the order of the flights."""
    scores = model.predict([flight.model_dump() for flight in flights])
    for flight, score in zip(flights, scores):
        predictions_total.labels(str(model.is_late(score)).lower()).inc()
        probability.observe(score)
        for name in model.NULLABLE:
            nulls.labels(name).inc(getattr(flight, name) is None)
    return [Prediction(late=model.is_late(score), probability=score) for score in scores]


@app.post("/predict")
async def predict(flight: Flight) -> Prediction:
    """Will this flight be late?"""
    return predict_rows([flight])[0]


@app.post("/predict/batch")
async def predict_batch(flights: Annotated[list[Flight], Field(min_length=1, max_length=100)]) -> list[Prediction]:
    """The same for up to 100 flights."""
    return predict_rows(flights)


@app.get("/flights/{flight_id}")
async def flight(flight_id: int) -> dict[str, object]:
    """What the operations store knows about a flight."""
    found = await store.find(flight_id)
    if found is None:
        raise HTTPException(404, f"no flight {flight_id}")
    return found


@app.get("/model")
async def model_card() -> dict[str, object]:
    """Which model answers."""
    return {"version": model.VERSION, "trained_at": model.TRAINED_AT}


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process is alive."""
    return {"status": "ok"}
