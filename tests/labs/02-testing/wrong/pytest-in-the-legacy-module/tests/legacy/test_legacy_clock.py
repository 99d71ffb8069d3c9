import pytest
from flightdelay.legacy_clock import parseClock


@pytest.mark.parametrize(("text", "minutes"), [("12:00 PM", 720), ("5:17 pm", 1037)])
def test_parse(text, minutes):
    assert parseClock(text) == minutes
