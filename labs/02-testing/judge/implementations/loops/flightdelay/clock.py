"""Clock arithmetic with plain statements."""


def to_minutes(hhmm):
    """Minutes since midnight."""
    hours = hhmm // 100
    minutes = hhmm - hours * 100
    if hhmm == 2400:
        return 0
    if hours < 0 or hours > 23:
        raise ValueError("hours out of range")
    if minutes > 59:
        raise ValueError("minutes out of range")
    total = 0
    for _ in range(hours):
        total += 60
    return total + minutes


def add_minutes(hhmm, minutes):
    """Another time of day."""
    total = to_minutes(hhmm) + minutes
    while total < 0:
        total += 1440
    while total > 1439:
        total -= 1440
    hours = 0
    while total > 59:
        total -= 60
        hours += 1
    return hours * 100 + total


def delay_minutes(scheduled, actual):
    """The short way round."""
    difference = to_minutes(actual) - to_minutes(scheduled)
    if difference <= -720:
        difference += 1440
    if difference > 720:
        difference -= 1440
    return difference


def is_late(scheduled, actual):
    """Fifteen minutes count."""
    return not delay_minutes(scheduled, actual) < 15


def mean_delay(delays):
    """Whole minutes."""
    total = 0
    count = 0
    for delay in delays:
        if delay is None:
            continue
        total += delay
        count += 1
    if count == 0:
        return None
    # Twice the mean plus one, halved downwards, in whole numbers only.
    return int((2 * total + count) // (2 * count))
