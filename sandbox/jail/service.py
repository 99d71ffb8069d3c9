"""A service of a submission, running in a jail, and the judge's way of talking to it."""

from __future__ import annotations

import os
import signal as signals
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from sandbox.jail.files import remove_tree
from sandbox.jail.interface import (
    Finished,
    Jail,
    ServiceDied,
    ServiceNotReady,
    Task,
    check_socket_name,
)
from sandbox.jail.supervisor import Supervisor
from sandbox.jail.transport import ANSWER_BYTES, DEADLINE_S, JailTransport, connect

if TYPE_CHECKING:
    import socket as sockets

STOP_S = 10.0
"""How long a service may take to stop by itself when it is asked to."""


class Service:
    """A running service. Its clients hold every request to a deadline and a size.

    Attributes:
        sockets: the host's folder with its unix sockets; another jail may mount it, to talk to the service.
    """

    def __init__(self, supervisor: Supervisor, folder: Path, socket: str) -> None:
        self._supervisor = supervisor
        self._socket = socket
        self._clients: dict[str, httpx.Client] = {}
        self.sockets = folder

    @property
    def client(self) -> httpx.Client:
        """A client for the service's own socket; its addresses are paths, or ``http://service/…``."""
        return self.client_for(self._socket)

    def client_for(self, name: str) -> httpx.Client:
        """A client for one of its sockets, by name; the same one each time."""
        check_socket_name(name)
        if name not in self._clients:
            self._clients[name] = httpx.Client(
                transport=JailTransport(lambda timeout_s: self.connect(name, timeout_s)),
                base_url="http://service",
                timeout=httpx.Timeout(10.0),
                headers={"Accept-Encoding": "identity"},
                trust_env=False,
            )
        return self._clients[name]

    def request(
        self,
        method: str,
        path: str,
        *,
        name: str | None = None,
        deadline_s: float = DEADLINE_S,
        answer_bytes: int = ANSWER_BYTES,
        **parameters: Any,
    ) -> httpx.Response:
        """Make one request that ends within ``deadline_s`` seconds and whose answer has at most ``answer_bytes`` bytes.

        Raises:
            httpx.TransportError: no answer, too late, too large or no HTTP.
        """
        limits = {"deadline_s": deadline_s, "answer_bytes": answer_bytes}
        client = self.client_for(name or self._socket)
        return client.request(method, path, extensions={"jail": limits}, timeout=deadline_s, **parameters)

    def connect(self, name: str | None = None, timeout_s: float | None = 5.0) -> sockets.socket:
        """A raw connection to one of its sockets.

        Raises:
            OSError: nobody listens there, or what is there is no socket of the jail's.
        """
        name = check_socket_name(name or self._socket)
        started = self._supervisor.started
        if started is not None and (connection := started.connect(name, timeout_s)) is not None:
            return connection
        # The folder's owner is the jailed user; the judge's own id is right behind a wall that keeps it.
        owners = {self.sockets.stat().st_uid, os.geteuid()}
        return connect(self.sockets, name, timeout_s, owners)

    @property
    def alive(self) -> bool:
        return self._supervisor.wait(0) is None

    @property
    def finished(self) -> Finished | None:
        """How it ended, or None while it runs."""
        return self._supervisor.wait(0)

    def wait(self, timeout_s: float) -> Finished | None:
        """How it ended, once it has, or None after ``timeout_s`` seconds."""
        return self._supervisor.wait(timeout_s)

    def signal(self, number: int) -> None:
        """Send a signal to the command itself (not to its children)."""
        self._supervisor.signal(number)

    def stop(self, signal: int = signals.SIGTERM, timeout_s: float = STOP_S) -> Finished:
        """Ask it to stop, and kill it where it has not within ``timeout_s`` seconds; ``timed_out`` says which."""
        self.signal(signal)
        finished = self._supervisor.wait(timeout_s)
        if finished is None:
            self._supervisor.kill("time")
            finished = self._supervisor.wait()
        assert finished is not None
        return finished

    def kill(self) -> Finished:
        """Kill it whole, at once."""
        self._supervisor.kill()
        finished = self._supervisor.wait()
        assert finished is not None
        return finished

    def pid_memory_mb(self) -> float:
        """MiB of memory that all its processes use now; 0 after its end."""
        usage = self._supervisor.usage()
        return usage.memory_bytes / (1 << 20) if usage else 0.0

    def close(self) -> None:
        """Close the clients."""
        for client in self._clients.values():
            client.close()


@contextmanager
def serving(jail: Jail, task: Task, *, socket: str, ready: str | None, ready_timeout_s: float) -> Iterator[Service]:
    """Start a service, wait until it is ready, and kill it at the end of the block; see `Jail.serve`."""
    check_socket_name(socket)
    # A short path: where handles on files are unknown, a socket's path has room for about 100 characters.
    folder = Path(tempfile.mkdtemp(prefix="jail-", dir="/tmp" if os.access("/tmp", os.W_OK) else None))
    inner = folder / "s"
    try:
        inner.mkdir()
        # Open to the jailed user of another jail that mounts it; the folder around it keeps everyone else out.
        inner.chmod(0o755)
        supervisor = Supervisor(lambda: jail._start(placed), placed := replace(task, sockets=inner), jail)
        supervisor.begin()
        service = Service(supervisor, inner, socket)
        try:
            _wait_until_ready(service, ready, min(ready_timeout_s, task.limits.timeout_s))
            yield service
        finally:
            service.close()
            if service.alive:
                service.kill()
    finally:
        remove_tree(folder)


def _wait_until_ready(service: Service, ready: str | None, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    pause, last, answered = 0.005, "nothing listened on its socket", False
    while (left := deadline - time.monotonic()) > 0:
        if (finished := service.finished) is not None:
            raise ServiceDied(f"the service ended before it was ready: {how(finished)}", finished)
        try:
            if ready is None:
                service.connect(timeout_s=left).close()
                return
            answer = service.request("GET", ready, deadline_s=min(left, 5.0))
            if answer.is_success:
                return
            last, answered = f"GET {ready} answered {answer.status_code}", True
        except httpx.TimeoutException:
            # The last try may have had next to no time: an answer that was seen before tells more.
            if not answered:
                last = f"GET {ready} was not answered within {min(left, 5.0):.1g} s"
        except (httpx.TransportError, OSError) as error:
            if not isinstance(error, FileNotFoundError) and "No such file" not in str(error):
                last = str(error) or type(error).__name__
        service.wait(pause)
        pause = min(pause * 1.5, 0.1)
    finished = service.kill()
    raise ServiceNotReady(f"the service was not ready after {timeout_s:g} s: {last}", finished)


def how(finished: Finished) -> str:
    """In a few words how a command ended."""
    if finished.limit:
        return f"it met the limit on {finished.limit}"
    if finished.signal:
        return f"signal {finished.signal}"
    return f"exit status {finished.exit_status}"


__all__ = ["Service", "how", "serving"]
