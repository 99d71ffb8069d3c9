"""The model service that live labs are graded against: the running sandbox's, or a private one for a calibration."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from sandbox.course import Course, CourseError

DEFAULT_PORT = 8000


def running_service(course: Course) -> dict[str, str]:
    """Where the sandbox's own service should answer: what the environment, then ``.env`` say, else the default port."""
    port = os.environ.get("SANDBOX_SERVICE_PORT") or _from_env_file(course.root / ".env") or str(DEFAULT_PORT)
    return {"url": f"http://127.0.0.1:{port}", "log": str(course.state / "logs" / "service.log")}


def _from_env_file(path: Path) -> str:
    if not path.is_file():
        return ""
    pairs = (line.partition("=") for line in path.read_text("utf-8").splitlines())
    return next((value.strip() for key, _, value in pairs if key.strip() == "SANDBOX_SERVICE_PORT"), "")


@contextlib.contextmanager
def private_service(course: Course) -> Iterator[dict[str, str]]:
    """A model service of one's own on a free port, with a log of its own, until the block ends."""
    models = course.state / "models" / "current"
    _call("prepare", "--models", str(models), "--if-needed")
    with tempfile.TemporaryDirectory(prefix="service-") as folder, open(Path(folder) / "out", "wb") as out:
        log, port = Path(folder) / "service.log", free_port()
        arguments = ["serve", "--models", str(models), "--port", str(port), "--log", str(log)]
        process = subprocess.Popen([sys.executable, "-m", "sandbox.service", *arguments], stdout=out, stderr=out)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, process, Path(folder) / "out")
            yield {"url": url, "log": str(log)}
        finally:
            process.terminate()
            process.wait(timeout=30)


def free_port() -> int:
    """A TCP port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _call(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "sandbox.service", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise CourseError(f"The model could not be prepared: {done.stderr[-800:]}")


def _wait(url: str, process: subprocess.Popen[bytes], out: Path, limit_s: float = 60) -> None:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/readyz", timeout=2).status_code == 200:
                return
        time.sleep(0.1)
    raise CourseError(f"The model service did not get ready: {out.read_text('utf-8', 'replace')[-800:]}")
