"""Errors as RFC 9457 has them: `application/problem+json`, and which field it was."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

MEDIA_TYPE = "application/problem+json"


class ProblemError(Exception):
    """Ends a request with a problem document.

    Args:
        status: HTTP status, 4xx or 5xx.
        detail: what was wrong with this request, for its sender.
        errors: the refused fields, each `{"field": …, "message": …}`.
        headers: to be added to the answer.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        errors: list[dict[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})


def refused(error: ValidationError) -> ProblemError:
    """What pydantic found, in words that name the field."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    fields = [
        {"field": ".".join(map(str, item["loc"])) or "body", "message": item["msg"].removeprefix("Value error, ")}
        for item in found
    ]
    first = f"{fields[0]['field']}: {fields[0]['message']}"
    more = f" ({len(fields) - 1} more in `errors`)" if len(fields) > 1 else ""
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, first + more, fields)


def document(error: ProblemError, path: str, request_id: str) -> bytes:
    """The problem as JSON. Clients of the Open Inference Protocol look for `error`, so paths of `/v2` have it too."""
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.detail,
        "instance": path,
        "request_id": request_id,
    }
    if error.errors:
        problem["errors"] = error.errors
    if path.startswith("/v2"):
        problem["error"] = error.detail
    return orjson.dumps(problem)


def response(error: ProblemError, scope: Scope) -> Response:
    """The answer that tells a client of the problem."""
    body = document(error, scope["path"], scope.get("request_id", ""))
    return Response(body, error.status, error.headers, MEDIA_TYPE)


async def handle(request: Request, error: Exception) -> Response:
    """Exception handler of the app: ProblemError, and Starlette's HTTPException (no such path, wrong method)."""
    if isinstance(error, HTTPException):
        error = ProblemError(error.status_code, error.detail, headers=error.headers)
    assert isinstance(error, ProblemError)
    return response(error, request.scope)
