"""Stands where a pager or a chat channel would: shows every notification that Alertmanager sends. Standard library only.

``POST /pager`` and ``POST /queue`` take Alertmanager's webhook form; ``GET /`` shows what came, the newest first;
``GET /notifications`` gives the same as JSON; ``GET /healthz`` says that it runs. The last 200 are kept, in memory.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import deque
from datetime import UTC, datetime
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LARGEST = 1_000_000
KEPT = 200
PLACES = ("/pager", "/queue")

notifications: deque[dict[str, Any]] = deque(maxlen=KEPT)


class Receiver(BaseHTTPRequestHandler):
    """One request."""

    server_version = "receiver"

    def do_POST(self) -> None:
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if self.path not in PLACES:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", f"post to {' or '.join(PLACES)}\n")
            return
        if not 0 <= length <= LARGEST:
            self.close_connection = True
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "text/plain", f"at most {LARGEST:,} bytes\n")
            return
        try:
            sent = json.loads(self.rfile.read(length))
            alerts = [alert for alert in sent["alerts"] if isinstance(alert, dict)]
        except (ValueError, KeyError, TypeError):
            self._answer(HTTPStatus.BAD_REQUEST, "text/plain", "not in the form of Alertmanager's webhook\n")
            return
        plain = [_plain(alert) for alert in alerts]
        notification = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "to": self.path.removeprefix("/"),
            "status": str(sent.get("status", "")),
            "alerts": plain,
        }
        notifications.appendleft(notification)
        names = ", ".join(sorted({alert["name"] for alert in plain}))
        print(f"{notification['at']} {notification['to']} {notification['status']}: {names}", flush=True)
        self._answer(HTTPStatus.OK, "text/plain", "ok\n")

    def do_GET(self) -> None:
        match self.path:
            case "/healthz":
                self._answer(HTTPStatus.OK, "text/plain", "ok\n")
            case "/notifications":
                self._answer(HTTPStatus.OK, "application/json", json.dumps(list(notifications), indent=1))
            case "/":
                self._answer(HTTPStatus.OK, "text/html; charset=utf-8", _page())
            case _:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", "nothing here\n")

    def _answer(self, status: HTTPStatus, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Notifications are printed; requests are not."""


def _plain(alert: dict[str, Any]) -> dict[str, str]:
    labels = alert.get("labels") or {}
    notes = alert.get("annotations") or {}
    return {
        "name": str(labels.get("alertname", "")),
        "severity": str(labels.get("severity", "")),
        "service": str(labels.get("service", "")),
        "status": str(alert.get("status", "")),
        "summary": str(notes.get("summary", "")),
        "runbook_url": str(notes.get("runbook_url", "")),
    }


def _page() -> str:
    rows = "".join(
        f"<tr><td>{escape(n['at'])}<td>{escape(n['to'])}<td>{escape(a['status'])}<td>{escape(a['name'])}"
        f"<td>{escape(a['service'])}<td>{escape(a['summary'])}<td>{escape(a['runbook_url'])}</tr>"
        for n in list(notifications)
        for a in n["alerts"]
    )
    heads = "".join(f"<th>{head}" for head in ("at (UTC)", "to", "status", "alert", "service", "summary", "runbook"))
    empty = "" if rows else "<p>Nothing yet: no alert has been sent."
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta http-equiv=refresh content=5><title>Alert receiver</title>"
        "<style>body{font:16px sans-serif;margin:2em}td,th{text-align:left;padding:.3em .8em;border-bottom:1px solid #ccc}</style>"
        f"<h1>What Alertmanager sent</h1><table><tr>{heads}</tr>{rows}</table>{empty}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description="Show what Alertmanager sends.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9099)
    options = parser.parse_args(arguments)
    try:
        server = ThreadingHTTPServer((options.host, options.port), Receiver)
    except OSError as error:
        print(
            f"The receiver cannot listen on {options.host}:{options.port}: {error}. Choose another --port.",
            file=sys.stderr,
        )
        return 2
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
