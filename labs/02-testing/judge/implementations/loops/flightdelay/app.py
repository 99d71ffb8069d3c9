"""The service, as one function after the other."""

import json
from datetime import date

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from flightdelay import calendar, clock, distance, validation


def create_app(model, max_batch=100):
    """An app around one model."""
    app = FastAPI()

    async def healthz():
        return JSONResponse({"status": "ok"})

    async def predict(request: Request):
        raw = await request.body()
        try:
            body = json.loads(raw)
        except ValueError:
            return JSONResponse({"error": "send JSON"}, status_code=400)
        if not isinstance(body, list):
            body = [body]
        if len(body) == 0:
            return JSONResponse({"error": "send a flight"}, status_code=422)
        if len(body) > max_batch:
            return JSONResponse({"error": "too many flights"}, status_code=413)
        rows = []
        errors = []
        position = 0
        for item in body:
            if isinstance(item, dict):
                try:
                    rows.append(_features(validation.validate(item)))
                except validation.InvalidFlight as invalid:
                    for field in invalid.errors:
                        errors.append({"index": position, "field": field, "problem": invalid.errors[field]})
            else:
                errors.append({"index": position, "field": "", "problem": "a flight is an object"})
            position += 1
        if len(errors) > 0:
            return JSONResponse({"errors": errors}, status_code=422)
        predictions = []
        try:
            for probability in model.predict(rows):
                predictions.append({"late_probability": float(probability), "late": float(probability) >= 0.5})
        except Exception:
            return JSONResponse({"error": "internal error"}, status_code=500)
        return JSONResponse({"predictions": predictions})

    app.add_api_route("/healthz", healthz, methods=["GET"])
    app.add_api_route("/predict", predict, methods=["POST"])
    return app


def _features(flight):
    row = {}
    for name in ("carrier", "origin", "dest", "distance"):
        row[name] = flight[name]
    row["sched_dep_minutes"] = clock.to_minutes(flight["sched_dep"])
    row["distance_bucket"] = distance.bucket(flight["distance"])
    row.update(calendar.calendar_features(date.fromisoformat(flight["date"])))
    return row
