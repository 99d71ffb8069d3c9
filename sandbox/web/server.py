"""The course server on 127.0.0.1: the built site, and the API behind the "Check my work" panel of its lab pages."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from sandbox.course import CourseError
from sandbox.errors import UserError
from sandbox.web.api import router
from sandbox.web.guard import API, Guard
from sandbox.web.runs import Runs

NOT_BUILT = "The course site is not built yet. Build it: make start (or make docs to see why it does not build).\n"
INLINE_SCRIPT = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)


def create_app(site: Path, course: Path | None = None, token: str | None = None) -> FastAPI:
    """The server's application.

    Args:
        site: the folder that MkDocs has built into (it may be replaced while we run).
        course: the course to grade; None for the checkout that this package lies in.
        token: the secret that pages show when they ask for something; None for a new one.
    """
    token = token or secrets.token_urlsafe(32)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.runs = Runs()
        yield
        await app.state.runs.stop_all()

    app = FastAPI(openapi_url=None, lifespan=lifespan)
    app.state.course = course
    app.add_middleware(Guard, token=token)
    app.include_router(router)

    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    # check_dir: the folder may come later, or be swapped for a newer build.
    app.mount("/", _Pages(directory=site, html=True, check_dir=False, token=token))

    @app.exception_handler(UserError)
    async def told(request: Request, error: UserError) -> Response:
        status = 500 if isinstance(error, CourseError) else 409
        return JSONResponse({"message": error.message, "fix": error.fix}, status)

    @app.exception_handler(RequestValidationError)
    async def unfit(request: Request, error: RequestValidationError) -> Response:
        # What was wrong, but never the input itself.
        where = ", ".join(".".join(map(str, item["loc"])) + ": " + item["msg"] for item in error.errors())
        return JSONResponse({"message": where, "fix": ""}, 422)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        if request.url.path.startswith(API):
            return JSONResponse({"message": str(error.detail), "fix": ""}, error.status_code)
        if error.status_code == 404:
            return PlainTextResponse("There is no such page.\n" if site.is_dir() else NOT_BUILT, status_code=404)
        return PlainTextResponse(f"{error.detail}\n", error.status_code)

    return app


class _Pages(StaticFiles):
    """The site's files; HTML pages get the token and a policy that lets in no script but their own."""

    def __init__(self, *, token: str, directory: Path, html: bool, check_dir: bool) -> None:
        super().__init__(directory=directory, html=html, check_dir=check_dir)
        self.token = token

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if isinstance(response, FileResponse):
            if Path(response.path).suffix == ".html":
                return with_token(Path(response.path).read_text("utf-8"), self.token, response.status_code)
            # A new build must be seen at the next reload; unchanged files still cost a 304 only.
            response.headers["Cache-Control"] = "no-cache"
        return response


def with_token(html: str, token: str, status: int = 200) -> HTMLResponse:
    """A page that may ask this server for something, and that runs no script which the build did not put there."""
    hashes = " ".join(
        "'sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() + "'"
        for script in dict.fromkeys(INLINE_SCRIPT.findall(html))
    )
    policy = (
        f"default-src 'self'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    )
    page = html.replace("</head>", f'<meta name="lab-token" content="{token}"></head>', 1)
    # The token changes with each start, so a page is never taken from a cache.
    return HTMLResponse(page, status, {"Content-Security-Policy": policy, "Cache-Control": "no-store"})
