"""Who may talk to the course server: only pages that it has served itself, in a browser on this machine.

The server executes the learner's code, so a page of another site must not be able to drive it. Three attacks matter:

- *cross-site requests*: any page can send a POST to 127.0.0.1. Refused by ``Origin``, ``Sec-Fetch-Site`` and the token;
- *DNS rebinding*: a name of the attacker's that resolves to 127.0.0.1 makes the attacker's page same-origin with us.
  Refused by the ``Host`` header, which then holds that name;
- *reading our pages*, and the token in them, from another origin: no CORS header is ever sent.

Other users of the same machine can reach loopback too: against them only the operating system helps.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

API = "/api/"
TOKEN_HEADER = "X-Lab-Token"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
MAX_BODY = 4096
"""Bytes of a request's body; the panel sends a check's name at most."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Guard:
    """ASGI middleware that turns away what does not come from a page of ours.

    Args:
        token: the secret that the server writes into the pages it serves.
        changes, seconds: at most so many requests that change something in so many seconds.
    """

    def __init__(self, app: ASGIApp, token: str, changes: int = 30, seconds: float = 10) -> None:
        self.app = app
        self.token = token
        self.changes, self.seconds = changes, seconds
        self._recent: deque[float] = deque()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        answer = self._refusal(headers, scope) or self.app

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                ours = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    ours.setdefault(name, value)
                if scope["path"].startswith(API):
                    ours["Cache-Control"] = "no-store"
            await send(message)

        await answer(scope, receive, with_headers)

    def _refusal(self, headers: Headers, scope: Scope) -> JSONResponse | None:
        host = headers.get("host", "")
        if _name(host) not in LOOPBACK:
            return _refuse(421, f"This server answers on this machine only, not as {host[:100]!r}.")
        if not scope["path"].startswith(API):
            return None
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return _refuse(403, "This request comes from a page of another site.")
        if headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return _refuse(403, "This request comes from a page of another site.")
        if not secrets.compare_digest(headers.get(TOKEN_HEADER, "").encode(), self.token.encode()):
            return _refuse(401, "The course server was started anew since this page was loaded.", "Reload the page.")
        if scope["method"] not in ("GET", "HEAD"):
            if "transfer-encoding" in headers or int(_digits(headers.get("content-length", "0"))) > MAX_BODY:
                return _refuse(413, f"A request may hold {MAX_BODY} bytes at most.")
            if not self._room():
                return _refuse(
                    429, "Too many requests at once.", "Wait some seconds, then try again.", int(self.seconds)
                )
        return None

    def _room(self) -> bool:
        now = time.monotonic()
        while self._recent and now - self._recent[0] > self.seconds:
            self._recent.popleft()
        if len(self._recent) >= self.changes:
            return False
        self._recent.append(now)
        return True


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _digits(text: str) -> str:
    return text if text.isascii() and text.isdigit() and len(text) < 10 else str(MAX_BODY + 1)


def _refuse(status: int, message: str, fix: str = "", retry_after_s: int = 0) -> JSONResponse:
    headers = {"Retry-After": str(retry_after_s)} if retry_after_s else None
    return JSONResponse({"message": message, "fix": fix}, status, headers)
