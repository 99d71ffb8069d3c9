"""The emulated cloud: moto's server, with what this lab needs beside it.

It runs in a jail of its own, where no submission can reach into it, and listens on ``$JAIL_SOCKETS/http.sock``.

Beside moto's answers it

* notes which access keys signed the calls, under a path that only the judge knows (``CLOUD_TOKEN``);
* refuses moto's own back door ``/moto-api`` there, by which a submission could wipe the cloud;
* puts right what the stack's own ``server.py`` puts right.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple

CREDENTIAL = re.compile(r"Credential=([^/,\s]{1,64})/")
Respond = Callable[..., Any]


class Gate:
    """A WSGI application around moto's."""

    def __init__(self, application: Callable[[dict[str, Any], Respond], Iterable[bytes]], token: str) -> None:
        self.application = application
        self.token = token
        self.keys: set[str] = set()
        self.lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], respond: Respond) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/healthz":
            return answer(respond, "200 OK", {"status": "ok"})
        if path == f"/{self.token}/keys":
            with self.lock:
                return answer(respond, "200 OK", sorted(self.keys))
        if path.startswith("/moto-api"):
            return answer(respond, "403 Forbidden", {"message": "the cloud has no back door"})
        if found := CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", "")):
            with self.lock:
                self.keys.add(found.group(1))
        return self.application(environ, respond)


def answer(respond: Respond, status: str, body: object) -> list[bytes]:
    data = json.dumps(body).encode()
    respond(status, [("Content-Type", "application/json"), ("Content-Length", str(len(data)))])
    return [data]


if __name__ == "__main__":
    # The learner's own cloud is made from the same file, and answers alike.
    runpy.run_path("server.py")["put_answers_right"]()
    # The machines that Terraform runs on are jails of other users, and connect to the socket through a mount of its folder.
    os.umask(0)
    gate = Gate(DomainDispatcherApplication(create_backend_app), os.environ["CLOUD_TOKEN"])
    socket = f"unix://{os.environ['JAIL_SOCKETS']}/http.sock"
    run_simple(socket, 0, gate, threaded=True, request_handler=MotoRequestHandler)
