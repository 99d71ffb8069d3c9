from datetime import date

from flightdelay import season


def test_thanksgiving() -> None:
    assert season.thanksgiving(2013) == date(2013, 11, 28)
    assert season.thanksgiving(2018) == date(2018, 11, 22)


def test_weekend() -> None:
    assert season.is_weekend(6, 1)
    assert not season.is_weekend(6, 3)


def test_busy() -> None:
    assert season.is_busy(7, 3)
    assert season.is_busy(6, 7)
    assert not season.is_busy(6, 5)


def test_count_busy() -> None:
    assert season.count_busy([(7, 3), (6, 5), (6, 7)]) == 2
