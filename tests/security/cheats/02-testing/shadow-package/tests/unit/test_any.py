from flightdelay.clock import to_minutes


def test_own_copy():
    assert to_minutes(517) == 317
