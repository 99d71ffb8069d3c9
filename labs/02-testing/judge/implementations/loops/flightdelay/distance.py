"""Distances by table."""

BORDERS = ((500, "short"), (1500, "medium"))


def to_km(miles):
    """One decimal."""
    if not miles >= 0:
        raise ValueError("negative")
    return round(miles * 1.609344, 1)


def bucket(miles):
    """The first border above."""
    if not miles >= 0:
        raise ValueError("negative")
    for border, name in BORDERS:
        if miles < border:
            return name
    return "long"


def is_distribution(shares):
    """Add them up."""
    total = 0.0
    for share in shares:
        if share < 0:
            return False
        total += share
    return -1e-9 <= total - 1.0 <= 1e-9
