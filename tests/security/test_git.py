"""Repositories that are traps: reading their history runs nothing of theirs and reads nothing but them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sandbox.jail import Jail
from sandbox.jail.git import Commit, GitRefused, files_at, history, last_before

pytestmark = pytest.mark.needs("git")

CLEAN = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_ALLOW_PROTOCOL": "file"}
WALLS = ["bubblewrap", pytest.param("docker", marks=[pytest.mark.slow, pytest.mark.needs("docker")]), "process"]


def git(folder: Path, *arguments: str, stdin: bytes | None = None, at: str = "") -> bytes:
    """Run git as the one who lays the trap."""
    env = {**CLEAN, **({"GIT_COMMITTER_DATE": at, "GIT_AUTHOR_DATE": at} if at else {})}
    words = ["git", "-C", str(folder), "-c", "user.name=Learner", "-c", "user.email=learner@localhost"]
    done = subprocess.run([*words, *arguments], check=True, capture_output=True, input=stdin, env=env)
    return done.stdout.strip()


@dataclass
class Trap:
    """A repository with one commit, a file of the host that must stay unread, and a path that must not come to be."""

    work: Path
    sprung: Path
    secret: Path

    def config(self, text: str) -> None:
        with (self.work / ".git" / "config").open("a") as config:
            config.write(text.replace("@RUN@", f"touch {self.sprung}"))

    def commit(self, at: str = "") -> None:
        git(self.work, "add", "-A")
        git(self.work, "commit", "-q", "-m", "work", at=at)


@pytest.fixture
def trap() -> Iterator[Trap]:
    folder = Path(tempfile.mkdtemp(prefix="bait-"))
    folder.chmod(0o777)
    work = folder / "work"
    git(folder, "init", "-q", "-b", "main", str(work))
    (work / "answer.txt").write_bytes(b"forty-two\r\n")
    (folder / "secret").write_text("solutions")
    made = Trap(work, folder / "sprung", folder / "secret")
    made.commit()
    yield made
    shutil.rmtree(folder)


def _fsmonitor(trap: Trap) -> None:
    trap.config('[core]\n\tfsmonitor = "@RUN@; false"\n\tpager = "@RUN@"\n\teditor = "@RUN@"\n')


def _hooks(trap: Trap) -> None:
    for name in ("post-checkout", "pre-auto-gc", "reference-transaction", "post-index-change"):
        hook = trap.work / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {trap.sprung}\n")
        hook.chmod(0o755)


def _aliases(trap: Trap) -> None:
    names = ("rev-list", "ls-tree", "cat-file", "log")
    trap.config("[alias]\n" + "".join(f'\t{name} = "!@RUN@"\n' for name in names))


def _filters(trap: Trap) -> None:
    trap.config('[filter "evil"]\n\tsmudge = "@RUN@"\n\tclean = "@RUN@"\n\tprocess = "@RUN@"\n\trequired = true\n')
    (trap.work / ".git" / "info").mkdir(exist_ok=True)
    (trap.work / ".git" / "info" / "attributes").write_text("* filter=evil diff=evil\n")


def _textconv(trap: Trap) -> None:
    trap.config('[diff "evil"]\n\ttextconv = "@RUN@"\n\tcommand = "@RUN@"\n[diff]\n\texternal = "@RUN@"\n')
    (trap.work / ".git" / "info").mkdir(exist_ok=True)
    (trap.work / ".git" / "info" / "attributes").write_text("* diff=evil\n")


def _ssh_command(trap: Trap) -> None:
    # A partial clone fetches what is missing, by a command of its own choice.
    trap.config(
        '[core]\n\trepositoryformatversion = 1\n\tsshCommand = "@RUN@"\n\tgitProxy = "@RUN@"\n'
        '[extensions]\n\tpartialClone = evil\n[remote "evil"]\n\turl = ssh://host/x\n\tpromisor = true\n'
    )


def _included_config(trap: Trap) -> None:
    (trap.work / "more").write_text(
        f'[core]\n\tfsmonitor = "touch {trap.sprung}; false"\n[gpg]\n\tprogram = /bin/false\n'
    )
    trap.config("[include]\n\tpath = ../more\n[log]\n\tshowSignature = true\n[color]\n\tui = always\n")


def _broken_config(trap: Trap) -> None:
    trap.config("[this is no configuration\n")


HARMLESS: list[Callable[[Trap], None]] = [
    _fsmonitor, _hooks, _aliases, _filters, _textconv, _ssh_command, _included_config, _broken_config,
]  # fmt: skip


@pytest.mark.parametrize("wall", WALLS)
@pytest.mark.parametrize("attack", HARMLESS, ids=lambda lay: f"git{lay.__name__.replace('_', '-')}")
def test_settings_of_a_repository_run_nothing(
    trap: Trap, wall: str, attack: Callable[[Trap], None], open_wall: Callable[[str], Jail]
) -> None:
    attack(trap)
    commits = history(open_wall(wall), trap.work)
    assert len(commits) == 1
    assert files_at(open_wall(wall), trap.work, commits[0].hash).files == {"answer.txt": b"forty-two\r\n"}
    assert not trap.sprung.exists()


def _linked_git(trap: Trap) -> None:
    other = trap.secret.parent / "other"
    shutil.move(trap.work / ".git", other)
    (trap.work / ".git").symlink_to(other)


def _gitdir_file(trap: Trap) -> None:
    other = trap.secret.parent / "other"
    shutil.move(trap.work / ".git", other)
    (trap.work / ".git").write_text(f"gitdir: {other}\n")


def _linked_objects(trap: Trap) -> None:
    other = trap.secret.parent / "objects"
    shutil.move(trap.work / ".git" / "objects", other)
    (trap.work / ".git" / "objects").symlink_to(other)


def _linked_head(trap: Trap) -> None:
    (trap.work / ".git" / "HEAD").unlink()
    (trap.work / ".git" / "HEAD").symlink_to(trap.secret)


def _pipe_for_refs(trap: Trap) -> None:
    os.mkfifo(trap.work / ".git" / "packed-refs")


def _no_commit(trap: Trap) -> None:
    shutil.rmtree(trap.work / ".git" / "refs" / "heads")


REFUSED: list[Callable[[Trap], None]] = [
    _linked_git, _gitdir_file, _linked_objects, _linked_head, _pipe_for_refs, _no_commit,
]  # fmt: skip


@pytest.mark.parametrize("wall", WALLS)
@pytest.mark.parametrize("attack", REFUSED, ids=lambda lay: f"git{lay.__name__.replace('_', '-')}")
def test_a_repository_that_leads_elsewhere_is_refused(
    trap: Trap, wall: str, attack: Callable[[Trap], None], open_wall: Callable[[str], Jail]
) -> None:
    attack(trap)
    with pytest.raises(GitRefused) as refused:
        history(open_wall(wall), trap.work)
    assert refused.value.fix and "solutions" not in str(refused.value)


@pytest.mark.parametrize("wall", WALLS[:2])
def test_objects_of_another_repository_are_out_of_reach(
    trap: Trap, wall: str, open_wall: Callable[[str], Jail]
) -> None:
    other = trap.secret.parent / "other"
    shutil.copytree(trap.work, other)
    (trap.work / ".git" / "objects" / "info").mkdir(exist_ok=True)
    (trap.work / ".git" / "objects" / "info" / "alternates").write_text(f"{other}/.git/objects\n")
    for folder in (trap.work / ".git" / "objects").iterdir():
        if len(folder.name) == 2:
            shutil.rmtree(folder)
    with pytest.raises(GitRefused):
        history(open_wall(wall), trap.work)


def _tree(trap: Trap, entries: bytes) -> str:
    name = git(trap.work, "mktree", "--missing", "-z", stdin=entries).decode()
    return git(trap.work, "commit-tree", name, "-m", "crafted").decode()


def test_names_that_lead_out_and_links_and_submodules_are_left_out(
    trap: Trap, open_wall: Callable[[str], Jail]
) -> None:
    blob = git(trap.work, "hash-object", "-w", "--stdin", stdin=b"content")
    one = git(trap.work, "mktree", stdin=b"100644 blob " + blob + b"\thooks\n")
    entries = [
        b"040000 tree " + one + b"\t..",
        b"040000 tree " + one + b"\t.GIT",
        b"100644 blob " + blob + b"\tnew\nline",
        b"100644 blob " + blob + b"\t\x1b[2Jscreen",
        b"100644 blob " + blob + b"\tnot-\xff-utf8",
        b"120000 blob " + blob + b"\tlink",
        b"160000 commit " + b"1" * 40 + b"\tmodule",
        b"100755 blob " + blob + b"\tgood.sh",
        b"100644 blob " + b"2" * 40 + b"\tlost",
    ]
    commit = _tree(trap, b"\0".join(entries) + b"\0")
    seen = files_at(open_wall("bubblewrap"), trap.work, commit)
    assert dict(seen.files) == {"good.sh": b"content"}
    assert set(seen.left_out) == {
        "../hooks", ".GIT/hooks", "new\nline", "\x1b[2Jscreen", "not-\ufffd-utf8", "link", "module", "lost",
    }  # fmt: skip
    assert seen.left_out["link"] == "a link" and seen.left_out["module"] == "a submodule"


def test_a_blob_that_unpacks_to_more_than_the_limit_is_refused(trap: Trap, open_wall: Callable[[str], Jail]) -> None:
    (trap.work / "bomb").write_bytes(bytes(60 << 20))
    trap.commit()
    assert sum(path.stat().st_size for path in (trap.work / ".git").rglob("*")) < 1 << 20
    with pytest.raises(GitRefused, match="too large"):
        files_at(open_wall("bubblewrap"), trap.work, "HEAD")


@pytest.mark.parametrize("revision", ["--output=/tmp/x", "-p", "HEAD..main", "a b", "main\n", "", "$(id)", "HEAD^{/x}"])
def test_what_is_no_revision_never_reaches_git(trap: Trap, revision: str, open_wall: Callable[[str], Jail]) -> None:
    for read in (history, files_at):
        with pytest.raises(GitRefused):
            read(open_wall("bubblewrap"), trap.work, revision)


def test_the_last_commit_before_a_date(trap: Trap, open_wall: Callable[[str], Jail]) -> None:
    jail = open_wall("bubblewrap")
    for day in (2, 4):
        (trap.work / "answer.txt").write_text(f"day {day}")
        trap.commit(at=f"2021-03-0{day}T12:00:00+0200")
    git(trap.work, "pack-refs", "--all")
    git(trap.work, "gc", "-q")
    commits = history(jail, trap.work, "main")
    assert len(commits) == 3
    noon = datetime(2021, 3, 4, 10, 0, tzinfo=UTC)
    on_time = last_before(commits, noon)
    earlier = last_before(commits, noon - timedelta(seconds=1))
    assert on_time == Commit(commits[0].hash, noon) and earlier is not None
    assert files_at(jail, trap.work, earlier.hash).files == {"answer.txt": b"day 2"}
    assert last_before(commits, datetime(2020, 1, 1, tzinfo=UTC)) is None


def test_a_bare_repository_and_none_at_all(trap: Trap, tmp_path: Path, open_wall: Callable[[str], Jail]) -> None:
    bare = tmp_path / "bare"
    git(tmp_path, "clone", "-q", "--bare", str(trap.work), str(bare))
    assert len(history(open_wall("bubblewrap"), bare)) == 1
    with pytest.raises(GitRefused, match="no git repository"):
        history(open_wall("bubblewrap"), tmp_path)
