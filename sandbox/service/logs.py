"""Logs: one JSON object a line, in Elastic Common Schema. No address, no header and no body of a client is ever in them."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import ecs_logging
import orjson

from sandbox.service.errors import ServiceError

SERVICE = "flight-delay"
ECS_VERSION = "1.6.0"  # what ecs-logging writes, so that all lines say the same
Write = Callable[[bytes], None]
_LONGEST_PATH = 200


class Lines:
    """Writes lines to several places, all lines of one turn of the event loop at once.

    A place that cannot be written to any more (a closed pipe, a full disk) is given up: no log line is worth a request.
    """

    def __init__(self, places: Sequence[BinaryIO]) -> None:
        self._places = list(places)
        self._waiting: list[bytes] = []

    def write(self, line: bytes) -> None:
        """Take one line, with its line end."""
        self._waiting.append(line)
        if len(self._waiting) > 1:
            return
        try:
            asyncio.get_running_loop().call_soon(self.flush)
        except RuntimeError:  # no loop: before it starts, and after it ended
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        waiting, self._waiting = self._waiting, []
        content = b"".join(waiting)
        for place in list(self._places):
            try:
                place.write(content)
                place.flush()
            except (OSError, ValueError):
                self._places.remove(place)


def open_lines(file: Path | None = None) -> Lines:
    """Standard output, and a file to append to where one is named (ServiceError where it cannot be opened)."""
    places: list[BinaryIO] = [sys.stdout.buffer]
    if file is not None:
        try:
            places.append(file.open("ab"))
        except OSError as error:
            raise ServiceError(f"the log file cannot be opened: {error}\nName another one with --log.") from error
    return Lines(places)


class _Handler(logging.Handler):
    def __init__(self, write: Write) -> None:
        super().__init__()
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(Exception):
            self._write(self.format(record).encode() + b"\n")


def configure(write: Write) -> logging.Logger:
    """Send the service's own messages, and warnings of its libraries, through `write`; gives the service's logger."""
    handler = _Handler(write)
    handler.setFormatter(ecs_logging.StdlibFormatter(extra={"service.name": SERVICE}, exclude_fields=["log.original"]))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logger = logging.getLogger(SERVICE)
    logger.setLevel(logging.INFO)
    return logger


def access(method: str, path: str, status: int, duration_ns: int, request_id: str, model_version: str) -> bytes:
    """The line of one answered request.

    Written by hand: a logging formatter would take longer than the prediction.
    """
    path = path[:_LONGEST_PATH]
    line: bytes = orjson.dumps(
        {
            "@timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "log.level": "error" if status >= 500 else "info",
            "message": f"{method} {path} {status}",
            "ecs.version": ECS_VERSION,
            "service": {"name": SERVICE},
            "event": {
                "dataset": f"{SERVICE}.access",
                "duration": duration_ns,
                "outcome": "success" if status < 400 else "failure",
            },
            "http": {"request": {"id": request_id, "method": method}, "response": {"status_code": status}},
            "url": {"path": path},
            "labels": {"model_version": model_version},
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )
    return line
