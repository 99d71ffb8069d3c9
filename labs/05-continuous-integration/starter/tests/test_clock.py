import pytest

from flightdelay.clock import part_of_day, to_minutes


def test_minutes() -> None:
    assert to_minutes(0) == 0
    assert to_minutes(1745) == 17 * 60 + 45


@pytest.mark.parametrize("wrong", [-1, 1260, 2400])
def test_no_such_time(wrong: int) -> None:
    with pytest.raises(ValueError, match="not a time of day"):
        to_minutes(wrong)


@pytest.mark.parametrize(
    ("hhmm", "part"),
    [(459, "night"), (500, "morning"), (1159, "morning"), (1200, "afternoon"), (1659, "afternoon"), (1700, "evening")],
)
def test_part_of_day(hhmm: int, part: str) -> None:
    assert part_of_day(hhmm) == part
