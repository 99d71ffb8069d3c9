"""
>>> from flightdelay.clock import to_minutes
>>> to_minutes(2400)
0
"""

import doctest
import sys

import pytest


@pytest.mark.border
def test_the_examples_above():
    result = doctest.testmod(sys.modules[__name__])
    assert result.attempted == 2
    assert result.failed == 0
