"""What the contract says, once more and slowly."""

from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal


def to_minutes(hhmm):
    moment = datetime.strptime(f"{hhmm % 2400:04}", "%H%M")
    return moment.hour * 60 + moment.minute


def delay_minutes(scheduled, actual):
    day = timedelta(days=1)
    gap = timedelta(minutes=to_minutes(actual) - to_minutes(scheduled))
    return next(int(g / timedelta(minutes=1)) for g in (gap, gap + day, gap - day) if -day / 2 < g <= day / 2)


def mean_delay(delays):
    flown = [Decimal(delay) for delay in delays if delay is not None]
    return int((sum(flown) / len(flown) + Decimal("0.5")).to_integral_value(ROUND_FLOOR)) if flown else None


def bucket(miles):
    return "short" if miles < 500 else "medium" if miles < 1500 else "long"
