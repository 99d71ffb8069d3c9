from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from sandbox.jail import Jail, ServiceDied, ServiceNotReady
from sandbox.jail.transport import JailTransport, Refused, connect

APP = """
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await receive()
    status = 404 if scope["path"] == "/missing" else 200
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})
"""
UVICORN = ["python", "-m", "uvicorn", "app:app", "--log-level", "warning"]


def test_a_service_on_its_socket(jail: Jail) -> None:
    argv = [*UVICORN, "--uds", "/run/sockets/http.sock"]
    with jail.serve(argv, files={"app.py": APP}) as service:
        assert service.alive and service.finished is None
        assert service.client.get("/hello").text == "/hello"
        assert service.request("GET", "/missing").status_code == 404
        assert service.pid_memory_mb() > 5
        finished = service.stop()
        with pytest.raises(httpx.TransportError):
            service.request("GET", "/hello", deadline_s=1)
    assert not finished.timed_out
    assert finished.signal in (None, signal.SIGTERM)
    assert not service.alive and service.pid_memory_mb() == 0


def test_a_service_on_a_port_through_the_bridge(jail: Jail) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    argv = [*UVICORN, "--port", str(port)]
    with jail.serve(argv, files={"app.py": APP}, bridge={"web.sock": port}, socket="web.sock") as service:
        answers = [service.client_for("web.sock").get(f"/{number}").text for number in range(20)]
    assert answers == [f"/{number}" for number in range(20)]


def test_one_that_ends_early(jail: Jail) -> None:
    with pytest.raises(ServiceDied, match="exit status 4") as caught, jail.serve(["sh", "-c", "echo why >&2; exit 4"]):
        pass
    assert caught.value.finished.stderr == "why\n"


def test_one_that_never_listens(jail: Jail) -> None:
    with pytest.raises(ServiceNotReady, match="nothing listened"), jail.serve(["sleep", "60"], ready_timeout_s=0.5):
        pass


def test_one_that_is_never_healthy_says_what_it_answered(jail: Jail) -> None:
    argv = [*UVICORN, "--uds", "/run/sockets/http.sock"]
    with (
        pytest.raises(ServiceNotReady, match="GET /missing answered 404"),
        jail.serve(argv, files={"app.py": APP}, ready="/missing", ready_timeout_s=5),
    ):
        pass


def test_one_that_does_not_stop_when_asked_is_killed(jail: Jail) -> None:
    program = """
import os, signal, socket, time
signal.signal(signal.SIGTERM, lambda *_: print("asked", flush=True))
listener = socket.socket(socket.AF_UNIX)
listener.bind(os.environ["JAIL_SOCKETS"] + "/http.sock")
listener.listen()
while True:
    time.sleep(60)
"""
    with jail.serve(["python", "-c", program], ready=None) as service:
        finished = service.stop(timeout_s=0.5)
    assert finished.timed_out and finished.stdout == "asked\n"


# A hostile server, without a jail around it: the transport alone must cope.


@contextmanager
def server(tmp_path: Path, speak: Callable[[socket.socket], None]) -> Iterator[httpx.Client]:
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()

        def work() -> None:
            try:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    speak(connection)
            except OSError:
                pass  # the client went away, as it should

        threading.Thread(target=work, daemon=True).start()
        owner = (tmp_path / "s").stat().st_uid
        transport = JailTransport(
            lambda timeout_s: connect(tmp_path, "s", timeout_s, [owner]), deadline_s=1.0, answer_bytes=100_000
        )
        with httpx.Client(transport=transport, base_url="http://service") as client:
            yield client


def forever(data: bytes, pause_s: float = 0.0) -> Callable[[socket.socket], None]:
    def speak(connection: socket.socket) -> None:
        while True:
            connection.sendall(data)
            time.sleep(pause_s)

    return speak


def after(head: bytes, rest: Callable[[socket.socket], None]) -> Callable[[socket.socket], None]:
    def speak(connection: socket.socket) -> None:
        connection.sendall(head)
        rest(connection)

    return speak


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "speak",
    [
        pytest.param(lambda connection: time.sleep(5), id="silence"),
        pytest.param(forever(b"x", 0.05), id="no HTTP"),
        pytest.param(after(OK, forever(b"X-More: header\r\n")), id="endless headers"),
        pytest.param(after(OK, forever(b"X", 0.05)), id="a header that trickles"),
        pytest.param(forever(b"HTTP/1.1 100 Continue\r\n\r\n"), id="endless interim answers"),
        pytest.param(after(OK + b"Content-Length: 50\r\n\r\n", forever(b"x", 0.1)), id="a body that trickles"),
        pytest.param(after(OK + b"Content-Length: 9999999\r\n\r\n", forever(b"x" * 9999)), id="a huge body"),
        pytest.param(after(OK + b"\r\n", forever(b"x" * 9999)), id="an endless body"),
        pytest.param(
            after(OK + b"Transfer-Encoding: chunked\r\n\r\n", forever(b"1\r\nx\r\n", 0.01)), id="endless chunks"
        ),
        pytest.param(lambda connection: None, id="hangs up"),
    ],
)
def test_every_request_ends(tmp_path: Path, speak: Callable[[socket.socket], None]) -> None:
    with server(tmp_path, speak) as client, pytest.raises(httpx.TransportError):
        client.get("/", timeout=60)


def test_a_compressed_bomb_stays_packed(tmp_path: Path) -> None:
    import gzip

    bomb = gzip.compress(bytes(20 << 20))
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: " + str(len(bomb)).encode() + b"\r\n\r\n"
    with server(tmp_path, lambda connection: connection.sendall(head + bomb)) as client:
        assert client.get("/").content == bomb


def test_a_redirect_leads_nowhere_else(tmp_path: Path) -> None:
    head = OK.replace(b"200 OK", b"302 Found") + b"Location: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with server(tmp_path, lambda connection: connection.sendall(head)) as client:
        assert client.get("/").status_code == 302


def test_only_a_socket_of_the_jails_is_connected_to(tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(tmp_path / "real"))
        listener.listen()
        owner = (tmp_path / "real").stat().st_uid
        connect(tmp_path, "real", 1, [owner]).close()
        (tmp_path / "link").symlink_to(tmp_path / "real")
        (tmp_path / "file").write_text("")
        with pytest.raises(Refused, match="another user"):
            connect(tmp_path, "real", 1, [owner + 1])
        for name in ("link", "file"):
            with pytest.raises(Refused, match="not a socket"):
                connect(tmp_path, name, 1, [owner])
