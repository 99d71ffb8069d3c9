"""The course server: the built site on 127.0.0.1."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles

NOT_BUILT = "The course site is not built yet. Build it: make start (or make docs to see why it does not build).\n"


def create_app(site: Path) -> FastAPI:
    """The server's application; ``site`` is the folder that MkDocs has built into (it may be replaced while we run)."""
    app = FastAPI(openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    # check_dir: the folder may come later, or be swapped for a newer build.
    app.mount("/", StaticFiles(directory=site, html=True, check_dir=False))

    @app.exception_handler(404)
    async def not_found(request: Request, error: HTTPException) -> Response:
        page = site / "404.html"
        if page.is_file():
            return FileResponse(page, status_code=404)
        return PlainTextResponse("There is no such page.\n" if site.is_dir() else NOT_BUILT, status_code=404)

    return app
