"""The service as a class."""

import json
from dataclasses import dataclass, field
from datetime import date

from fastapi import APIRouter, FastAPI, Request, Response

from flightdelay import validation
from flightdelay.calendar import calendar_features
from flightdelay.clock import to_minutes
from flightdelay.distance import bucket


def _answer(content, status=200):
    return Response(json.dumps(content), status, media_type="application/json")


@dataclass
class _Batch:
    rows: list = field(default_factory=list)
    errors: list = field(default_factory=list)

    def take(self, index, flight):
        if not isinstance(flight, dict):
            self.errors.append({"index": index, "field": "", "problem": "this is no flight"})
            return
        try:
            clean = validation.validate(flight)
        except validation.InvalidFlight as invalid:
            self.errors.extend(dict(index=index, field=name, problem=why) for name, why in invalid.errors.items())
            return
        day = date.fromisoformat(clean.pop("date"))
        clean["sched_dep_minutes"] = to_minutes(clean.pop("sched_dep"))
        self.rows.append({**clean, "distance_bucket": bucket(clean["distance"]), **calendar_features(day)})


class _Service:
    def __init__(self, model, max_batch):
        self.model, self.max_batch = model, max_batch
        self.router = APIRouter()
        self.router.add_api_route("/healthz", self.healthz)
        self.router.add_api_route("/predict", self.predict, methods=["POST"])

    async def healthz(self):
        return _answer({"status": "ok"})

    async def predict(self, request: Request):
        try:
            body = json.loads(await request.body())
        except ValueError:
            return _answer({"error": "this is no JSON"}, 400)
        flights = [body] if not isinstance(body, list) else body
        match len(flights):
            case 0:
                return _answer({"error": "nothing to predict"}, 422)
            case size if size > self.max_batch:
                return _answer({"error": f"{size} flights are too many"}, 413)
        batch = _Batch()
        for index, flight in enumerate(flights):
            batch.take(index, flight)
        if batch.errors:
            return _answer({"errors": batch.errors}, 422)
        try:
            values = list(map(float, self.model.predict(batch.rows)))
        except Exception:
            return _answer({"error": "internal error"}, 500)
        return _answer({"predictions": [{"late_probability": value, "late": not value < 0.5} for value in values]})


def create_app(model, max_batch=100):
    """An app around a service of its own."""
    app = FastAPI()
    app.include_router(_Service(model, max_batch).router)
    return app
