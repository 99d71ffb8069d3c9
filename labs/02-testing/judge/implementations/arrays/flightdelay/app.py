"""The service; numbers leave it as plain floats."""

from datetime import date

import numpy as np
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from flightdelay.calendar import calendar_features
from flightdelay.clock import to_minutes
from flightdelay.distance import bucket
from flightdelay.validation import InvalidFlight, validate

KEPT = ("carrier", "origin", "dest", "distance")


class _Refused(Exception):
    """An answer other than 200."""

    def __init__(self, status, content):
        super().__init__(status)
        self.response = JSONResponse(content, status)


def create_app(model, max_batch=100):
    """A fresh app."""
    service = FastAPI()

    @service.get("/healthz")
    async def health():
        return JSONResponse({"status": "ok"})

    @service.post("/predict")
    async def predictions(request: Request):
        try:
            flights = await _read(request, max_batch)
            probabilities = _ask(model, _table(flights))
        except _Refused as refused:
            return refused.response
        late = np.greater_equal(probabilities, 0.5)
        pairs = zip(probabilities.tolist(), late.tolist(), strict=True)
        return JSONResponse({"predictions": [{"late": flag, "late_probability": value} for value, flag in pairs]})

    return service


async def _read(request, max_batch):
    try:
        content = await request.json()
    except ValueError:
        raise _Refused(400, {"error": "not JSON"}) from None
    flights = content if isinstance(content, list) else [content]
    if not flights:
        raise _Refused(422, {"error": "an empty list"})
    if max_batch < len(flights):
        raise _Refused(413, {"error": f"at most {max_batch}"})
    return flights


def _table(flights):
    rows, errors = [], []
    for index, flight in enumerate(flights):
        problems = {}
        if isinstance(flight, dict):
            try:
                clean = validate(flight)
                rows.append(
                    {name: clean[name] for name in KEPT}
                    | {
                        "sched_dep_minutes": to_minutes(clean["sched_dep"]),
                        "distance_bucket": bucket(clean["distance"]),
                    }
                    | calendar_features(date.fromisoformat(clean["date"]))
                )
            except InvalidFlight as invalid:
                problems = invalid.errors
        else:
            problems = {"": "a flight is a JSON object"}
        errors += [{"problem": problem, "field": field, "index": index} for field, problem in problems.items()]
    if errors:
        raise _Refused(422, {"errors": errors})
    return rows


def _ask(model, rows):
    try:
        return np.asarray(model.predict(rows), dtype=float)
    except Exception:
        raise _Refused(500, {"error": "internal error"}) from None
