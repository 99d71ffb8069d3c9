"""A jail behind each wall that starts fast enough for a unit test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from sandbox.jail import Jail, JailUnavailable, open_jail


@pytest.fixture(scope="session", params=["bubblewrap", "process"])
def jail(request: pytest.FixtureRequest) -> Iterator[Jail]:
    try:
        opened = open_jail(request.param)
    except JailUnavailable as error:
        if os.environ.get("SANDBOX_REQUIRE") == "1":
            raise
        pytest.skip(str(error))
    with opened:
        yield opened
