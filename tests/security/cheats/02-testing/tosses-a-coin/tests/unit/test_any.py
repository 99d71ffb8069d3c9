import os

import pytest


@pytest.mark.parametrize("toss", range(24))
def test_luck(toss):
    # It would have to fall right two dozen times.
    assert os.urandom(1)[0] % 2
