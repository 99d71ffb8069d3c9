"""LitServe with batching, its fast queue (ZeroMQ) and one worker."""

from __future__ import annotations

import os

import joblib
import litserve
import numpy as np
from numpy.typing import NDArray


class FlightDelay(litserve.LitAPI):  # type: ignore[misc]
    """The model; requests that meet are one call of `predict`."""

    def setup(self, device: str) -> None:
        self.pipeline = joblib.load(os.environ["BENCH_MODEL"])

    # LitServe reads the annotation of `request` when it runs: without one, the request is plain JSON.
    def decode_request(self, request) -> NDArray[np.float32]:  # type: ignore[no-untyped-def]
        return np.asarray(request["row"], np.float32)

    def predict(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        probabilities: NDArray[np.float64] = self.pipeline.predict_proba(rows)[:, 1]
        return probabilities

    def encode_response(self, probability: np.float64) -> dict[str, float]:
        return {"probability": float(probability)}


if __name__ == "__main__":
    api = FlightDelay(max_batch_size=64, batch_timeout=0.001)
    server = litserve.LitServer(api, accelerator="cpu", devices=1, workers_per_device=1, fast_queue=True)
    server.run(
        host="127.0.0.1",
        port=int(os.environ["BENCH_PORT"]),
        num_api_servers=1,
        generate_client_file=False,
        log_level="error",
        access_log=False,
    )
