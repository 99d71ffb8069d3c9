"""`python -m service`: serve until SIGTERM, finish what is in flight, end with status 0."""

from __future__ import annotations

import os
import signal

import uvicorn

# uvicorn raises the signal again when it has finished; that must not turn an orderly end into a failure.
signal.signal(signal.SIGTERM, lambda number, frame: None)
uvicorn.run(
    "service.app:app",
    host=os.environ.get("SERVICE_HOST", "127.0.0.1"),
    port=int(os.environ.get("SERVICE_PORT", "8000")),
    timeout_graceful_shutdown=8,
)
