"""Run a list of commands one after the other, inside the jail, beside a way to the emulated cloud.

The judge passes a plan as JSON on standard input and reads one JSON line per step from standard output:
``{"token", "name", "exit", "out", "err", "seconds"}``; ``exit`` is null where the step ran out of its time. The token comes
with the plan. What a submission runs (a ``local-exec``, say) is a process of the same user beside this one, and can find a
way to the same standard output; it does not know the token, and `hide` keeps it from reading it here.

A step has a ``kind``:

* ``run``: run ``argv`` to its end.
* ``hold``: start ``argv`` with its standard input left open and wait until it prints ``until`` (or ends).
* ``kill``: kill what ``hold`` left waiting, as a lost machine would: with SIGKILL.
* ``provider``: start a provider in the form in which it serves any number of commands (``-debug``), and name it, under its
  ``address``, to the commands of the steps after it. A provider takes a third of a second of CPU time to start, and a
  command starts it once for each of its phases.

In ``argv`` the word ``{lock}`` stands for the ID of the state lock that an earlier step was told of. A step that does not
end with a status in ``ok`` stops the run, unless it has ``"go_on": true``. Only the standard library is used here.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import re
import signal
import sys
import time
from typing import Any

KEPT = 240_000
REATTACH = re.compile(rb"TF_REATTACH_PROVIDERS='(\{.*\})'")
LOCK = re.compile(r"^\W*ID:\s+([0-9a-f-]{8,64})\s*$", re.MULTILINE)


async def bridge(port: int, socket: str) -> asyncio.Server:
    """Listen on the jail's loopback and pass every connection on to the cloud's unix socket."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # one side hung up: the other learns it from the close below
        finally:
            writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_unix_connection(socket)
        except OSError:
            writer.close()
            return
        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))

    return await asyncio.start_server(connected, "127.0.0.1", port)


class Steps:
    """The run of one plan."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.held: asyncio.subprocess.Process | None = None
        self.lock = ""
        self.env: dict[str, str] = {}
        self.provider_process: asyncio.subprocess.Process | None = None

    async def all(self) -> None:
        server = await bridge(self.plan["port"], self.plan["socket"]) if self.plan.get("socket") else None
        try:
            for step in self.plan["steps"]:
                started = time.monotonic()
                status, out, err = await getattr(self, step.get("kind", "run"))(step)
                seen = LOCK.search(err) or LOCK.search(out)
                self.lock = seen.group(1) if seen else self.lock
                self.tell(step, status, out, err, started)
                if status not in step.get("ok", [0]) and not step.get("go_on"):
                    break
        finally:
            self.end_held()
            if self.provider_process:
                kill(self.provider_process)
            if server:
                server.close()

    def tell(self, step: dict[str, Any], status: int | None, out: str, err: str, started: float) -> None:
        """Write a step's line."""
        line = {"name": step["name"], "exit": status, "out": keep(out, step), "err": keep(err, step)}
        line |= {"token": self.plan.get("token", ""), "seconds": round(time.monotonic() - started, 2)}
        print(json.dumps(line), flush=True)

    async def start(
        self, step: dict[str, Any], stdin: int, stderr: int = asyncio.subprocess.PIPE
    ) -> asyncio.subprocess.Process:
        argv = [self.lock if word == "{lock}" else word for word in step["argv"]]
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            *argv, cwd=step.get("cwd", "."), env=os.environ | self.env | step.get("env", {}), stdin=stdin, stdout=pipe, stderr=stderr,
            start_new_session=True,
        )  # fmt: skip

    async def run(self, step: dict[str, Any]) -> tuple[int | None, str, str]:
        process = await self.start(step, asyncio.subprocess.DEVNULL)
        try:
            out, err = await asyncio.wait_for(process.communicate(), step.get("timeout", 240))
        except TimeoutError:
            kill(process)
            out, err = await process.communicate()
            return None, text(out), text(err)
        return process.returncode, text(out), text(err)

    async def hold(self, step: dict[str, Any]) -> tuple[int | None, str, str]:
        process = self.held = await self.start(step, asyncio.subprocess.PIPE)
        assert process.stdout and process.stderr
        seen = b""
        try:
            async with asyncio.timeout(step.get("timeout", 240)):
                while step["until"].encode() not in seen:
                    data = await process.stdout.read(65536)
                    if not data:
                        # It ended by itself: there was nothing to wait for.
                        return await process.wait(), text(seen), text(await process.stderr.read())
                    seen += data
        except TimeoutError:
            self.end_held()
            return None, text(seen), ""
        return 0, text(seen), ""

    async def kill(self, step: dict[str, Any]) -> tuple[int | None, str, str]:
        self.end_held()
        return 0, "", ""

    async def provider(self, step: dict[str, Any]) -> tuple[int | None, str, str]:
        # What it logs is nobody's: a pipe that no one reads would fill, and the provider would wait.
        nowhere = asyncio.subprocess.DEVNULL
        process = self.provider_process = await self.start(step, nowhere, nowhere)
        assert process.stdout
        seen = b""
        try:
            async with asyncio.timeout(step.get("timeout", 240)):
                while not (found := REATTACH.search(seen)):
                    data = await process.stdout.read(65536)
                    if not data:
                        return await process.wait() or 1, text(seen), ""
                    seen += data
        except TimeoutError:
            return None, text(seen), ""
        # It names itself as Terraform does; OpenTofu has another name for it.
        (server,) = json.loads(found[1]).values()
        self.env["TF_REATTACH_PROVIDERS"] = json.dumps({step["address"]: server})
        return 0, "", ""

    def end_held(self) -> None:
        if self.held:
            kill(self.held)
            self.held = None


def hide() -> None:
    """Keep other processes of this user from reading this one's memory, descriptors and environment."""
    if sys.platform == "linux":
        pr_set_dumpable = 4
        ctypes.CDLL(None).prctl(pr_set_dumpable, 0, 0, 0, 0)


def kill(process: asyncio.subprocess.Process) -> None:
    # It may have been quicker.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def keep(output: str, step: dict[str, Any]) -> str:
    """What is worth passing on: all of what is to be parsed, the first part of everything else."""
    limit = KEPT * 3 if step.get("parsed") else KEPT // 6
    return output[:limit]


if __name__ == "__main__":
    hide()
    asyncio.run(Steps(json.load(sys.stdin)).all())
