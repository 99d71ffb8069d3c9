from flightdelay.legacy_clock import parseClock


def test_noon():
    assert parseClock("12:00 PM") == 720
