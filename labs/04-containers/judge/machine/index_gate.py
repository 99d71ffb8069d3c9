"""The only way out of a build: a proxy that lets requests through to the package index and to nowhere else.

It runs in a container of the base image, whose pip knows where the index is. What was asked for and refused, or
could not be reached, is a line of its output.
"""

import re
import select
import socket
import socketserver
import sys
from pathlib import Path
from urllib.parse import urlsplit

from pip._internal.models.index import PyPI

PORT = 3128
IDLE_S = 60


def index_hosts():
    """Where pip goes by default, and where its configuration sends it."""
    hosts = {PyPI.netloc, PyPI.file_storage_domain}
    for path in (Path("/etc/pip.conf"), Path(sys.prefix, "pip.conf")):
        text = path.read_text("utf-8") if path.is_file() else ""
        hosts |= {urlsplit(address).hostname for address in re.findall(r"https?://[^\s'\"]+", text)}
    return {host.lower() for host in hosts if host}


HOSTS = index_hosts()


class Gate(socketserver.StreamRequestHandler):
    timeout = IDLE_S

    def handle(self):
        words = self.rfile.readline(8192).decode("latin-1").split()
        headers = []
        while (line := self.rfile.readline(8192)) not in (b"\r\n", b"\n", b""):
            headers.append(line)
        if len(words) != 3:
            return
        method, target, version = words
        address = urlsplit(f"//{target}" if method == "CONNECT" else target)
        host, port = (address.hostname or "").lower(), address.port or (443 if method == "CONNECT" else 80)
        if host not in HOSTS:
            print(f"refused {host}", flush=True)
            self.wfile.write(b"HTTP/1.1 403 not the package index\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        try:
            upstream = socket.create_connection((host, port), timeout=20)
        except OSError as error:
            print(f"unreachable {host} {error}", flush=True)
            self.wfile.write(b"HTTP/1.1 502 unreachable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        with upstream:
            if method == "CONNECT":
                self.wfile.write(b"HTTP/1.1 200 connected\r\n\r\n")
            else:
                kept = [line for line in headers if not line.lower().startswith((b"proxy-", b"connection:"))]
                path = f"{address.path or '/'}{'?' + address.query if address.query else ''}"
                upstream.sendall(
                    f"{method} {path} {version}\r\n".encode("latin-1") + b"".join(kept) + b"Connection: close\r\n\r\n"
                )
            self.relay(upstream)

    def relay(self, upstream):
        ends = {self.connection: upstream, upstream: self.connection}
        while ready := select.select(list(ends), [], [], IDLE_S)[0]:
            for end in ready:
                data = end.recv(65536)
                if not data:
                    return
                ends[end].sendall(data)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        pass  # a connection that breaks off is the other side's affair


if __name__ == "__main__":
    with Server(("0.0.0.0", PORT), Gate) as server:
        print("ready", flush=True)
        server.serve_forever()
