"""The corpus of attacks on the jail: ``attacks/*.toml``, each with what it tries and what must hold."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("attacks")


@dataclass(frozen=True)
class Attack:
    """One program that a submission might run.

    Attributes:
        name, tries, holds: a word, what it tries, what must be true all the same.
        code: Python. It prints "reached …" where it gets through. Words such as ``@PORT@`` are filled in.
        walls: the walls that promise to stop it.
        files: what lies beside it. collect: what the judge brings back.
        limits: fields of `sandbox.jail.Limits`.
        limit: limits that may end it before its end; "none" for an end by a signal of its own.
        must_end: it has no end of its own, so a limit must.
        silent: it may be unable to say that it has run to its end.
        status: the exit status that it must end with.
        neighbour: another submission runs beside it.
    """

    name: str
    tries: str
    holds: str
    code: str
    walls: tuple[str, ...] = ("bubblewrap", "docker")
    files: Mapping[str, str] = field(default_factory=dict)
    collect: tuple[str, ...] = ()
    limits: Mapping[str, Any] = field(default_factory=dict)
    limit: tuple[str, ...] = ()
    must_end: bool = False
    silent: bool = False
    status: int = 0
    neighbour: bool = False


def attacks() -> tuple[Attack, ...]:
    """Every attack, by file and place.

    Raises:
        ValueError: two have one name.
    """
    found: dict[str, Attack] = {}
    for path in sorted(FOLDER.glob("*.toml")):
        for table in tomllib.loads(path.read_text("utf-8"))["attack"]:
            lists = {name: tuple(table[name]) for name in ("walls", "collect", "limit") if name in table}
            attack = Attack(**{**table, **lists})
            if attack.name in found:
                raise ValueError(f"{path.name}: two attacks are called {attack.name}")
            found[attack.name] = attack
    return tuple(found.values())
