from __future__ import annotations

import struct

import pytest

from sandbox.jail import seccomp

ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def decide(program: bytes, arch: int, number: int, first_argument: int = 0) -> int:
    """Run a filter as the kernel does, for the few instructions that it is made of."""
    data = struct.pack("<IIQQ", number, arch, 0, first_argument)
    code = list(struct.iter_unpack("=HBBI", program))
    register, place = 0, 0
    while True:
        operation, if_true, if_false, value = code[place]
        place += 1
        if operation == 0x20:
            (register,) = struct.unpack_from("<I", data, value)
        elif operation == 0x06:
            return value
        else:
            holds = {0x15: register == value, 0x35: register >= value, 0x45: bool(register & value)}[operation]
            place += if_true if holds else if_false


@pytest.mark.parametrize(
    ("machine", "read", "clone", "unshare", "memfd"),
    [("x86_64", 0, 56, 272, 319), ("aarch64", 63, 220, 97, 279)],
)
def test_denies_what_escapes_need_and_nothing_else(
    machine: str, read: int, clone: int, unshare: int, memfd: int
) -> None:
    program = seccomp.program(machine)
    assert program is not None
    arch = ARCH[machine]
    assert decide(program, arch, read) == seccomp.ALLOW
    assert decide(program, arch, clone, 0x11) == seccomp.ALLOW
    assert decide(program, arch, clone, 0x11 | seccomp.CLONE_NEWUSER) == seccomp.ERRNO | seccomp.EPERM
    assert decide(program, arch, unshare) == seccomp.ERRNO | seccomp.EPERM
    assert decide(program, arch, memfd) == seccomp.ERRNO | seccomp.ENOSYS
    assert decide(program, arch, 435) == seccomp.ERRNO | seccomp.ENOSYS


def test_another_machines_numbers_are_no_way_around() -> None:
    program = seccomp.program("x86_64")
    assert program is not None
    assert decide(program, 0x40000003, 0) == seccomp.ERRNO | seccomp.ENOSYS
    assert decide(program, ARCH["x86_64"], seccomp.X32 | 272) == seccomp.ERRNO | seccomp.ENOSYS


def test_a_machine_without_a_filter_says_so() -> None:
    assert seccomp.program("riscv64") is None
