"""The platform, run in a jail of its own: two slots, a real Traefik, traffic, and the API that a pipeline talks to.

Usage: ``fleet_platform.py TRAEFIK``, with ``plan.json`` in the working folder. A caller is known by its bearer token, so
that what a pipeline does cannot be laid at another's door; paths below ``/judge`` want the judge's own token. Nothing of a
submission runs here but its router configuration. One platform serves many deploys, one after the other: ``/judge/reset``
makes it as new.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import secrets
import socketserver
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import yaml

PORTS = {"blue": 9001, "green": 9002}
WEB, API = 9000, 9080
# Headers that a slot and the users exchange. A router can be told to write any header whose name is known, so a pipeline
# could otherwise make users believe that another slot answered, or a slot that it bears more load. Nobody knows these names.
MARK = f"X-{secrets.token_hex(8)}"
USERS, PAUSE_S, QUIET_PAUSE_S = 6, 0.006, 0.025
START_S, WATCH_S, APPLY_S, DRAIN_S, HOLD_S = 60.0, 45.0, 45.0, 15.0, 150.0
CONFIG = """\
http:
  routers:
    users:
      rule: PathPrefix(`/`)
      service: users
  services:
    users:
      weighted:
        services:
          - name: blue
            weight: 100
          - name: green
            weight: 0
    blue:
      loadBalancer:
        servers:
          - url: http://127.0.0.1:9001
    green:
      loadBalancer:
        servers:
          - url: http://127.0.0.1:9002
"""
Table = dict[str, Any]


class No(Exception):
    """The answer is a refusal."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def ask(port: int, method: str, path: str, body: bytes | None = None, timeout: float = 45) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@dataclass
class Slot:
    """What runs in a slot, and what users got from it."""

    name: str
    state: str = "empty"
    version: str = ""
    sha256: str = ""
    process: subprocess.Popen[bytes] | None = None
    answers: list[tuple[bool, float]] = field(default_factory=list)


@dataclass
class Phase:
    """What users saw between two changes of the router, or while one of them takes effect."""

    by: str
    between: bool = True
    answered: dict[str, int] = field(default_factory=dict)
    failed: int = 0


