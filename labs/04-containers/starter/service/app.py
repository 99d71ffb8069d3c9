"""HTTP in front of the model.

GET  /healthz        the process answers
GET  /readyz         the model answers too; 503 where it does not
POST /predict        one flight
POST /predict/batch  a list of flights; takes 20 ms a flight
"""

from __future__ import annotations

import asyncio
import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from service.model import Model

SECONDS_A_FLIGHT = 0.02


def load() -> Model | None:
    try:
        return Model(os.environ.get("MODEL_PATH", "model/model.json"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"the model cannot be loaded: {error!r}", flush=True)
        return None


model = load()


async def healthz(request: Request) -> JSONResponse:
    return JSONResponse({"status": "alive"})


async def readyz(request: Request) -> JSONResponse:
    if model is None:
        return JSONResponse({"status": "no model"}, status_code=503)
    return JSONResponse({"status": "ready", "version": model.version})


async def predict(request: Request) -> JSONResponse:
    if model is None:
        return JSONResponse({"detail": "no model"}, status_code=503)
    return JSONResponse({"probability": model.probability(await request.json()), "version": model.version})


async def predict_batch(request: Request) -> JSONResponse:
    if model is None:
        return JSONResponse({"detail": "no model"}, status_code=503)
    answers = []
    for flight in await request.json():
        await asyncio.sleep(SECONDS_A_FLIGHT)
        answers.append(model.probability(flight))
    return JSONResponse({"probabilities": answers, "version": model.version})


app = Starlette(
    routes=[
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/predict", predict, methods=["POST"]),
        Route("/predict/batch", predict_batch, methods=["POST"]),
    ]
)
