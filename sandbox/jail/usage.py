"""What a jail's processes use right now, read from the kernel's ``/proc`` (or through psutil elsewhere)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_TICKS = os.sysconf("SC_CLK_TCK")
_TREE_LIMIT = 20_000
_THREADS_LOOKED_AT = 64
MAX_INODES = 200_000


@dataclass(frozen=True)
class Usage:
    """A sample.

    Attributes:
        memory_bytes: memory without what the page cache could drop.
        cpu_s: seconds of CPU so far.
        threads: how many there are.
        waited_s: number of a thread → seconds that it has stood ready to run while other work had the processors;
            empty where the kernel does not tell.
    """

    memory_bytes: int = 0
    cpu_s: float = 0.0
    threads: int = 0
    waited_s: Mapping[int, float] = field(default_factory=dict)


def descendants(pid: int) -> list[int]:
    """Every process below ``pid`` at this moment, without ``pid`` itself."""
    if not os.path.exists(f"/proc/{pid}/task/{pid}/children"):
        return _descendants_anywhere(pid)
    found: list[int] = []
    waiting = [pid]
    while waiting and len(found) < _TREE_LIMIT:
        parent = waiting.pop()
        try:
            threads = os.listdir(f"/proc/{parent}/task")
        except OSError:
            continue
        for thread in threads:
            try:
                with open(f"/proc/{parent}/task/{thread}/children") as file:
                    children = [int(word) for word in file.read().split()]
            except OSError:
                continue
            found += children
            waiting += children
    return found


def _descendants_anywhere(pid: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return []


def sample(pids: list[int]) -> Usage:
    """Add up what these processes use; one that is gone meanwhile counts for nothing."""
    memory, cpu, threads = 0, 0.0, 0
    waited: dict[int, float] = {}
    for pid in pids:
        used = _from_proc(pid) if os.path.exists("/proc/self/stat") else _from_psutil(pid)
        memory += used.memory_bytes
        cpu += used.cpu_s
        threads += used.threads
        waited.update(used.waited_s)
    return Usage(memory, cpu, threads, waited)


def _from_proc(pid: int) -> Usage:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # A process names itself, so only what follows the last bracket can be trusted (proc(5): state is field 3).
            fields = file.read().rpartition(b")")[2].split()
        with open(f"/proc/{pid}/status", "rb") as file:
            status = file.read()
    except OSError:
        return Usage()
    memory = 0
    for line in status.splitlines():
        # Anonymous and shared memory and what of it is swapped out; file pages (libraries) are the host's anyway.
        if line.startswith((b"RssAnon:", b"RssShmem:", b"VmSwap:")):
            memory += int(line.split()[1]) * 1024
    # Fields 14 to 17: user and system time of the process and of its children that have ended.
    cpu = sum(int(field) for field in fields[11:15]) / _TICKS
    return Usage(memory, cpu, int(fields[17]), _waited(pid))


def _waited(pid: int) -> dict[int, float]:
    """Seconds that each thread has waited for a processor (the kernel's sched-stats.rst: field 2, nanoseconds)."""
    waited: dict[int, float] = {}
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task")[:_THREADS_LOOKED_AT]:
            with suppress(OSError), open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                waited[int(thread)] = int(file.read().split()[1]) / 1e9
    return waited


def _from_psutil(pid: int) -> Usage:
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            return Usage(process.memory_info().rss, times.user + times.system, process.num_threads())
    except psutil.Error:
        return Usage()


def folder_bytes(folder: Path, most_entries: int = 1000) -> int:
    """Bytes that the files of a folder take; a folder with more entries than ``most_entries`` counts as endless."""
    total, entries = 0, 0
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as listing:
                for entry in listing:
                    entries += 1
                    if entries > most_entries:
                        return 1 << 62
                    status = entry.stat(follow_symlinks=False)
                    total += status.st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            continue
    return total


def disk_state(pid: int, places: Iterable[str]) -> str:
    """How full the file systems are that a process sees at these places: "", "full", or "too many files".

    The last counts inodes, whose memory no limit on bytes counts. Nothing can be said of a process that may not be
    looked into.
    """
    state = ""
    with suppress(OSError):
        # A jail that is just being made still has the host's root, whose file systems are not the jail's.
        if os.path.samestat(os.stat(f"/proc/{pid}/root/"), os.stat("/")):
            return state
    for place in places:
        with suppress(OSError):
            room = os.statvfs(f"/proc/{pid}/root{place}")
            if room.f_files - room.f_ffree > MAX_INODES:
                return "too many files"
            if room.f_bavail == 0:
                state = "full"
    return state


def threads_of_user(uid: int) -> int:
    """How many threads run under a user id on this machine."""
    total = 0
    for process in psutil.process_iter(["uids", "num_threads"]):
        uids = process.info["uids"]
        if uids and uids.real == uid:
            total += process.info["num_threads"] or 1
    return total
