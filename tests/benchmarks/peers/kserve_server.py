"""KServe's model server, as its guide to custom models has it: version 1 of its protocol, REST only, no line for each request.

KServe's batcher is a sidecar in Go that a cluster puts in front of the server; outside a cluster there is none.
"""

from __future__ import annotations

import logging
import os
from typing import Any

import joblib
import kserve
import numpy as np


class FlightDelay(kserve.Model):  # type: ignore[misc]
    """The model, loaded before the server starts."""

    def __init__(self) -> None:
        super().__init__("flight-delay")
        self.pipeline = joblib.load(os.environ["BENCH_MODEL"])
        self.ready = True

    async def predict(self, payload: dict[str, Any], headers: dict[str, str] | None = None) -> dict[str, Any]:
        rows = np.asarray(payload["instances"], np.float32)
        return {"predictions": self.pipeline.predict_proba(rows)[:, 1].tolist()}


if __name__ == "__main__":
    server = kserve.ModelServer(
        http_port=int(os.environ["BENCH_PORT"]), enable_grpc=False, enable_latency_logging=False
    )
    for name in ("kserve.trace", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.ERROR)
    server.start([FlightDelay()])
