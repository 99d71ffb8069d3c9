from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox.jail import FilesRefused, Jail, JailError, Limits


def test_status_streams_and_files(jail: Jail) -> None:
    seen = jail.run(
        ["sh", "-c", "cat src/in.txt; cat >&2; mkdir out; echo made >out/a; exit 3"],
        files={"src/in.txt": "given\n"},
        stdin=b"typed\n",
        collect=["out", "missing"],
    )
    assert (seen.exit_status, seen.signal, seen.limit, seen.truncated) == (3, None, None, False)
    assert (seen.stdout, seen.stderr) == ("given\n", "typed\n")
    assert dict(seen.files) == {"out/a": b"made\n"}
    assert seen.argv[0] == "sh" and seen.duration_s > 0


def test_a_signal_is_no_exit_status(jail: Jail) -> None:
    seen = jail.run(["sh", "-c", "kill -SEGV $$"])
    assert (seen.exit_status, seen.signal) == (None, 11)
    assert not seen.ok


def test_a_signal_while_files_are_collected(jail: Jail) -> None:
    seen = jail.run(["sh", "-c", "echo kept >a; kill -KILL $$"], collect=["a"])
    assert (seen.exit_status, seen.signal) == (None, 9)
    assert dict(seen.files) == {"a": b"kept\n"}
    assert seen.stderr == ""


def test_a_program_that_is_not_there(jail: Jail) -> None:
    seen = jail.run(["no-such-program"])
    assert seen.exit_status == 127
    assert "no-such-program" in seen.stderr


@pytest.mark.parametrize("status", [0, 1, 2, 124, 125, 126, 127, 128, 255])
def test_every_status_of_a_command_is_its_own(jail: Jail, status: int) -> None:
    assert jail.run(["sh", "-c", f"exit {status}"]).exit_status == status


def test_words_arrive_as_they_are(jail: Jail) -> None:
    words = ["", "a b", "'", '"', "$HOME", "`id`", "new\nline", "--", "é", "*"]
    seen = jail.run(["python", "-c", "import sys; print(ascii(sys.argv[1:]))", *words])
    assert seen.stdout == ascii(words) + "\n"


def test_environment_and_folder(jail: Jail) -> None:
    seen = jail.run(
        ["sh", "-c", 'pwd; echo "$NAME"; touch "$HOME/x" "$TMPDIR/y" "$JAIL_SOCKETS/z" && echo written'],
        files={"sub/dir/": ""},
        env={"NAME": "a 'b' \"c\""},
        cwd="sub/dir",
    )
    lines = seen.stdout.splitlines()
    assert lines[0].endswith("job/sub/dir")
    assert lines[1:] == ["a 'b' \"c\"", "written"]


def test_a_folder_to_start_in_that_is_not_there_is_the_jails_failure(jail: Jail) -> None:
    with pytest.raises(JailError, match="could not be set up"):
        jail.run(["true"], cwd="nowhere")


def test_standard_input_is_empty_unless_given(jail: Jail) -> None:
    assert jail.run(["cat"]).stdout == ""


def test_python_has_the_courses_packages(jail: Jail) -> None:
    seen = jail.run(["python", "-c", "import httpx, numpy; print(numpy.zeros(2).sum())"])
    assert seen.stdout == "0.0\n", seen.stderr


def test_undecodable_output_is_kept_readable(jail: Jail) -> None:
    assert jail.run(["printf", r"\377ok"]).stdout == "\ufffdok"


def test_time_is_up(jail: Jail) -> None:
    seen = jail.run(["sh", "-c", "echo first; sleep 60"], limits=Limits(timeout_s=0.5))
    assert seen.timed_out and seen.limit == "time"
    assert (seen.exit_status, seen.signal, seen.stdout) == (None, 9, "first\n")


def test_mounts_are_seen(jail: Jail, tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("shown")
    seen = jail.run(["cat", "/given/folder/data.txt"], mounts={"/given/folder": tmp_path})
    assert seen.stdout == "shown"


def test_files_that_do_not_fit_are_refused(jail: Jail) -> None:
    with pytest.raises(FilesRefused):
        jail.run(["true"], files={"large": bytes(3 << 20)}, limits=Limits(disk_mb=2))


def test_many_at_once_from_many_threads(jail: Jail) -> None:
    def one(number: int) -> str:
        return jail.run(["sh", "-c", "cat n"], files={"n": str(number)}).stdout

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(12))) == [str(number) for number in range(12)]


def test_no_thread_and_no_descriptor_is_left(jail: Jail) -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("this system does not list open descriptors")
    jail.run(["true"], files={"a": "b"}, stdin=b"x")
    before, threads = len(list(descriptors.iterdir())), threading.active_count()
    for _ in range(5):
        jail.run(["true"], files={"a": "b"}, stdin=b"x", collect=["a"])
    assert len(list(descriptors.iterdir())) == before
    assert threading.active_count() == threads
