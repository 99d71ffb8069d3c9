"""The HTTP face of the service."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.service import logs, open_inference, problems
from sandbox.service.card import NAME, TASK, Card
from sandbox.service.documentation import INFER_BODY, PREDICT_BODY, document, refusals
from sandbox.service.model import Model
from sandbox.service.open_inference import Health, InferenceResponse, ModelMetadata, ServerMetadata
from sandbox.service.predicting import Predicting
from sandbox.service.problems import ProblemError
from sandbox.service.schema import Prediction, Status
from sandbox.service.telemetry import Metrics, Telemetry

VERSION = "1.0.0"
PREDICT = "/predict"
# FastAPI's own telemetry costs a quarter of the throughput; metrics and logs are ours.
_NO_TELEMETRY: Any = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False}


def create_app(model: Model, *, write: logs.Write | None = None, shortcut: bool = True) -> FastAPI:
    """The service around one model.

    Args:
        model: what answers.
        write: takes the log line of each request; None for no log.
        shortcut: answer `POST /predict` before the routing (see `Shortcut`).
    """
    app = FastAPI(
        title="Flight delay", description=TASK, version=VERSION, telemetry=_NO_TELEMETRY, docs_url=None, redoc_url=None
    )
    metrics = Metrics(model.card)
    predicting = Predicting(model, metrics)
    _add_own_routes(app, predicting, metrics)
    _add_open_inference_routes(app, predicting)
    app.add_exception_handler(ProblemError, problems.handle)
    app.add_exception_handler(HTTPException, problems.handle)
    document(app)
    routes = {route.path for route in app.routes if isinstance(route, Route)}
    if shortcut:
        app.add_middleware(Shortcut, predicting=predicting)
    app.add_middleware(Telemetry, metrics=metrics, card=model.card, routes=routes, write=write)
    return app


class Shortcut:
    """Answers `POST /predict` without the framework's routing, which takes longer than the prediction.

    It does what the route of the same path does, with the same code; `docs/reference/performance.md` has its gain.
    """

    def __init__(self, app: ASGIApp, predicting: Predicting) -> None:
        self._app = app
        self._predicting = predicting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PREDICT or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        try:
            body = await self._predicting.answer(await _body(receive))
        except ProblemError as error:
            await problems.response(error, scope)(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _body(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


def _add_own_routes(app: FastAPI, predicting: Predicting, metrics: Metrics) -> None:
    @app.post(
        PREDICT,
        response_model=Prediction | list[Prediction],
        responses=refusals(413, 415, 422),
        openapi_extra=PREDICT_BODY,
        summary="Predict one flight, or a list of up to 1,000",
    )
    async def predict(request: Request) -> Response:
        """A list is answered with a list in the same order. One refused flight refuses the whole list."""
        return Response(await predicting.answer(await request.body()), media_type="application/json")

    @app.get("/model", summary="The model card", operation_id="model_card")
    async def card() -> Card:
        return predicting.model.card

    @app.get("/healthz", summary="Is the process alive?")
    async def healthz() -> Status:
        return Status(status="ok")

    @app.get("/readyz", responses=refusals(503), summary="Does the model answer?")
    async def readyz() -> Status:
        if not await predicting.ready():
            raise ProblemError(503, "the model does not answer a prediction")
        return Status(status="ready")

    @app.get("/metrics", response_class=PlainTextResponse, summary="Metrics for Prometheus")
    async def prometheus() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE_PLAIN_0_0_4)


def _add_open_inference_routes(app: FastAPI, predicting: Predicting) -> None:
    """Version 2 of the Open Inference Protocol; FastAPI answers a path with another model's name with 404."""
    one_version = f"/v2/models/{NAME}/versions/{predicting.model.card.version}"

    @app.get("/v2", summary="Server metadata")
    async def server() -> ServerMetadata:
        return ServerMetadata(name=logs.SERVICE, version=VERSION, extensions=["binary_tensor_data"])

    @app.get("/v2/health/live", response_model_exclude_none=True)
    async def live() -> Health:
        return Health(live=True)

    @app.get("/v2/health/ready", response_model_exclude_none=True, responses=refusals(503))
    async def ready() -> Health:
        if not await predicting.ready():
            raise ProblemError(503, "the model does not answer a prediction")
        return Health(ready=True)

    async def metadata() -> ModelMetadata:
        return open_inference.metadata(predicting)

    async def model_ready() -> Health:
        return await ready()

    async def infer(request: Request) -> Response:
        """One tensor a field of a flight, each of shape [n] or [n, 1]; JSON or binary tensors."""
        length = request.headers.get(open_inference.HEADER_LENGTH)
        content, headers = await open_inference.infer(predicting, await request.body(), length)
        return Response(content, headers=headers)

    for path in (f"/v2/models/{NAME}", one_version):
        shown = path != one_version
        app.get(path, summary="Model metadata", include_in_schema=shown)(metadata)
        app.get(f"{path}/ready", response_model_exclude_none=True, responses=refusals(503), include_in_schema=shown)(
            model_ready
        )
        app.post(
            f"{path}/infer",
            response_model=InferenceResponse,
            responses=refusals(413, 415, 422),
            openapi_extra=INFER_BODY,
            include_in_schema=shown,
        )(infer)
