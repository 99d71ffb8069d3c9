"""Runs first in the jail: lays out the machine around one run of a workflow, then becomes `act`.

Usage: ``drive.py ACT EVENT WORKFLOW ARGUMENTS…``. In the working folder lie ``origin`` (the repository as GitHub has it,
at the commit to check), ``event.json`` and ``uses.txt`` (a line for each remote action that the workflow names).
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

ACTIONS = ("checkout", "setup-python", "cache", "upload-artifact", "download-artifact")


def main(act: str, event: str, workflow: str, arguments: list[str]) -> None:
    job, machine = Path.cwd(), Path(__file__).resolve().parent
    for name in ("home", "artifacts", "runner", "evidence"):
        (job / name).mkdir(exist_ok=True)
    for file in (machine / "actions").rglob("action.yml"):
        target = job / file.relative_to(machine)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(
            file.read_text("utf-8").replace("@PYTHON@", sys.executable).replace("@MACHINE@", str(machine))
        )
    local = []
    for use in (job / "uses.txt").read_text("utf-8").split():
        repository, _, ref = use.partition("@")
        owner, _, name = repository.partition("/")
        folder = name.split("/")[0]
        if owner == "actions" and folder in ACTIONS:
            local += ["--local-repository", f"{owner}/{folder}@{ref}={job / 'actions' / folder}"]
    temporary = os.environ["TMPDIR"]
    environment = {
        # No Python of the machine's own: a workflow gets one from setup-python, as it should.
        "PATH": f"{system_programs(job)}:/usr/bin:/bin:/usr/sbin:/sbin",
        "HOME": str(job / "home"),
        "LANG": "C.UTF-8",
        "STANDIN_HOME": str(job / "runner"),
        "STANDIN_ORIGIN": str(job / "origin"),
        "STANDIN_ARTIFACTS": str(job / "artifacts"),
        "STANDIN_TEMPORARY": temporary,
        "STANDIN_EVIDENCE": str(job / "evidence"),
        **{name: os.environ[name] for name in os.environ if name.startswith(("STANDIN_", "OPENBLAS_", "OMP_"))},
        "PYTHONDONTWRITEBYTECODE": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    os.chdir(job / "origin")
    os.execve(act, [
        act, event, "--json", "--workflows", workflow, "--eventpath", str(job / "event.json"),
        "-P", "ubuntu-latest=-self-hosted", "-P", "ubuntu-24.04=-self-hosted", "-P", "ubuntu-22.04=-self-hosted",
        "--no-cache-server", "--artifact-server-addr", "127.0.0.1", "--no-skip-checkout", "--concurrent-jobs", "1",
        "--action-cache-path", str(job / "runner" / "jobs"), "--defaultbranch", "main", *local, *arguments,
    ], environment)  # fmt: skip


def system_programs(job: Path) -> str:
    """A folder that comes first on PATH and hides the system's own Python."""
    folder = job / "runner" / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("python", "python3", "pip", "pip3"):
        script = folder / name
        script.write_text(f"#!/bin/sh\necho '{name}: not found: no step has set up Python in this job' >&2\nexit 127\n")
        script.chmod(0o755)
    return str(folder)


if __name__ == "__main__":
    shutil.rmtree("home", ignore_errors=True)
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
