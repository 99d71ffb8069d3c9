"""The cloud of the learner's tests: it says who is asking, and nothing else.

A provider that is configured for real asks that before it plans. All other calls are refused: tests plan or mock, and a cloud
that kept anything would let one run of the tests tell the next what the module before it looked like.

It listens on ``$JAIL_SOCKETS/http.sock`` and uses the standard library only.
"""

from __future__ import annotations

import os
import socketserver
from http.server import BaseHTTPRequestHandler
from pathlib import Path

ACCOUNT = "123456789012"
IDENTITY = f"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:sts::{ACCOUNT}:user/sandbox</Arn><UserId>AIDAEXAMPLE</UserId><Account>{ACCOUNT}</Account>
</GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"""
REFUSAL = """<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>
<Message>there is no cloud for tests: plan, or mock the provider</Message></Error></ErrorResponse>"""
BODY_LIMIT = 1 << 20


class Handler(BaseHTTPRequestHandler):
    """Answers every method alike: what is asked for stands in the body."""

    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        length = min(int(self.headers.get("Content-Length") or 0), BODY_LIMIT)
        asked = self.rfile.read(length)
        if self.path == "/healthz":
            return self.answer(200, "ok")
        if b"Action=GetCallerIdentity" in asked:
            return self.answer(200, IDENTITY)
        return self.answer(403, REFUSAL)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any

    def answer(self, status: int, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def address_string(self) -> str:
        return "a machine"

    def log_message(self, *_: object) -> None:
        """Nobody reads a log here."""


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


if __name__ == "__main__":
    # The machines that Terraform runs on are jails of other users, and connect to the socket through a mount of its folder.
    os.umask(0)
    with Server(str(Path(os.environ["JAIL_SOCKETS"]) / "http.sock"), Handler) as server:
        server.serve_forever()
