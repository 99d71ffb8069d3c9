"""What the benchmarks of servers hold a server to before they measure it. No time is asserted anywhere."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.benchmarks import Table, __main__, bench_peers, serving
from tests.benchmarks.reference import numbers
from tests.benchmarks.serving import FLIGHT, Seen, Way

ANSWERS: dict[str, Any] = {
    "MLServer": {"outputs": [{"data": [0.4, 0.6]}]},
    "KServe": {"predictions": [0.6]},
    "BentoML": [0.6],
    "LitServe": {"probability": 0.6},
}


class Echo(BaseHTTPRequestHandler):
    """Gives a flight's distance as its probability."""

    def do_POST(self) -> None:
        flight = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"probability": flight["distance"]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_a_wrong_probability_is_found_before_anything_is_measured(url: str) -> None:
    way = Way("echo", lambda port: [], probability=lambda answer: float(answer["probability"]))
    flights = [{"distance": number / 10} for number in range(10)]
    serving.check(way, url, lambda flight: float(flight["distance"]), flights)
    with pytest.raises(RuntimeError, match="it gives 0.5 where scikit-learn gives 0.6"):
        serving.check(way, url, lambda flight: 0.6 if flight["distance"] == 0.5 else float(flight["distance"]), flights)


def test_a_server_that_ends_is_named_with_its_last_words() -> None:
    way = Way("broken", lambda port: [sys.executable, "-c", "raise SystemExit('no model here')"])
    with pytest.raises(RuntimeError, match="status 1: no model here"), serving.serving(way, Seen()):
        pass


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_each_peer_gets_the_same_numbers_and_is_understood(name: str, tmp_path: Path) -> None:
    way = bench_peers.way(name, tmp_path / "bin", tmp_path / "model.joblib")
    assert json.dumps(numbers(FLIGHT))[1:-1] in json.dumps(way.body(FLIGHT))
    assert way.probability
    assert way.probability(ANSWERS[name]) == 0.6


def test_a_peer_that_does_not_install_says_why_and_names_no_address() -> None:
    with pytest.raises(bench_peers.NotInstalledError, match=r"no such thing at the package index"):
        bench_peers._run([sys.executable, "-c", "raise SystemExit('no such thing at https://example.org/simple')"])


def test_what_fetches_is_run_only_when_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def module(name: str) -> SimpleNamespace:
        asked.append(name.rpartition("bench_")[2])
        return SimpleNamespace(TITLE=name, measure=lambda quick: Table(("way",), ()))

    monkeypatch.setenv("SANDBOX_STATE", str(tmp_path))
    monkeypatch.setattr(__main__, "import_module", module)
    monkeypatch.setattr(__main__.signal, "signal", lambda *_: None)
    assert import_module("tests.benchmarks.bench_peers").TITLE
    __main__.main([])
    assert "service" in asked
    assert "peers" not in asked
    __main__.main(["peers"])
    assert asked[-1] == "peers"
