"""Each wall opened once; where SANDBOX_REQUIRE=1, one that does not open fails its tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from sandbox.jail import Jail, JailUnavailable, open_jail


@pytest.fixture(scope="session")
def open_wall() -> Iterator[Callable[[str], Jail]]:
    """The jail behind the wall of this name."""
    opened: dict[str, Jail | JailUnavailable] = {}

    def get(wall: str) -> Jail:
        if wall not in opened:
            try:
                opened[wall] = open_jail(wall)
            except JailUnavailable as error:
                opened[wall] = error
        found = opened[wall]
        if isinstance(found, Jail):
            return found
        if os.environ.get("SANDBOX_REQUIRE") == "1":
            raise found
        pytest.skip(str(found))

    yield get
    for jail in opened.values():
        if isinstance(jail, Jail):
            jail.close()
