"""The parts of the OpenAPI document that FastAPI cannot read off the routes, because these read their bodies themselves."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from sandbox.service import problems
from sandbox.service.open_inference import InferenceRequest
from sandbox.service.schema import MOST_FLIGHTS, Flight, Problem

_MODELS: tuple[type[BaseModel], ...] = (Flight, InferenceRequest, Problem)
_TEMPLATE = "#/components/schemas/{model}"


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _TEMPLATE.format(model=model.__name__)}


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


PREDICT_BODY = _body(
    {
        "anyOf": [
            _reference(Flight),
            {"type": "array", "minItems": 1, "maxItems": MOST_FLIGHTS, "items": _reference(Flight)},
        ]
    }
)
INFER_BODY = _body(_reference(InferenceRequest))


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem documents that a route can answer with."""
    words = {
        404: "There is no such model.",
        413: "The body is too long.",
        415: "The body is compressed.",
        422: "The body is not what it should be.",
        503: "Not ready.",
    }
    content = {problems.MEDIA_TYPE: {"schema": _reference(Problem)}}
    return {status: {"description": words[status], "content": content} for status in statuses}


def document(app: FastAPI) -> None:
    """Make the app's OpenAPI document whole; it is made once, when first asked for."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            _, ours = models_json_schema([(model, "validation") for model in _MODELS], ref_template=_TEMPLATE)
            made.setdefault("components", {}).setdefault("schemas", {}).update(ours["$defs"])
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
