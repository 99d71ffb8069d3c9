"""Run the service: sockets, signals, start and end."""

from __future__ import annotations

import gc
import logging
import signal
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from sandbox.service import logs, model
from sandbox.service.api import create_app
from sandbox.service.errors import ServiceError

SECONDS_TO_FINISH = 30
"""How long requests in flight may take after SIGTERM."""


@dataclass(frozen=True)
class Settings:
    """Where to listen, and what to serve."""

    models: Path
    host: str = "127.0.0.1"
    port: int = 8000
    uds: Path | None = None
    log: Path | None = None


class _Server(uvicorn.Server):
    """Says when it listens: a start that was asked for and one that succeeded are two things."""

    def __init__(self, config: uvicorn.Config, address: str, began: float) -> None:
        super().__init__(config)
        self._address = address
        self._began = began

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        took = time.perf_counter_ns() - int(self._began * 1e9)
        logging.getLogger(logs.SERVICE).info(
            "listening on %s", self._address, extra={"event.action": "start", "event.duration": took}
        )


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are finished first.

    Raises:
        ServiceError: there is no whole model, the address is taken, or the log cannot be written.
    """
    began = time.perf_counter()
    lines = logs.open_lines(settings.log)
    logger = logs.configure(lines.write)
    listening, address = _listen(settings)
    served = model.load(settings.models)
    app = create_app(served, write=lines.write)
    config = uvicorn.Config(
        app,
        uds=str(settings.uds) if settings.uds else None,
        access_log=False,
        log_config=None,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
    )
    logger.info(
        "serving %s %s", served.card.name, served.card.version, extra={"labels.model_version": served.card.version}
    )
    # Everything made so far lives as long as the process: the collector need never look at it again.
    gc.collect()
    gc.freeze()
    # Once it has stopped, uvicorn raises the signal again for whoever set a handler first. We only want to end well.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    _Server(config, address, began).run(sockets=[listening] if listening else None)
    logger.info("stopped", extra={"event.action": "stop"})
    lines.flush()


def _listen(settings: Settings) -> tuple[socket.socket | None, str]:
    """A bound socket and its address; for a unix socket uvicorn makes it."""
    if settings.uds:
        return None, f"unix:{settings.uds}"
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    bound = socket.socket(family)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((settings.host, settings.port))
    except OSError as error:
        bound.close()
        raise ServiceError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}.\n"
            "Choose another with --port or SERVICE_PORT, or stop what listens there."
        ) from error
    bound.set_inheritable(True)
    return bound, f"http://{settings.host}:{bound.getsockname()[1]}"
