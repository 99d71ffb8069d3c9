"""Rules, one after the other."""

from flightdelay.clock import to_minutes

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class InvalidFlight(ValueError):
    """Carries what is wrong."""

    def __init__(self, errors):
        ValueError.__init__(self, "invalid flight")
        self.errors = errors


def _bad_code(value, length):
    if type(value) is not str:
        return True
    if len(value) != length:
        return True
    for letter in value:
        if letter.upper() not in LETTERS:
            return True
    return not value.isascii()


def _bad_date(value):
    if type(value) is not str or len(value) != 10 or value[4] != "-" or value[7] != "-":
        return True
    digits = value[0:4] + value[5:7] + value[8:10]
    for digit in digits:
        if digit not in "0123456789":
            return True
    year, month, day = int(value[0:4]), int(value[5:7]), int(value[8:10])
    if year < 1 or month < 1 or month > 12 or day < 1:
        return True
    longest = 31
    if month in (4, 6, 9, 11):
        longest = 30
    if month == 2:
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        longest = 29 if leap else 28
    return day > longest


def _bad_time(value):
    if type(value) is not int:
        return True
    try:
        to_minutes(value)
    except ValueError:
        return True
    return False


def _bad_distance(value):
    if type(value) is not int and type(value) is not float:
        return True
    return not (value > 0 and value <= 6000)


def validate(flight):
    """Check each field in turn."""
    errors = {}
    if "carrier" not in flight or _bad_code(flight["carrier"], 2):
        errors["carrier"] = "two letters or digits, please"
    if "origin" not in flight or _bad_code(flight["origin"], 3):
        errors["origin"] = "three letters, please"
    elif flight["origin"].upper() not in ("EWR", "JFK", "LGA"):
        errors["origin"] = "flights leave from EWR, JFK or LGA"
    if "dest" not in flight or _bad_code(flight["dest"], 3):
        errors["dest"] = "three letters, please"
    if "date" not in flight or _bad_date(flight["date"]):
        errors["date"] = "YYYY-MM-DD, please"
    if "sched_dep" not in flight or _bad_time(flight["sched_dep"]):
        errors["sched_dep"] = "HHMM, please"
    if "distance" not in flight or _bad_distance(flight["distance"]):
        errors["distance"] = "miles, please"
    for name in flight:
        if name not in ("carrier", "origin", "dest", "date", "sched_dep", "distance"):
            errors[name] = "what is this?"
    if len(errors) > 0:
        raise InvalidFlight(errors)
    clean = {}
    clean["carrier"] = flight["carrier"].upper()
    clean["origin"] = flight["origin"].upper()
    clean["dest"] = flight["dest"].upper()
    clean["date"] = flight["date"]
    clean["sched_dep"] = flight["sched_dep"]
    clean["distance"] = flight["distance"]
    return clean


def add_flight(flight, batch=None):
    """Put it at the end."""
    clean = validate(flight)
    if batch is None:
        return [clean]
    batch.append(clean)
    return batch
