"""Times of day, as timetables write them: 1745 is a quarter to six in the evening."""


def to_minutes(hhmm: int) -> int:
    """Minutes since midnight.

    Raises:
        ValueError: there is no such time.
    """
    hours, minutes = divmod(hhmm, 100)
    if not (0 <= hours < 24 and 0 <= minutes < 60):
        raise ValueError(f"{hhmm} is not a time of day")
    return hours * 60 + minutes


def part_of_day(hhmm: int) -> str:
    """One of night, morning, afternoon and evening."""
    minutes = to_minutes(hhmm)
    if minutes < 5 * 60:
        return "night"
    if minutes < 12 * 60:
        return "morning"
    if minutes < 17 * 60:
        return "afternoon"
    return "evening"
