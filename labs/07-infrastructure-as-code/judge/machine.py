"""A machine that Terraform runs on: a fresh jail for each visit, with the emulated cloud on its loopback."""

from __future__ import annotations

import json
import random
import re
import secrets
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.jail import Files, Finished, Jail, Limits

PORT = 5000
ENDPOINT = f"http://127.0.0.1:{PORT}"
PROGRAM = "/tools/terraform"
LIMITS = Limits(timeout_s=600, cpu_s=240, memory_mb=6000, processes=1000, file_mb=64, disk_mb=128)
PROVIDER = "provider"
BOX = re.compile(r"^[\s│╷╵]*", re.MULTILINE)
OUTSIDE = re.compile(r"([a-z0-9.-]+\.amazonaws\.com)")
REFUSED = re.compile(r"dial tcp ([0-9.:\[\]a-f]+): connect: connection refused")
UNREACHED = (
    "no such host",
    "server misbehaving",
    "i/o timeout",
    "network is unreachable",
    "dial tcp",
    "connection refused",
)


@dataclass(frozen=True)
class Step:
    """One command's end; ``status`` is None where it ran out of its time or never ran."""

    name: str
    status: int | None = None
    out: str = ""
    err: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return self.status == 0

    def json(self) -> Any:
        """What ``-json`` printed, or None where it is no JSON."""
        try:
            return json.loads(self.out)
        except ValueError:
            return None

    def problem(self) -> str:
        """What went wrong, in Terraform's own words, shortened; with a word of ours where those mislead."""
        if self.status is None and not (self.out or self.err):
            return "it did not run, or not to its end"
        text = BOX.sub("", self.err or self.out)
        if (host := OUTSIDE.search(text)) and any(word in text for word in UNREACHED):
            return (
                f"it talks to real AWS ({host.group(1)}), which no check can reach. The emulated cloud's address comes from the "
                "environment (AWS_ENDPOINT_URL); something in your configuration names another"
            )
        if (port := REFUSED.search(text)) and not port.group(1).endswith(f":{PORT}"):
            return (
                f"it talks to {port.group(1)}, where nothing listens. The emulated cloud's address comes from the environment "
                "(AWS_ENDPOINT_URL); something in your configuration names another"
            )
        if "Lifecycle Configuration" in text and "timeout while waiting for state" in text:
            return (
                "the lifecycle rule never came to be what your code says. The emulated cloud keeps no newer_noncurrent_versions and no "
                "sizes of objects (the contract says so): leave them out"
            )
        start = text.find("Error: ")
        if self.status is None:
            return "it was stopped, since it was not done in its time"
        lines = [line.strip() for line in text[max(start, 0) :].splitlines() if line.strip()]
        return " ".join(lines[:7])[:900] or f"exit status {self.status}, without a word"


@dataclass(frozen=True)
class Visit:
    """All steps of one visit to a machine, by name."""

    steps: Mapping[str, Step]
    finished: Finished

    def __getitem__(self, name: str) -> Step:
        return self.steps.get(name, Step(name))

    def first_bad(self, ok: Mapping[str, tuple[int, ...]] | None = None) -> Step | None:
        """The first step that did not end well, or None."""
        return next((step for step in self.steps.values() if step.status not in (ok or {}).get(step.name, (0,))), None)


