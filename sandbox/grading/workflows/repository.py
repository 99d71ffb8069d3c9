"""Makes the repositories that a workflow is run on: a history, tags, and one new commit on a branch or a pull request."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

Tree = dict[str, bytes]

OWNER_AND_NAME = "skyline/flightdelay"
PULL = 41
"""The number of the pull request."""


@dataclass(frozen=True)
class Look:
    """What every commit of one grading run has in common, so that nothing but its files tells good from bad."""

    author: str
    message: str
    time: int


@dataclass(frozen=True)
class Made:
    """A repository on disk, at the commit that the event is about.

    Attributes:
        folder: its work tree, with `.git`.
        sha: the commit that `github.sha` names (for a pull request the merge).
        before: where the target branch stood.
        head: the newest commit of the author.
        earlier: the author's commit before that one, where the event brings two.
    """

    folder: Path
    sha: str
    before: str
    head: str
    earlier: str = ""


def make(
    folder: Path, releases: list[tuple[str, Tree]], base: Tree, change: Tree, *, branch: str, look: Look, pull: str = "",
    earlier: Tree | None = None,
) -> Made:  # fmt: skip
    """Write a repository.

    Args:
        releases: version → files, the oldest first; each becomes a commit on main with the tag `vVERSION`.
        base: the files of `branch` before the change.
        change: the files after it.
        branch: the branch that is pushed to, or that the pull request wants to go into.
        pull: the name of the pull request's own branch; without one the change is pushed to `branch`.
        earlier: the files after an earlier commit of the same push or pull request, where it brings two.
    """
    stream: list[bytes] = []
    marks = 0

    def commit(ref: str, tree: Tree, parents: list[int]) -> int:
        nonlocal marks
        marks += 1
        who = f"{look.author} <dev@example.org> {look.time + marks * 60} +0000".encode()
        text = look.message.encode()
        stream.append(
            b"commit %s\nmark :%d\nauthor %s\ncommitter %s\ndata %d\n%s\n"
            % (ref.encode(), marks, who, who, len(text), text)
        )
        for number, parent in enumerate(parents):
            stream.append(b"%s :%d\n" % (b"merge" if number else b"from", parent))
        stream.append(b"deleteall\n")
        for name, content in sorted(tree.items()):
            mode = b"100755" if content.startswith(b"#!") else b"100644"
            stream.append(b"M %s inline %s\ndata %d\n%s\n" % (mode, _quoted(name), len(content), content))
        return marks

    parents: list[int] = []
    for version, tree in releases:
        parents = [commit("refs/heads/main", tree, parents)]
        stream.append(b"reset refs/tags/v%s\nfrom :%d\n\n" % (version.encode(), parents[0]))
    before = commit("refs/heads/main", base, parents)
    target = f"refs/heads/{branch}"
    if branch != "main":
        stream.append(b"reset %s\nfrom :%d\n\n" % (target.encode(), before))
    onto = before
    if earlier is not None:
        onto = commit(f"refs/pull/{PULL}/head" if pull else target, earlier, [before])
    if pull:
        head = commit(f"refs/pull/{PULL}/head", change, [onto])
        newest = commit(f"refs/pull/{PULL}/merge", change, [before, head])
    else:
        newest = head = commit(target, change, [onto])

    folder.mkdir(parents=True)
    _git(folder, "init", "--quiet", "--template=", "--initial-branch=main")
    with open(folder / ".git" / "config", "a", encoding="utf-8") as config:
        config.write(
            f'[uploadpack]\n\tallowAnySHA1InWant = true\n[remote "origin"]\n\turl = https://github.com/{OWNER_AND_NAME}\n'
        )
    _git(folder, "fast-import", "--quiet", "--export-marks=.git/marks", stdin=b"".join(stream))
    names = dict(line.split() for line in (folder / ".git" / "marks").read_text().splitlines())
    (folder / ".git" / "marks").unlink()
    _git(folder, "checkout", "--quiet", "--force", *(["--detach", names[f":{newest}"]] if pull else [branch]))
    two = names[f":{onto}"] if earlier is not None else ""
    return Made(folder, names[f":{newest}"], names[f":{before}"], names[f":{head}"], two)


def read_tree(folder: Path, names: list[str] | None = None) -> Tree:
    """The regular files of a folder (or those of these names), by their path in it."""
    paths = [folder / name for name in names] if names is not None else sorted(folder.rglob("*"))
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in paths
        if path.is_file()
        and not path.is_symlink()
        and not {"__pycache__", ".git"} & set(path.relative_to(folder).parts)
    }


def _quoted(name: str) -> bytes:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'.encode("utf-8", "surrogateescape")


def _git(folder: Path, *arguments: str, stdin: bytes | None = None) -> None:
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    subprocess.run(
        ["git", "-c", f"core.hooksPath={os.devnull}", *arguments],
        cwd=folder,
        check=True,
        input=stdin,
        env=environment,
        capture_output=True,
    )
