"""Shared by both folders."""

import pytest

pytest.register_assert_rewrite("says")
PAIRS = {"same": (1200, 1200, 0), "late": (2355, 10, 15), "early": (5, 2350, -15), "half": (600, 1800, 720)}


def pytest_addoption(parser):
    parser.addoption("--many", action="store_true", help="more cases")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes a while")


def pytest_generate_tests(metafunc):
    if "pair" in metafunc.fixturenames:
        metafunc.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


@pytest.fixture(scope="session")
def flight():
    from types import MappingProxyType

    return MappingProxyType(
        {"carrier": "UA", "origin": "EWR", "dest": "IAH", "date": "2013-01-01", "sched_dep": 515, "distance": 1400}
    )


@pytest.fixture(autouse=True)
def no_arguments(monkeypatch):
    monkeypatch.setattr("sys.argv", ["nothing"])
