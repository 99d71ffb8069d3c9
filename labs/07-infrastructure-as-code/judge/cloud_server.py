"""The emulated cloud: moto's server, with what this lab needs beside it.

For the judge it runs in a jail of its own and listens on ``$JAIL_SOCKETS/http.sock``, where no submission can reach into
it. For a learner it listens on a port: ``python cloud_server.py --port 5000 --seed`` (what ``lab start --with cloud`` runs).

Beside moto's answers it

* notes which access keys signed the calls, under a path that only the judge knows (``CLOUD_TOKEN``);
* refuses moto's own back door ``/moto-api`` there, by which a submission could wipe the cloud;
* writes an SQS redrive policy as AWS does, without blanks: with them every plan of an
  ``aws_sqs_queue_redrive_policy`` beside its queue shows a change (seen with moto 5.2).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import threading
from collections.abc import Callable, Iterable
from typing import Any

import moto.sqs.models
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
        if self.token and path == f"/{self.token}/keys":
            with self.lock:
                return answer(respond, "200 OK", sorted(self.keys))
        if self.token and path.startswith("/moto-api"):
            return answer(respond, "403 Forbidden", {"message": "the cloud has no back door"})
        if found := CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", "")):
            with self.lock:
                self.keys.add(found.group(1))
        return self.application(environ, respond)


def answer(respond: Respond, status: str, body: object) -> list[bytes]:
    data = json.dumps(body).encode()
    respond(status, [("Content-Type", "application/json"), ("Content-Length", str(len(data)))])
    return [data]


def write_redrive_policy_without_blanks() -> None:
    """Make ``GetQueueAttributes`` answer as AWS does."""
    original = moto.sqs.models.Queue.attributes

    def attributes(self: moto.sqs.models.Queue) -> dict[str, Any]:
        found: dict[str, Any] = original.fget(self)
        if found.get("RedrivePolicy"):
            found["RedrivePolicy"] = json.dumps(json.loads(found["RedrivePolicy"]), separators=(",", ":"))
        return found

    moto.sqs.models.Queue.attributes = property(attributes)


def main() -> None:
    parser = argparse.ArgumentParser(description="The emulated cloud of lab 07.")
    parser.add_argument(
        "--port", type=int, help="listen on this port of the loopback instead of $JAIL_SOCKETS/http.sock"
    )
    parser.add_argument("--seed", action="store_true", help="make the state bucket and the old production environment")
    options = parser.parse_args()
    write_redrive_policy_without_blanks()
    application = Gate(DomainDispatcherApplication(create_backend_app), os.environ.get("CLOUD_TOKEN", ""))
    if options.seed:
        threading.Thread(target=seed_here, args=(options.port,), daemon=True).start()
    # The machines that Terraform runs on are jails of other users, and connect to the socket through a mount of its folder.
    os.umask(0)
    host = "127.0.0.1" if options.port else f"unix://{os.environ['JAIL_SOCKETS']}/http.sock"
    run_simple(host, options.port or 0, application, threaded=True, request_handler=MotoRequestHandler)


def seed_here(port: int) -> None:
    """Fill the cloud that this process serves, once it answers."""
    import time
    import urllib.error
    import urllib.request

    import boto3
    import seed

    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1)
            break
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    session = boto3.Session(aws_access_key_id="sandbox", aws_secret_access_key="sandbox", region_name=seed.REGION)
    registry = os.environ["PROVIDER_REGISTRY"]  # whoever starts this asks Terraform for it: judge.provider.host_of
    seed.seed(lambda service: session.client(service, endpoint_url=f"http://127.0.0.1:{port}"), registry=registry)
    print("cloud: ready", flush=True)


if __name__ == "__main__":
    main()
