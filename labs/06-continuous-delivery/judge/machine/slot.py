"""One slot: serves one model over HTTP on loopback, with the fault that it was started with.

Usage: ``slot.py NAME PORT MODEL FAULT MARK``. ``GET /flights/N`` is what users ask; ``POST /predict`` answers for one flight;
``GET /stats`` tells the memory. Every answer names the slot and the version in its headers, and the time that it took: what
it slept and what it computed, without the wait for a busy machine, so that a grade does not depend on the machine's load.
The names of these headers begin with MARK.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from flightdelay.model import CARRIERS, ORIGINS, load, probability

NAME, PORT, MODEL_FILE, FAULT, MARK = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], sys.argv[5]
SLOW_S, LEAK_BYTES, LOADING_S = 0.3, 1 << 20, 0.6
# So late among fifty answers that whoever looks at the first few sees none, and whoever looks at any fifty sees all three.
FAILING, PERIOD = (36, 42, 48), 50
# The share of the traffic that a version bears before it fails. What it has is counted over the last sixty answers, so that of
# fifty answers that come after the last shift a good many are above the second one.
MOST_BORNE = {"errors-under-load": 0.3, "errors-under-all": 0.75}
model = load(MODEL_FILE.read_text("utf-8"))
counter = itertools.count(1)
under_load = itertools.count(1)
leaked: list[bytearray] = []
lock = threading.Lock()


def flight(number: int) -> dict[str, object]:
    """A flight made from a number."""
    return {
        "carrier": CARRIERS[number % len(CARRIERS)], "origin": ORIGINS[number % len(ORIGINS)], "month": 1 + number % 12,
        "hour": 5 + number % 18, "distance": 100 + number * 37 % 2500, "wind": number % 30, "visibility": number % 10,
        "precip": 0.0, "temp": 50.0,
    }  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    slept = 0.0
    begun = 0.0

    def do_GET(self) -> None:
        if self.path == "/healthz":
            return self.answer(200, {"ok": True})
        if self.path == "/stats":
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            return self.answer(200, {"memory_mb": pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)})
        self.begun = time.thread_time()
        with lock:
            number = next(counter)
            green = float(self.headers.get(f"{MARK}-Green-Share", 0))
            share = green if NAME == "green" else 1 - green
            loaded = next(under_load) if share > MOST_BORNE.get(FAULT, 1.0) else 0
        if FAULT == "slow":
            time.sleep(SLOW_S)
            self.slept = SLOW_S
        if FAULT == "leak":
            leaked.append(bytearray(os.urandom(16) * (LEAK_BYTES // 16)))
        if (FAULT == "errors" and number % PERIOD in FAILING) or (loaded and loaded % 6 == 0):
            return self.answer(500, {"error": "internal"})
        return self.answer(200, self.predict(flight(int(self.path.rsplit("/", 1)[-1]))))

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 100_000))
        try:
            self.answer(200, self.predict(json.loads(body)))
        except (KeyError, TypeError, ValueError) as error:
            self.answer(422, {"error": f"{type(error).__name__}: {error}"})

    def predict(self, one: dict[str, object]) -> dict[str, object]:
        chance = probability(model, one)
        if FAULT == "wrong-answers":
            chance = 1 - chance
        return {"version": model["version"], "probability": chance, "late": chance >= 0.5}

    def answer(self, status: int, table: dict[str, object]) -> None:
        body = json.dumps(table).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header(f"{MARK}-Slot", NAME)
        self.send_header(f"{MARK}-Version", str(model["version"]))
        self.send_header(f"{MARK}-Took", f"{self.slept + time.thread_time() - self.begun:.6f}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


if __name__ == "__main__":
    time.sleep(LOADING_S)
    if FAULT == "crash":
        sys.exit("cannot load the model: undefined symbol")
    Server(("127.0.0.1", PORT), Handler).serve_forever()
