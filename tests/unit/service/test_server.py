"""The service as a process: it starts, says so, finishes what it began, and ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.service.model import Model

from .conftest import FLIGHT, Serve, Served


def run(*arguments: str, stdin: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sandbox.service", *arguments]
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=60, env=os.environ | environment
    )


def test_it_answers_over_http(http: httpx.Client, model: Model, flight: dict[str, Any]) -> None:
    assert http.get("/readyz").json() == {"status": "ready"}
    assert http.post("/predict", json=flight).json()["model_version"] == model.card.version


def test_connections_are_kept_and_survive_refusals(http: httpx.Client, flight: dict[str, Any]) -> None:
    for body in (flight, {}, flight, [], flight):
        http.post("/predict", json=body)
    assert http.post("/predict", json=flight).status_code == 200


def test_a_huge_body_is_answered_with_413_and_the_service_lives(served: Served, http: httpx.Client) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n[")
        answer = connection.makefile("rb").read()  # the service closes, though the body never came
    assert answer.startswith(b"HTTP/1.1 413 ") and b"application/problem+json" in answer
    assert http.get("/readyz").status_code == 200


@pytest.mark.parametrize(
    "raw", [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"POST /predict HTTP/1.1\r\ncontent-length: x\r\n\r\n"]
)
def test_what_is_no_http_harms_nobody(served: Served, http: httpx.Client, raw: bytes) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()
    assert not answer or answer.startswith(b"HTTP/1.1 4")
    assert http.get("/readyz").status_code == 200


def test_a_client_that_hangs_up_in_its_body_is_logged_and_harms_nobody(served: Served, http: httpx.Client) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nhost: x\r\nx-request-id: gone\r\ncontent-length: 500\r\n\r\n{")
    deadline = time.monotonic() + 10
    while not any(line.get("http", {}).get("request", {}).get("id") == "gone" for line in served.lines()):
        assert time.monotonic() < deadline, "the request was never logged"
        time.sleep(0.02)
    assert http.get("/readyz").status_code == 200
    assert not any(line["log.level"] == "error" for line in served.lines())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_in_flight_is_finished_and_then_it_ends(serve: Serve, number: signal.Signals) -> None:
    service = serve()
    body = json.dumps(FLIGHT).encode()
    head = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body)
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        connection.sendall(head + body[:40])
        wait_until_in_flight(service)
        service.process.send_signal(number)
        while is_listening(service.port):
            time.sleep(0.02)
        assert service.process.poll() is None, "it ended though a request was in flight"
        connection.sendall(body[40:])
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200 ") and b'"probability"' in answer
    assert service.process.wait(timeout=20) == 0
    last = service.lines()[-1]
    assert (last["message"], last["event"]["action"]) == ("stopped", "stop")


def wait_until_in_flight(service: Served) -> None:
    deadline = time.monotonic() + 10
    while "http_requests_in_flight 2.0" not in httpx.get(f"{service.url}/metrics").text:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def test_every_line_is_json_also_in_the_log_file_and_without_uvicorn_s_own(serve: Serve, tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    log.write_text('{"message": "of an earlier run"}\n')
    service = serve("--log", str(log))
    httpx.get(f"{service.url}/healthz")
    service.process.terminate()
    service.process.wait(timeout=20)
    printed, kept = service.log.read_text(), log.read_text()
    assert kept == '{"message": "of an earlier run"}\n' + printed
    lines = service.lines()
    assert [line["message"].split(" ")[0] for line in lines] == ["serving", "listening", "GET", "stopped"]
    assert all(line["service"]["name"] == "flight-delay" and line["ecs.version"] for line in lines)


def test_it_listens_on_a_unix_socket(serve: Serve, tmp_path: Path, flight: dict[str, Any]) -> None:
    path = tmp_path / "http.sock"
    serve("--uds", str(path))
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://service") as client:
        assert client.post("/predict", json=flight).status_code == 200


def test_a_taken_port_is_told(served: Served, models: Path) -> None:
    ended = run("serve", "--models", str(models), "--port", str(served.port))
    assert ended.returncode == 1
    assert f"cannot listen on 127.0.0.1:{served.port}" in ended.stderr and "SERVICE_PORT" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_no_model_is_told(tmp_path: Path) -> None:
    for command in ("serve", "predict"):
        ended = run(command, "--models", str(tmp_path / "none"), stdin="[]")
        assert ended.returncode == 1
        assert f"prepare --models {tmp_path / 'none'}" in ended.stderr and "Traceback" not in ended.stderr


def test_settings_come_from_the_environment_too(models: Path, tmp_path: Path) -> None:
    ended = run("serve", SERVICE_MODELS=str(tmp_path / "none"), SERVICE_PORT="0")
    assert ended.returncode == 1 and str(tmp_path / "none") in ended.stderr
    assert run("serve", SERVICE_PORT="many", SERVICE_MODELS=str(models)).returncode == 2


def test_a_log_that_cannot_be_written_is_told(models: Path, tmp_path: Path) -> None:
    ended = run("serve", "--models", str(models), "--port", "0", "--log", str(tmp_path / "no" / "such" / "folder"))
    assert ended.returncode == 1 and "--log" in ended.stderr


def test_predicting_offline_gives_the_bytes_of_the_service(models: Path, http: httpx.Client) -> None:
    sampled = run("sample", "--month", "8", "--count", "1000", "--seed", "4").stdout
    offline = run("predict", "--models", str(models), stdin=sampled)
    online = http.post("/predict", content=sampled.encode())
    assert offline.stdout.encode() == online.content + b"\n"
    assert len(online.json()) == 1000
    one_by_one = [http.post("/predict", json=flight).json() for flight in json.loads(sampled)[:50]]
    assert one_by_one == online.json()[:50]


def test_predicting_offline_refuses_in_words(models: Path) -> None:
    ended = run("predict", "--models", str(models), stdin='[{"carrier": "ZZ"}]')
    assert ended.returncode == 1
    assert "0.carrier" in ended.stderr and "Traceback" not in ended.stderr


def test_a_sample_can_be_read_in_part(models: Path) -> None:
    command = f"{sys.executable} -m sandbox.service sample --count 20000 | head -n 2"
    ended = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60)
    assert ended.stdout.startswith('[\n{"carrier"') and ended.stderr == ""


def test_preparing_says_what_it_does_and_is_quick_the_second_time(tmp_path: Path) -> None:
    refused = run("prepare", "--models", str(tmp_path), "--train-months", "12")
    assert refused.returncode == 1 and "--train-months 12" in refused.stderr
    assert run("prepare").returncode == 2


@pytest.mark.slow
def test_the_default_model_is_prepared_once(tmp_path: Path) -> None:
    first = run("prepare", "--models", str(tmp_path), "--if-needed")
    made = (tmp_path / "card.json").stat()
    second = run("prepare", "--models", str(tmp_path), "--if-needed")
    assert (first.returncode, second.returncode, first.stdout, second.stdout) == (0, 0, "", "")
    assert "training on 160,678 flights" in first.stderr and "published" in first.stderr
    assert len(second.stderr.splitlines()) == 1 and "already" in second.stderr
    assert (tmp_path / "card.json").stat().st_mtime_ns == made.st_mtime_ns


def test_serving_imports_no_training_code() -> None:
    """Start-up, memory and the image are small because of it."""
    code = "import sys, sandbox.service.server; print(sorted({'sklearn', 'skops', 'skl2onnx', 'pandas', 'onnx', 'scipy'} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.stdout.strip() == "[]", ended.stderr


def test_the_service_imports_nothing_of_the_course() -> None:
    package = Path(__file__).parents[3] / "sandbox" / "service"
    imports = [
        (path.name, line.strip())
        for path in package.rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if line.strip().startswith(("from sandbox", "import sandbox")) and "sandbox.service" not in line
    ]
    assert imports == []
