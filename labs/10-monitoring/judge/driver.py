"""Runs inside the jail: a real Alertmanager, a receiver that writes down what it is sent, and alerts posted in order.

Reads ``plan.json``: ``{"steps": [[alert, …], …], "expect": n}``. Each step is posted at once; when ``expect``
notifications are there (or the time is up), it waits a little longer for more than expected. Writes ``told.json``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

RECEIVER = ("127.0.0.1", 9099)
ALERTMANAGER = "http://127.0.0.1:9093"
READY_S, MOST_S, LINGER_S = 15.0, 12.0, 3.0

told: list[dict[str, object]] = []
lock = threading.Lock()


class Receiver(BaseHTTPRequestHandler):
    """Answers 200 to every notification and keeps it."""

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 1_000_000))
        try:
            sent = json.loads(body)
        except ValueError:
            sent = {}
        with lock:
            if len(told) < 500:
                told.append({"path": self.path, "sent": sent})
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def answers(path: str) -> bool:
    try:
        with urllib.request.urlopen(ALERTMANAGER + path, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def post(alerts: list[dict[str, object]]) -> None:
    body = json.dumps(alerts).encode()
    headers = {"Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"{ALERTMANAGER}/api/v2/alerts", body, headers), timeout=5).close()


def main() -> int:
    plan = json.loads(Path("plan.json").read_text("utf-8"))
    receiver = ThreadingHTTPServer(RECEIVER, Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    command = [
        sys.argv[1], "--config.file=alertmanager.yml", "--storage.path=/tmp/alertmanager",
        "--web.listen-address=127.0.0.1:9093", "--cluster.listen-address=",
    ]  # fmt: skip
    manager = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    end = time.monotonic() + READY_S
    while not answers("/-/ready"):
        if manager.poll() is not None or time.monotonic() > end:
            return 2
        time.sleep(0.05)
    for step in plan["steps"]:
        post(step)
        time.sleep(0.3)
    end = time.monotonic() + MOST_S
    while len(told) < plan["expect"] and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(LINGER_S)
    with lock:
        Path("told.json").write_text(json.dumps(told), "utf-8")
    manager.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
