"""HTTP over a unix socket to a service that may be hostile: every request has a deadline and a size limit as a whole."""

from __future__ import annotations

import os
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpcore
import httpx

DEADLINE_S = 30.0
ANSWER_BYTES = 16 << 20


class Refused(OSError):
    """What lies at the socket's place is not a socket of the jail's."""


def connect(folder: Path, name: str, timeout_s: float | None, owners: Iterable[int]) -> socket.socket:
    """Connect to a unix socket that a jailed process made, and to nothing else.

    A link in its place is not followed, and the very file that was looked at is connected to. Linux can do that through
    a handle on the file; elsewhere the path itself is used after the look.

    Raises:
        Refused: the file is no socket, or not one of ``owners``.
        OSError: nothing is there, or nobody listens.
    """
    path = str(folder / name)
    handle: int | None = None
    if hasattr(os, "O_PATH"):
        handle = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = os.fstat(handle) if handle is not None else os.lstat(path)
        if not stat.S_ISSOCK(status.st_mode):
            raise Refused(f"{name} is not a socket")
        if status.st_uid not in set(owners):
            raise Refused(f"{name} belongs to another user")
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(timeout_s)
            connection.connect(f"/proc/self/fd/{handle}" if handle is not None else path)
        except BaseException:
            connection.close()
            raise
        return connection
    finally:
        if handle is not None:
            os.close(handle)


class _Budget(threading.local):
    """What is left for the request that this thread makes."""

    deadline: float = float("inf")
    bytes: int = ANSWER_BYTES

    def timeout(self, wanted: float | None) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the whole answer took too long")
        return left if wanted is None else min(left, wanted)


class _Stream(httpcore.NetworkStream):
    def __init__(self, connection: socket.socket, budget: _Budget) -> None:
        self._connection = connection
        self._budget = budget

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._connection.settimeout(self._budget.timeout(timeout))
        try:
            data = self._connection.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout("no answer in time") from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error
        self._budget.bytes -= len(data)
        if self._budget.bytes < 0:
            raise httpcore.ReadError("the answer is larger than is read")
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        while buffer:
            self._connection.settimeout(self._budget.timeout(timeout))
            try:
                sent = self._connection.send(buffer)
            except TimeoutError as error:
                raise httpcore.WriteTimeout("the request was not read in time") from error
            except OSError as error:
                raise httpcore.WriteError(str(error)) from error
            buffer = buffer[sent:]

    def close(self) -> None:
        self._connection.close()

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return _has_input(self._connection)
        return None


def _has_input(connection: socket.socket) -> bool:
    """Whether something can be read, or the other side has closed: such a connection is not used again."""
    try:
        connection.settimeout(0)
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


class _Backend(httpcore.NetworkBackend):
    def __init__(self, open_socket: Callable[[float | None], socket.socket], budget: _Budget) -> None:
        self._open = open_socket
        self._budget = budget

    def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        raise httpcore.ConnectError("a jailed service is reached through its socket only")

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Any = None
    ) -> httpcore.NetworkStream:
        try:
            return _Stream(self._open(self._budget.timeout(timeout)), self._budget)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("no connection in time") from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error


class JailTransport(httpx.HTTPTransport):
    """A transport whose every request ends: by its answer, its deadline or its size.

    An answer's ``Content-Encoding`` is dropped, so a compressed one arrives as it is on the wire: a small body that
    unpacks to gigabytes stays small. Redirects stay on the same socket, wherever they point.

    Args:
        open_socket: makes a connection within so many seconds.
        deadline_s: seconds for one request with its whole answer; a request's own timeouts hold beside it.
        answer_bytes: bytes of one answer, with its headers.
    """

    def __init__(
        self,
        open_socket: Callable[[float | None], socket.socket],
        *,
        deadline_s: float = DEADLINE_S,
        answer_bytes: int = ANSWER_BYTES,
    ) -> None:
        super().__init__(uds="jail")
        self._budget = _Budget()
        self._deadline_s = deadline_s
        self._answer_bytes = answer_bytes
        self._pool = httpcore.ConnectionPool(
            uds="jail", network_backend=_Backend(open_socket, self._budget), max_connections=100, retries=0
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        extra = request.extensions.get("jail", {})
        self._budget.deadline = time.monotonic() + float(extra.get("deadline_s", self._deadline_s))
        self._budget.bytes = int(extra.get("answer_bytes", self._answer_bytes))
        response = super().handle_request(request)
        if "content-encoding" in response.headers:
            del response.headers["content-encoding"]
        return response
