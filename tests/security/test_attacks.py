"""Every attack of the corpus against every wall that promises to stop it.

What one attack tries is judged by its own words and limits; beside that, each must leave the host as it was: no
connection arrived, no signal, no file made, no secret read, no process left, and a fresh command finds Python clean.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from sandbox.jail import Finished, Jail, Limits
from tests.security.corpus import Attack, attacks

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PAIRS = [
    pytest.param(attack, wall, id=f"{attack.name}-{wall}", marks=[pytest.mark.needs("docker")] * (wall == "docker"))
    for attack in attacks()
    for wall in attack.walls
]
NEIGHBOUR = "import os,socket,time; s=socket.socket(socket.AF_UNIX); s.bind('/run/sockets/http.sock'); s.listen(); time.sleep(99)"


@dataclass
class Host:
    """What an attack might reach: baits that it must not touch."""

    folder: Path
    tcp: socket.socket
    unix: socket.socket
    abstract: str
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    # No other process of the machine has this number of seconds on its command line.
    mark: str = field(default_factory=lambda: f"9{secrets.randbelow(10**7):07d}.{secrets.randbelow(10**7):07d}")
    signals: list[int] = field(default_factory=list)

    def fill(self, text: str) -> str:
        words = {
            "PORT": self.tcp.getsockname()[1], "ABSTRACT": self.abstract, "TOKEN": self.token, "MARK": self.mark,
            "JUDGE": os.getpid(), "SECRET": self.folder / "secret", "TRAP": self.folder / "open" / "trap",
            "HOME": Path.home(), "ROOT": ROOT,
        }  # fmt: skip
        for name, value in words.items():
            text = text.replace(f"@{name}@", str(value))
        return text

    def connections(self) -> int:
        count = 0
        for listener in (self.tcp, self.unix):
            with contextlib.suppress(BlockingIOError):
                listener.accept()
                count += 1
        return count

    def left(self) -> list[int]:
        """Processes of the attack that are alive after a while."""
        deadline = time.monotonic() + 15
        while True:
            found = [
                process.pid
                for process in psutil.process_iter(["cmdline", "status"])
                if self.mark in " ".join(process.info["cmdline"] or ()) and process.info["status"] != "zombie"
            ]
            if not found or time.monotonic() > deadline:
                return found
            time.sleep(0.05)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    # Not pytest's own folder, which only its owner may enter: the wall alone must keep the attack out of this one.
    folder = Path(tempfile.mkdtemp(prefix="bait-"))
    folder.chmod(0o755)
    (folder / "open").mkdir()
    (folder / "open").chmod(0o777)
    abstract = f"judge-{secrets.token_hex(8)}"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(f"\0{abstract}")
        unix.listen()
        tcp.setblocking(False)
        unix.setblocking(False)
        bait = Host(folder, tcp, unix, abstract)
        (folder / "secret").write_text(bait.token)
        monkeypatch.setenv("JUDGE_TOKEN", bait.token)
        before = signal.signal(signal.SIGUSR1, lambda number, _: bait.signals.append(number))
        try:
            yield bait
        finally:
            signal.signal(signal.SIGUSR1, before)
            shutil.rmtree(folder)


@pytest.mark.parametrize(("attack", "wall"), PAIRS)
def test_attack_is_held(attack: Attack, wall: str, host: Host, open_wall: Callable[[str], Jail]) -> None:
    jail = open_wall(wall)
    files = {name: host.fill(text) for name, text in attack.files.items()}
    files["attack.py"] = host.fill(attack.code) + "\nprint('tried', flush=True)\n"
    with contextlib.ExitStack() as beside:
        if attack.neighbour:
            argv = ["python", "-c", NEIGHBOUR, "neighbour-process"]
            beside.enter_context(jail.serve(argv, files={"neighbour.txt": host.token}, ready=None))
        seen = jail.run(["python", "attack.py"], files=files, limits=Limits(**attack.limits), collect=attack.collect)
    judge_by_its_words(attack, seen)
    assert host.connections() == 0
    assert host.signals == []
    assert host.token not in seen.output and host.token.encode() not in b"".join(seen.files.values())
    assert not (host.folder / "open" / "trap").exists()
    assert host.left() == []
    after = jail.run(["python", "-c", "print('clean')"])
    assert after.output == "clean\n"


def judge_by_its_words(attack: Attack, seen: Finished) -> None:
    assert "reached" not in seen.stdout, seen.stdout[-2000:]
    assert len(seen.stdout) <= 1 << 20 and len(seen.stderr) <= 1 << 20
    if seen.limit is not None and seen.exit_status is None:
        assert seen.limit in attack.limit, seen
        return
    assert not attack.must_end, f"nothing ended it: {seen}"
    if seen.exit_status is None:
        assert "none" in attack.limit, seen
        return
    if not attack.silent:
        assert seen.exit_status == attack.status, seen
        assert seen.stdout.endswith("tried\n"), f"the attack broke down before its end: {seen.stderr[-2000:]}"
