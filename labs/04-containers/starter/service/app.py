"""HTTP in front of the model.

GET  /healthz        the process answers; tells how many requests it is working on
GET  /readyz         the model answers too; 503 where it does not
POST /predict        one flight
POST /predict/batch  a list of flights; takes 20 ms a flight, and leaves a line in the audit log
"""

from __future__ import annotations

import asyncio
import os
import sys

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from service.model import Model

SECONDS_A_FLIGHT = 0.02
in_flight = 0


def load() -> Model | None:
    try:
        return Model(os.environ.get("MODEL_PATH", "model/model.json"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"the model cannot be loaded: {error!r}", flush=True)
        return None


model = load()


async def healthz(request: Request) -> JSONResponse:
    return JSONResponse({"status": "alive", "in_flight": in_flight})


async def readyz(request: Request) -> JSONResponse:
    try:
        if model is not None:
            model.probability({})
            return JSONResponse({"status": "ready", "version": model.version})
    except ArithmeticError as error:
        print(f"the model cannot answer: {error!r}", flush=True)
    return JSONResponse({"status": "no model that answers"}, status_code=503)


async def predict(request: Request) -> JSONResponse:
    if model is None:
        return JSONResponse({"detail": "no model"}, status_code=503)
    return JSONResponse({"probability": model.probability(await request.json()), "version": model.version})


async def predict_batch(request: Request) -> JSONResponse:
    global in_flight
    if model is None:
        return JSONResponse({"detail": "no model"}, status_code=503)
    in_flight += 1
    try:
        answers = []
        for flight in await request.json():
            await asyncio.sleep(SECONDS_A_FLIGHT)
            answers.append(model.probability(flight))
        audit = await asyncio.create_subprocess_exec(sys.executable, "-m", "service.audit", str(len(answers)))
        await audit.wait()
    finally:
        in_flight -= 1
    return JSONResponse({"probabilities": answers, "version": model.version})


app = Starlette(
    routes=[
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/predict", predict, methods=["POST"]),
        Route("/predict/batch", predict_batch, methods=["POST"]),
    ]
)
