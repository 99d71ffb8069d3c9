"""A list of students and their git repositories, and the files of the last commit that counts."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sandbox.classroom.intake import Entry
from sandbox.classroom.policy import Policy
from sandbox.classroom.unpack import BadArchive
from sandbox.errors import UserError
from sandbox.jail import open_jail
from sandbox.jail.git import GitRefused, files_at, history, last_before

STUDENT = ("student", "id", "identifier", "github_username", "username")
REPOSITORY = ("repository", "url", "repo", "path", "student_repository_url", "clone")
REMOTE = re.compile(r"\w+://|[\w.-]+@?[\w.-]+:")
"""An address, and no path: ``https://…``, ``ssh://…``, ``git@host:…``."""
NOT_FOUND = 127
CLONE_S = 300
"""Seconds that fetching one repository may take."""
CLONE_MB = 1_000
"""The largest file that fetching may write, which is the repository's pack."""


def is_list(source: Path) -> bool:
    """Whether this is a list of repositories and no folder of submissions."""
    return source.is_file() and source.suffix.lower() == ".csv"


def read_list(source: Path) -> list[Entry]:
    """Every line of a CSV with a column of students and one of repositories (addresses or paths of clones).

    Raises:
        UserError: it lacks one of the columns or holds no lines.
    """
    with source.open(encoding="utf-8-sig", newline="") as file:
        rows = [{str(k).casefold().strip(): (v or "").strip() for k, v in row.items()} for row in csv.DictReader(file)]
    entries: list[Entry] = []
    for row in rows:
        student = next((row[name] for name in STUDENT if row.get(name)), "")
        address = next((row[name] for name in REPOSITORY if row.get(name)), "").removeprefix("file://")
        if student:
            problem = "" if address else "the list names no repository"
            attempt = sum(entry.student == student for entry in entries)
            path = Path(address.rpartition("/")[2]) if REMOTE.match(address) else source.parent / address
            entries.append(
                Entry(student, row.get("name") or student, path, attempt=attempt, problem=problem, repository=address)
            )
    if not entries:
        raise UserError(f"{source} lists no repositories.", "It needs the columns student and repository.")
    return entries


def fetch(entry: Entry, policy: Policy, wall: str, target: Path) -> None:
    """Put the files of the last commit before the student's due date into ``target``; without a due date, of the newest.

    The time of a commit is what its author's machine said. It decides which commit is meant, no more: when a commit
    was pushed is known to the host of the repository only.

    Raises:
        BadArchive: there is no such commit, or it is no repository that can be read.
        UserError: it could not be fetched.
    """
    with tempfile.TemporaryDirectory(prefix="clone-") as name, open_jail(wall, own_work=False) as jail:
        repository = (
            _clone(entry.repository, Path(name) / "clone.git") if REMOTE.match(entry.repository) else entry.path
        )
        if not repository.is_dir():
            raise UserError(f"{repository} is no folder.", "Paths in the list are taken from where the list lies.")
        due = policy.due_for({entry.student, entry.name})
        try:
            commits = history(jail, repository)
            if due is None:
                commit = commits[0] if commits else None
            else:
                until = due if due.tzinfo else due.replace(tzinfo=UTC)
                commit = last_before(commits, until + timedelta(minutes=policy.late.grace_minutes))
            if commit is None:
                raise BadArchive(f"the repository holds no commit before {due or datetime.now(UTC):%Y-%m-%d %H:%M %Z}")
            snapshot = files_at(jail, repository, commit.hash)
        except GitRefused as error:
            raise BadArchive(str(error).replace("\n", " ")) from None
    for path, content in snapshot.files.items():
        file = target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _clone(address: str, target: Path) -> Path:
    # Bare: nothing is checked out, so that no filter, hook or submodule of the repository ever runs here.
    command = [
        "sh", "-c", f'ulimit -f {CLONE_MB * 2048}; exec "$@"', "sh",
        "git", "-c", f"core.hooksPath={os.devnull}", "-c", "protocol.allow=never", "-c", "protocol.https.allow=always",
        "-c", "protocol.ssh.allow=always", "-c", "core.askPass=", "-c", "credential.interactive=false",
        "clone", "--quiet", "--bare", "--no-tags", "--template=", "--", address, str(target),
    ]  # fmt: skip
    env = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=env, stdin=subprocess.DEVNULL, timeout=CLONE_S)  # fmt: skip
    except subprocess.TimeoutExpired:
        raise UserError(f"{address} could not be fetched within {CLONE_S} s.", "Run the same command again.") from None
    if done.returncode == NOT_FOUND:
        raise UserError("git is not installed.", "Install git and run the same command again.")
    if done.returncode:
        raise UserError(f"{address} could not be fetched: {done.stderr.strip()[-300:]}", "Is the address right?")
    return target