@dataclass(frozen=True)
class Machines:
    """Makes machines.

    Attributes:
        plugin: the AWS provider's program, relative to ``mirror``: ``HOST/hashicorp/aws/VERSION/OS_ARCH/PROGRAM``.
        cloud: the host's folder with the cloud's socket, or None for a machine without a cloud.
        key, secret: the credentials of this run, new each time, so that a leak can be told from all else.
    """

    jail: Jail
    program: Path
    mirror: Path
    plugin: Path
    judge: Path
    configuration: Path
    cloud: Path | None
    key: str
    secret: str = field(repr=False)

    def visit(
        self,
        files: Files,
        steps: Sequence[Mapping[str, Any]],
        *,
        limits: Limits = LIMITS,
        cwd: str = ".",
        collect: Sequence[str] = (),
    ) -> Visit:
        """Run the steps on a fresh machine that holds ``files``; nothing of an earlier visit is left there.

        Args:
            collect: files to bring back, in ``Visit.finished.files``.
        """
        mounts = {
            "/judge/steps.py": self.judge / "steps.py",
            "/judge/terraform.rc": self.configuration,
            "/plugins": self.mirror,
            PROGRAM: self.program,
        }
        token = secrets.token_hex(16)
        plan: dict[str, Any] = {"token": token, "port": PORT, "steps": [{"cwd": cwd, **step} for step in steps]}
        if self.cloud:
            mounts["/run/cloud"] = self.cloud
            plan["socket"] = "/run/cloud/http.sock"
        argv = ["python", "-I", "/judge/steps.py"]
        done = self.jail.run(
            argv,
            files=files,
            env=self.environment(),
            stdin=json.dumps(plan).encode(),
            limits=limits,
            mounts=mounts,
            collect=collect,
        )
        steps_done = read_steps(done.stdout, token)
        if not steps_done and done.exit_status:
            # The script writes a line for its first step whatever that does: so it never came to be, and nobody's work is to blame.
            raise RuntimeError(f"the judge's script did not run (status {done.exit_status}): {done.stderr[-400:]}")
        if (provider := steps_done.get(PROVIDER)) and not provider.ok:
            raise RuntimeError(f"the AWS provider did not start: {provider.problem()}")
        return Visit(steps_done, done)

    def provider(self) -> dict[str, Any]:
        """A step: one provider for the commands of all steps after it, so that it starts once and not for each phase of each.

        All configurations of the provider in one command then share their settings. So it serves what has one configuration
        only, and plans of which only matters whether an input was refused.
        """
        return {"name": PROVIDER, "kind": "provider", "argv": [f"/plugins/{self.plugin.as_posix()}", "-debug"],
                "address": "/".join(self.plugin.parts[:3])}  # fmt: skip

    def environment(self) -> dict[str, str]:
        """What a terraform command finds in its environment; the page says the same."""
        return {
            "AWS_ENDPOINT_URL": ENDPOINT, "AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "3", "TF_CLI_CONFIG_FILE": "/judge/terraform.rc", "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            # No garbage is collected below the limit, which no command comes near: a third of the CPU time of each.
            "GOGC": "off", "GOMEMLIMIT": "1500MiB",
        }  # fmt: skip


def read_steps(output: str, token: str) -> dict[str, Step]:
    """The steps' lines, by name. A line without the token was not written by the judge's script."""
    steps: dict[str, Step] = {}
    for line in output.splitlines():
        try:
            said = json.loads(line)
            step = Step(str(said["name"]), said["exit"], str(said["out"]), str(said["err"]), float(said["seconds"]))
        except (ValueError, KeyError, TypeError):
            continue
        if said.get("token") != token:
            continue
        if step.status is None or isinstance(step.status, int):
            steps.setdefault(step.name, step)
    return steps


def stream(step: Step) -> Iterator[dict[str, Any]]:
    """The messages of a command that was run with ``-json``, one a line."""
    for line in step.out.splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict):
            yield said


def terraform(name: str, *words: str, **more: Any) -> dict[str, Any]:
    """A step that runs terraform; ``more`` as in ``steps.py``."""
    return {"name": name, "argv": [PROGRAM, *words], **more}


def fresh_credentials(rng: random.Random) -> tuple[str, str]:
    """An access key and a secret of the usual form, that nothing else contains."""
    key = "AKIA" + "".join(rng.choices(string.ascii_uppercase + "234567", k=16))
    return key, "".join(rng.choices(string.ascii_letters + string.digits, k=40))