class Platform:
    """State of everything; one lock with a condition that is told of every answer and every change."""

    def __init__(self, plan: Table) -> None:
        self.plan = plan
        self.changed = threading.Condition()
        self.slots = {name: Slot(name) for name in PORTS}
        self.tokens: dict[str, str] = {plan["token"]: "judge"}
        self.faults: dict[str, str] = {}
        self.packages: dict[str, Table] = {}
        self.log: list[Table] = [plan["first"]]
        self.lease = ""
        self.calls: list[Table] = []
        self.phases = [Phase("judge")]
        self.failures: list[str] = []
        self.recent: deque[str] = deque(maxlen=60)
        self.under_way: dict[int, int] = {}
        self.config, self.revision = CONFIG, 0
        self.hold: Table | None = None
        self.held = False
        self.changing = self.watching = self.epoch = 0
        self.resting = False
        self.starts: list[float] = []
        self.router = threading.Lock()

    # --- slots ---

    def start(self, name: str, body: Table) -> Table:
        slot = self.slot(name)
        if not (isinstance(body.get("model"), str) and isinstance(body.get("card"), str)):
            raise No(422, "a package has `model` and `card`, both text")
        try:
            version = str(json.loads(body["model"])["version"])
        except (ValueError, KeyError, TypeError):
            raise No(422, "the model file is not a model") from None
        self.stop(name)
        file = Path(f"/tmp/{name}-{time.monotonic_ns()}.json")
        file.write_text(body["model"], "utf-8")
        fault = self.faults.get(version, "none")
        command = [
            sys.executable,
            str(Path(__file__).with_name("slot.py")),
            name,
            str(PORTS[name]),
            str(file),
            fault,
            MARK,
        ]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        with self.changed:
            slot.state, slot.version, slot.process, slot.answers = "starting", version, process, []
            slot.sha256 = hashlib.sha256(body["model"].encode()).hexdigest()
            self.packages[version] = {"model": body["model"], "card": body["card"]}
        threading.Thread(target=self.until_ready, args=(slot, process), daemon=True).start()
        return {"state": "starting"}

    def until_ready(self, slot: Slot, process: subprocess.Popen[bytes]) -> None:
        begun = time.monotonic()
        end = begun + START_S
        state = "starting"
        while state == "starting":
            if process.poll() is not None or time.monotonic() > end:
                state = "failed"
                break
            try:
                if ask(PORTS[slot.name], "GET", "/healthz")[0] == 200:
                    state = "ready"
            except OSError:
                time.sleep(0.03)
        with self.changed:
            if slot.process is process:
                slot.state = state
                self.starts.append(time.monotonic() - begun)
            self.changed.notify_all()

    def stop(self, name: str) -> Table:
        slot = self.slot(name)
        with self.changed:
            process, slot.process, slot.state = slot.process, None, "empty"
            slot.version = slot.sha256 = ""
        if process:
            process.kill()
            process.wait()
        return {"state": "empty"}

    def slot(self, name: str) -> Slot:
        if name not in self.slots:
            raise No(404, f"there is no slot {name!r}")
        return self.slots[name]

    def show(self) -> Table:
        with self.changed:
            return {s.name: {"state": s.state, "version": s.version, "sha256": s.sha256} for s in self.slots.values()}

    def predict(self, name: str, body: Any) -> Table:
        if self.slot(name).state != "ready":
            raise No(503, f"{name} is {self.slot(name).state}")
        try:
            status, text = ask(PORTS[name], "POST", "/predict", json.dumps(body).encode())
        except OSError as error:
            raise No(502, str(error)) from None
        return {"status": status, "body": json.loads(text)}

    def memory(self, name: str) -> float:
        try:
            return float(json.loads(ask(PORTS[name], "GET", "/stats")[1])["memory_mb"])
        except (OSError, ValueError):
            return 0.0

    def watch(self, name: str, requests: int) -> Table:
        slot = self.slot(name)
        before, end = self.memory(name), time.monotonic() + WATCH_S
        with self.changed:
            answers = slot.answers
            start = len(answers)
            self.watching += 1
            while len(answers) < start + requests and slot.answers is answers and (left := end - time.monotonic()) > 0:
                self.changed.wait(left)
            self.watching -= 1
            seen = answers[start : start + requests]
        times = sorted(seconds for _, seconds in seen)
        p95 = times[min(len(times) - 1, int(0.95 * len(times)))] * 1000 if times else 0.0
        return {
            "requests": len(seen), "errors": sum(not good for good, _ in seen), "p95_ms": round(p95, 1),
            "memory_mb_before": round(before, 1), "memory_mb_after": round(self.memory(name), 1),
        }  # fmt: skip

    # --- router ---

    def route(self, text: str, by: str) -> Table:
        try:
            table = yaml.safe_load(text)
            http_part = table["http"]
            assert isinstance(http_part, dict) and isinstance(http_part["routers"], dict) and http_part["services"]
        except (yaml.YAMLError, KeyError, TypeError, AssertionError):
            raise No(422, "not a dynamic configuration: it needs http.routers and http.services") from None
        with self.router:
            self.revision += 1
            mark = f"revision-{self.revision}"
            http_part.setdefault("middlewares", {})[mark] = {"addPrefix": {"prefix": "/x"}}
            folder = Path("dynamic")
            (folder / "next").write_text(json.dumps(table), "utf-8")
            with self.changed:
                self.phases.append(Phase(by, between=False))
            os.replace(folder / "next", folder / "router.yml")
            end = time.monotonic() + APPLY_S
            while time.monotonic() < end:
                try:
                    if ask(API, "GET", f"/api/http/middlewares/{mark}@file")[0] == 200:
                        break
                except OSError:
                    pass
                time.sleep(0.02)
            else:
                with self.changed:
                    self.phases.append(Phase(by))
                raise No(422, "Traefik does not take this configuration")
            with self.changed:
                self.config = text
                # What was on its way under the old configuration belongs to neither, and gets its answer: whoever then
                # ends the slot that it went to does no harm, however busy the machine is.
                before, end = dict(self.under_way), time.monotonic() + DRAIN_S
                while before.items() & self.under_way.items() and (left := end - time.monotonic()) > 0:
                    self.changed.wait(left)
                self.phases.append(Phase(by))
        return {"revision": self.revision}

    # --- traffic ---

    def user(self, first: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", WEB, timeout=60)
        number = first
        while True:
            number += USERS
            with self.changed:
                while self.resting:
                    self.changed.wait()
                self.under_way[first] = number
            epoch, share = self.epoch, self.recent.count("green") / 60
            slot = why = ""
            took = 0.0
            try:
                connection.request("GET", f"/flights/{number}", headers={f"{MARK}-Green-Share": f"{share:.2f}"})
                answer = connection.getresponse()
                body = answer.read()
                slot, took = answer.headers.get(f"{MARK}-Slot", ""), float(answer.headers.get(f"{MARK}-Took", 0))
                if answer.status != 200 or "probability" not in json.loads(body):
                    why = f"status {answer.status}"
            except (OSError, ValueError, http.client.HTTPException) as error:
                why = type(error).__name__
                connection.close()
            with self.changed:
                del self.under_way[first]
                if epoch == self.epoch:
                    self.count(slot, took, why)
                self.changed.notify_all()
                pause = PAUSE_S if self.watching else QUIET_PAUSE_S
            time.sleep(pause)

    def count(self, slot: str, took: float, why: str) -> None:
        """Take down one answer to a user: from which slot, its seconds, why it failed."""
        version = self.slots[slot].version if slot in self.slots else ""
        phase = self.phases[-1]
        phase.answered[version] = phase.answered.get(version, 0) + 1
        if slot in self.slots:
            self.slots[slot].answers.append((not why, took))
            self.recent.append(slot)
        if why:
            phase.failed += 1
            if len(self.failures) < 20:
                self.failures.append(f"{why} from {version or 'the router'}")

    # --- the judge ---

    def settle(self, requests: int) -> Table:
        """Who answers now: waits for so many answers and tells how many came from which version, and how many failed."""
        with self.changed:
            self.phases.append(phase := Phase("judge"))
            end = time.monotonic() + WATCH_S
            self.watching += 1
            while sum(phase.answered.values()) < requests + USERS and (left := end - time.monotonic()) > 0:
                self.changed.wait(left)
            self.watching -= 1
            return {"answered": dict(phase.answered), "failed": phase.failed}

    def reset(self, faults: dict[str, str], tokens: dict[str, str]) -> None:
        """Make the platform as it was at first: production in blue, all users there, one line in the log.

        Args:
            faults: version → the fault of the process that serves it.
            tokens: token → the name of the pipeline that has it; those of earlier pipelines are void.
        """
        first = self.plan["package"]
        with self.changed:
            self.tokens = {self.plan["token"]: "judge", **tokens}
            self.hold, self.faults, self.lease = None, faults, ""
            self.resting = False
            self.changed.notify_all()
            # A pipeline may be dead and the platform still at work on its last call.
            while self.changing:
                self.changed.wait()
            blue = self.slots["blue"]
            intact = blue.state == "ready" and blue.sha256 == hashlib.sha256(first["model"].encode()).hexdigest()
        if not (intact and blue.process and blue.process.poll() is None):
            self.start("blue", first)
            self.until("blue")
        if self.config != CONFIG:
            self.route(CONFIG, "judge")
        self.stop("green")
        with self.changed:
            # What users still wait for belongs to the deploy before.
            self.epoch += 1
            self.packages = {self.plan["first"]["version"]: first}
            self.log, self.calls, self.failures, self.starts = [self.plan["first"]], [], [], []
            self.slots["blue"].answers, self.phases = [], [Phase("judge")]
            self.recent.clear()

    def until(self, name: str) -> None:
        """Wait until a slot is ready."""
        with self.changed:
            while self.slots[name].state == "starting":
                self.changed.wait()

    def wait(self, what: Table) -> Table:
        """Wait until a hold has caught a call, or until a run has made a call of a kind."""
        end = time.monotonic() + float(what["seconds"])
        with self.changed:
            while not self._is(what) and (left := end - time.monotonic()) > 0:
                self.changed.wait(left)
            return {"is": self._is(what)}

    def _is(self, what: Table) -> bool:
        if what.get("held"):
            return self.held
        return any(c["by"] == what["by"] and (c["changes"] or c["path"] == "/lease") for c in self.calls)

    def hold_if(self, call: Table) -> None:
        """Keep the caller waiting where the judge asked for it."""
        with self.changed:
            hold = self.hold
            if not hold or self.held or hold["by"] != call["by"]:
                return
            if not call["path"].startswith(hold["path"]) or self.recent.count("green") / 60 < hold["share"]:
                return
            self.held = True
            self.changed.notify_all()
            end = time.monotonic() + HOLD_S
            while self.hold is hold and (left := end - time.monotonic()) > 0:
                self.changed.wait(left)

    def state(self) -> Table:
        with self.changed:
            return {
                "calls": list(self.calls), "log": self.log[1:], "failures": list(self.failures), "lease": self.lease,
                "starts": list(self.starts),
                "phases": [
                    {"by": p.by, "between": p.between, "answered": dict(p.answered), "failed": p.failed} for p in self.phases
                ],
            }  # fmt: skip

    # --- calls ---

    def call(self, token: str, method: str, path: str, body: Any) -> Table:
        by = self.tokens.get(token)
        if by is None:
            raise No(401, "this token is not known")
        if path.startswith("/judge/"):
            if by != "judge":
                raise No(403, "not for pipelines")
            return self.judge(path.removeprefix("/judge/"), body or {})
        changes = method in ("PUT", "DELETE") and path.startswith(("/slots/", "/router"))
        call = {"by": by, "method": method, "path": path, "changes": changes, "at": time.monotonic()}
        with self.changed:
            self.calls.append(call)
            self.changing += changes
            self.changed.notify_all()
        try:
            answer = self.dispatch(by, method, path, body, call)
        finally:
            with self.changed:
                call["took"] = time.monotonic() - call["at"]
                self.changing -= changes
                self.changed.notify_all()
        if by != "judge":
            self.hold_if(call)
        return answer

    def dispatch(self, by: str, method: str, path: str, body: Any, call: Table) -> Table:
        match method, path.strip("/").split("/"):
            case "GET", ["slots"]:
                return self.show()
            case "PUT", ["slots", name]:
                call["package"] = {key: body.get(key) for key in ("model", "card")}
                return self.start(name, body)
            case "DELETE", ["slots", name]:
                return self.stop(name)
            case "POST", ["slots", name, "predict"]:
                return self.predict(name, body)
            case "GET", ["router"]:
                return {"config": self.config}
            case "PUT", ["router"]:
                return self.route(str(body["config"]), by)
            case "POST", ["watch"]:
                return self.watch(str(body["slot"]), max(1, min(1000, int(body["requests"]))))
            case "GET", ["packages", version]:
                if version not in self.packages:
                    raise No(404, f"no package {version!r} ever ran here")
                return self.packages[version]
            case "GET", ["deployments"]:
                return {"deployments": self.log}
            case "POST", ["deployments"]:
                if not isinstance(body, dict):
                    raise No(422, "a line of the log is a JSON object")
                with self.changed:
                    self.log.append(body)
                return {"lines": len(self.log)}
            case "POST", ["lease"]:
                with self.changed:
                    if self.lease and self.lease != by:
                        raise No(409, "the lease is taken")
                    self.lease = by
                return {"lease": "yours"}
            case "DELETE", ["lease"]:
                with self.changed:
                    if self.lease != by:
                        raise No(409, "the lease is not yours")
                    self.lease = ""
                return {"lease": "free"}
        raise No(404, f"there is no {method} {path}")

    def judge(self, what: str, body: Table) -> Table:
        match what:
            case "state":
                return self.state()
            case "settle":
                return self.settle(int(body["requests"]))
            case "wait":
                return self.wait(body)
            case "rest":
                # Nobody looks until the next reset: no traffic, which would only keep the machine busy.
                with self.changed:
                    self.resting, self.hold = True, None
                    self.changed.notify_all()
            case "reset":
                self.reset(body["faults"], body["tokens"])
            case "hold":
                with self.changed:
                    self.hold, self.held = (body or None), False
                    self.changed.notify_all()
            case "gone":
                with self.changed:
                    if self.lease == body["by"]:
                        self.lease = ""
        return {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    platform: Platform

    def handle_any(self) -> None:
        if self.path == "/healthz":
            return self.answer(200, {"ok": True})
        try:
            body = json.loads(self.rfile.read(min(int(self.headers.get("Content-Length") or 0), 2_000_000)) or b"null")
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            self.answer(200, self.platform.call(token, self.command, self.path, body))
        except No as no:
            self.answer(no.status, {"error": str(no)})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self.answer(422, {"error": f"{type(error).__name__}: {error}"})

    do_GET = do_PUT = do_POST = do_DELETE = handle_any

    def answer(self, status: int, table: Table) -> None:
        body = json.dumps(table).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *arguments: object) -> None:
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


def main(traefik: str) -> None:
    platform = Platform(json.loads(Path("plan.json").read_text("utf-8")))
    Path("dynamic").mkdir()
    Path("dynamic/router.yml").write_text(CONFIG, "utf-8")
    static = {
        "entryPoints": {"web": {"address": f"127.0.0.1:{WEB}"}, "traefik": {"address": f"127.0.0.1:{API}"}},
        "providers": {"providersThrottleDuration": "50ms", "file": {"directory": str(Path("dynamic").resolve()), "watch": True}},
        "api": {"insecure": True}, "global": {"checkNewVersion": False, "sendAnonymousUsage": False}, "log": {"level": "ERROR"},
    }  # fmt: skip
    Path("traefik.yml").write_text(json.dumps(static), "utf-8")
    subprocess.Popen([traefik, "--configfile=traefik.yml"])
    platform.start("blue", platform.plan["package"])
    platform.until("blue")
    end = time.monotonic() + 60
    while True:
        try:
            if ask(WEB, "GET", "/flights/1")[0] == 200:
                break
        except OSError:
            pass
        if time.monotonic() > end:
            sys.exit("the platform did not start")
        time.sleep(0.05)
    for number in range(USERS):
        threading.Thread(target=platform.user, args=(number,), daemon=True).start()
    platform.settle(20)
    Handler.platform = platform
    path = os.environ["JAIL_SOCKETS"] + "/http.sock"
    server = Server(path, Handler)
    os.chmod(path, 0o777)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
