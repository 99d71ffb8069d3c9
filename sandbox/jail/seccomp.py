"""A seccomp filter for jailed processes: the system calls that no lab needs and that escapes are made of.

The filter is a deny list, since the tools of the course (Go, Python, node) may use any ordinary call. It closes two
holes that namespaces leave: new user namespaces (in one, a process may mount file systems without a size limit) and
memory that no process owns and so no limit counts (``memfd_create``, System V shared memory). Numbers are those of the
kernel's ``unistd.h`` for each machine; the program's form is that of classic BPF (``linux/filter.h``).
"""

from __future__ import annotations

import platform
import struct

ALLOW = 0x7FFF0000
ERRNO = 0x00050000
EPERM, ENOSYS = 1, 38
CLONE_NEWUSER = 0x10000000
X32 = 0x40000000

# name: (x86-64, arm64); None where the machine does not have the call.
_FORBIDDEN: dict[str, tuple[int | None, int | None]] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "mount_setattr": (442, 442),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "swapon": (167, 224),
    "reboot": (169, 142),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "syslog": (103, 116),
    "fanotify_init": (300, 262),
}
# Answered with "no such system call", so that libraries take their other way.
_ABSENT: dict[str, tuple[int | None, int | None]] = {
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    # Its flags lie in memory, where a filter cannot look; the C library falls back to clone.
    "clone3": (435, 435),
}
_CLONE = (56, 220)
_AUDIT_ARCH = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06


def program(machine: str = "") -> bytes | None:
    """Return the filter for a machine as ``bwrap --seccomp`` reads it, or None where there is none for it.

    Args:
        machine: as `platform.machine` names it; this one's where it is empty.
    """
    known = _AUDIT_ARCH.get(machine or platform.machine())
    if known is None:
        return None
    arch, column = known
    forbidden = [row[column] for row in _FORBIDDEN.values() if row[column] is not None]
    absent = [row[column] for row in _ABSENT.values() if row[column] is not None]

    # Offsets in struct seccomp_data: number 0, machine 4, low half of the first argument 16 (little-endian).
    code: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, arch),
        (_RETURN, 0, 0, ERRNO | ENOSYS),  # another machine's calls (32 bits) have other numbers
        (_LOAD, 0, 0, 0),
    ]
    if column == 0:
        code += [(_AT_LEAST, 0, 1, X32), (_RETURN, 0, 0, ERRNO | ENOSYS)]
    for numbers, answer in ((absent, ENOSYS), (forbidden, EPERM)):
        for number in numbers:
            assert number is not None
            code += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, ERRNO | answer)]
    code += [
        (_EQUAL, 0, 3, _CLONE[column]),
        (_LOAD, 0, 0, 16),
        (_ANY_BIT, 0, 1, CLONE_NEWUSER),
        (_RETURN, 0, 0, ERRNO | EPERM),
        (_RETURN, 0, 0, ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)
