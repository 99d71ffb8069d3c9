"""The shell script that runs first inside a jail: lays out the files, sets the limits, becomes the command.

It is a script for the system's own shell, because starting an interpreter would cost more than the whole jail.
"""

from __future__ import annotations

import math
import shlex

from sandbox.jail.interface import JOB, SOCKETS, Task

READY = b"ready\n"
"""What the script writes to its control stream when everything is laid out and the command is about to start."""

FAILED = 125
"""The script's exit status where the jail could not be set up."""


def script(
    task: Task,
    *,
    archive: str | None,
    control: str | None,
    python: str,
    bridge: str,
    other_processes: int | None = 0,
    stdin: str | None = None,
    life_s: int | None = None,
    collect_into: str | None = None,
    ready_file: str | None = None,
) -> str:
    """Write the script for one task; the command's words are its arguments.

    Args:
        archive: where the files lie as a tar archive, a path inside.
        control: number of the file descriptor for `READY` and the collected files, or None.
        python, bridge: the interpreter and the forwarder's file, paths inside.
        other_processes: how many processes the system counts for this user beside the jail's own; None where the wall
            itself limits processes.
        stdin: a file inside that the command reads, where it does not come as the script's own input.
        life_s: seconds after which everything inside is killed, for a wall that outlives a judge that was killed.
        collect_into, ready_file: files inside that take the place of the control stream where there is none.
    """
    lines = ["exec 7>&2"]
    if archive:
        lines.append(f"tar -xof {archive} -C {JOB} || exit {FAILED}")
    lines.append(f"exec 6<&-; cd {JOB}/{shlex.quote(task.cwd)} || exit {FAILED}")
    if task.bridge:
        pairs = shlex.join(f"{SOCKETS}/{name}:{port}" for name, port in task.bridge.items())
        shut = f"{control}>&- " if control else ""
        lines.append(f"( {python} -I -S {bridge} {pairs} </dev/null >/dev/null 2>&1 7>&- {shut}& )")
    if life_s:
        lines.append(f"( sleep {life_s}; kill -KILL -1 ) </dev/null >/dev/null 2>&1 7>&- &")
    if stdin:
        lines.append(f"exec <{stdin} || exit {FAILED}")
    lines += _limits(task, other_processes)
    if control:
        lines.append(f"echo ready >&{control}")
    if ready_file:
        lines.append(f": >{ready_file} || exit {FAILED}")
    shut = f" {control}>&-" if control else ""
    sink = f">{collect_into}" if collect_into else f">&{control}" if control else None
    if task.collect and sink:
        # The shell itself must stay silent: it would report on stderr how its child was killed. (In some,
        # a redirection of a plain command is the shell's own while the command runs: hence the brackets.)
        lines += [
            "exec 2>/dev/null",
            f'( exec "$@" 2>&7 7>&-{shut} )',
            "status=$?",
            f"cd {JOB} && tar -cf - -- {shlex.join(task.collect)} {sink} 7>&-",
            "exit $status",
        ]
    else:
        lines.append(f'exec 7>&-; exec "$@"{shut}')
    return "\n".join(lines)


def _limits(task: Task, other_processes: int | None) -> list[str]:
    limits = task.limits
    cpu = max(1, math.ceil(limits.cpu_seconds))
    lines = [
        "ulimit -c 0 && ulimit -n 4096 2>/dev/null",
        # Blocks of 512 bytes, kibibytes, seconds.
        f"ulimit -f {limits.file_mb * 2048} && ulimit -d {limits.memory_mb * 1024} || exit {FAILED}",
        # Two seconds between the signal that a program can see and the one that it cannot.
        f"ulimit -S -t {cpu} && ulimit -H -t {cpu + 2} || exit {FAILED}",
    ]
    if other_processes is not None:
        processes = limits.processes + other_processes
        # The count of processes is -p in some shells and -u in others.
        lines.append(f"ulimit -p {processes} 2>/dev/null || ulimit -u {processes} || exit {FAILED}")
    return lines
