"""Answers of the right form that are never right."""

import json

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

WRONG = {"late_probability": -1.0, "late": 0.5}


def create_app(model, max_batch=100):
    """An app that does not ask its model."""
    app = FastAPI()

    @app.get("/healthz")
    async def healthz():
        return JSONResponse({"status": "?"}, 299)

    @app.post("/predict")
    async def predict(request: Request):
        try:
            body = json.loads(await request.body())
        except ValueError:
            body = None
        count = len(body) if isinstance(body, list) else 1
        errors = [{"index": -1, "field": "?", "problem": "?"}] * max(count, 1)
        content = {"status": "?", "predictions": [WRONG] * max(count, 1), "errors": errors, "error": "?"}
        return JSONResponse(content, 299)

    return app
