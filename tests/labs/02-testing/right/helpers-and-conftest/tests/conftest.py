"""Fixtures for both kinds of tests."""

import pytest
from helpers import flight


@pytest.fixture
def good():
    return flight()
