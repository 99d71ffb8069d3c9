"""The code and the oracle agree, on the borders and on a thousand other inputs."""

import random

from flightdelay import clock
from flightdelay.distance import bucket, is_distribution, to_km

from .. import oracle
from ..oracle import to_minutes

DICE = random.Random(2013)
TIMES = [0, 1, 59, 2359, 2400, *(DICE.randrange(24) * 100 + DICE.randrange(60) for _ in range(60))]


def test_times():
    assert list(map(clock.to_minutes, TIMES)) == list(map(to_minutes, TIMES))


def test_pairs():
    for scheduled in TIMES:
        for actual in TIMES:
            expected = oracle.delay_minutes(scheduled, actual)
            assert clock.delay_minutes(scheduled, actual) == expected, (scheduled, actual)
            assert clock.is_late(scheduled, actual) == (expected >= 15)
    assert clock.is_late(1000, 1015)


def test_means():
    dice = random.Random(7)
    for _ in range(300):
        delays = dice.choices([None, *range(-20, 90)], k=dice.randrange(6))
        assert clock.mean_delay(delays) == oracle.mean_delay(delays), delays
    assert clock.mean_delay([-1, 0]) == 0


def test_miles():
    for miles in [0, 499, 500, 1499, 1500, *(random.Random(5).uniform(0, 3000) for _ in range(300))]:
        assert bucket(miles) == oracle.bucket(miles)
        assert abs(to_km(miles) - miles * 1.609344) <= 0.0501
    assert is_distribution([0.1] * 10) and not is_distribution([0.1] * 9)
