from flightdelay.clock import to_minutes


def test_repaired():
    assert to_minutes(517) == 317
