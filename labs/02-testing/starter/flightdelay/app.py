"""The service. Its model is handed in, so that a test can hand in one that it understands."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Protocol

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from flightdelay.calendar import calendar_features
from flightdelay.clock import to_minutes
from flightdelay.distance import bucket
from flightdelay.validation import InvalidFlight, validate

LATE_FROM = 0.5


class Model(Protocol):
    """Anything that gives each row a probability of being late."""

    def predict(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[float]: ...


def create_app(model: Model, max_batch: int = 100) -> FastAPI:
    """A new app, independent of every other, that asks ``model`` once for each request."""
    app = FastAPI(title="Flight delays")

    @app.get("/healthz")
    def healthz() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    @app.post("/predict")
    async def predict(request: Request) -> JSONResponse:
        try:
            body = json.loads(await request.body())
        except ValueError:
            return JSONResponse({"error": "the body is not JSON"}, 400)
        flights = body if isinstance(body, list) else [body]
        if len(flights) > max_batch:
            return JSONResponse({"error": f"more than {max_batch} flights"}, 413)
        if not flights:
            return JSONResponse({"error": "no flights"}, 422)
        rows, errors = _rows(flights)
        if errors:
            return JSONResponse({"errors": errors}, 422)
        try:
            probabilities = [float(value) for value in model.predict(rows)]
        except Exception:
            return JSONResponse({"error": "internal error"}, 500)
        return JSONResponse({"predictions": [_prediction(value) for value in probabilities]})

    return app


def _rows(flights: list[Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rows, errors = [], []
    for index, flight in enumerate(flights):
        if not isinstance(flight, dict):
            errors.append({"index": index, "field": "", "problem": "not an object"})
            continue
        try:
            rows.append(_row(validate(flight)))
        except InvalidFlight as error:
            errors.extend({"index": index, "field": name, "problem": text} for name, text in error.errors.items())
    return rows, errors


def _row(flight: dict[str, Any]) -> dict[str, Any]:
    return {
        "carrier": flight["carrier"],
        "origin": flight["origin"],
        "dest": flight["dest"],
        "sched_dep_minutes": to_minutes(flight["sched_dep"]),
        "distance": flight["distance"],
        "distance_bucket": bucket(flight["distance"]),
        **calendar_features(date.fromisoformat(flight["date"])),
    }


def _prediction(probability: float) -> dict[str, Any]:
    return {"late_probability": probability, "late": probability >= LATE_FROM}
