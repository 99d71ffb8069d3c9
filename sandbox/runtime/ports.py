"""Ports of 127.0.0.1: is one free, who holds it, does what stands there answer."""

from __future__ import annotations

import contextlib
import http.client
import socket
import subprocess
from dataclasses import dataclass

import psutil

from sandbox import tools
from sandbox.runtime.settings import StackError

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Holder:
    """The process that listens on a port; ``pid`` 0 where the system does not tell (another user's process)."""

    pid: int
    what: str

    def __str__(self) -> str:
        return f"{self.what} (process {self.pid})" if self.pid else self.what


def is_free(port: int) -> bool:
    """Could a server of ours listen there?"""
    with socket.socket() as probe:
        # As servers do: a port with old connections in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    # On macOS a socket may bind beside one that listens on every address: knock as well.
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) != 0


def holder(port: int) -> Holder:
    """Who listens on a port, as well as this user may know."""
    pid = _listener(port)
    if pid:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            words = process.cmdline() or [process.name()]
            if process.name() == "docker-proxy" and (container := _container(port)):
                return Holder(pid, f"the Docker container {container}")
            line = " ".join(words)
            return Holder(pid, line if len(line) <= 80 else f"{line[:77]}...")
    if container := _container(port):
        return Holder(0, f"the Docker container {container}")
    return Holder(0, "a process of another user")


def require_free(variable: str, port: int, title: str) -> None:
    """Raise a :class:`StackError` that names the variable and the process where the port is taken."""
    if is_free(port):
        return
    raise StackError(
        f"{title} cannot start: port {port} ({variable}) is taken by {holder(port)}.",
        f"End that process, or choose another port: {variable}=PORT make start (or put {variable}=PORT into .env).",
    )


def answers(port: int, path: str, timeout_s: float = 2.0) -> bool:
    """Does a GET give a status below 400?"""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout_s)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().status < 400
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _listener(port: int) -> int:
    try:
        found = psutil.net_connections(kind="tcp")
    except (psutil.Error, OSError):
        return 0
    pids = [c.pid for c in found if c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port]
    return next((pid for pid in pids if pid), 0)


def _container(port: int) -> str:
    docker = tools.find("docker")
    if docker is None:
        return ""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        command = [*docker.argv, "ps", "--filter", f"publish={port}", "--format", "{{.Names}}"]
        return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout.strip()
    return ""
