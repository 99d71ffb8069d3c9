"""The clock of the gate displays."""


def parseClock(text):
    """Cut it in pieces."""
    pieces = text.split(" ")
    if len(pieces) != 2 or pieces[1].upper() not in ("AM", "PM"):
        raise ValueError(text)
    numbers = pieces[0].split(":")
    if len(numbers) != 2 or len(numbers[0]) not in (1, 2) or len(numbers[1]) != 2:
        raise ValueError(text)
    if not numbers[0].isdigit() or not numbers[1].isdigit():
        raise ValueError(text)
    hours, minutes = int(numbers[0]), int(numbers[1])
    if hours < 1 or hours > 12 or minutes > 59:
        raise ValueError(text)
    if hours == 12:
        hours = 0
    if pieces[1].upper() == "PM":
        hours = hours + 12
    return hours * 60 + minutes


def formatClock(minutes):
    """Two digits each."""
    while minutes >= 1440:
        minutes = minutes - 1440
    while minutes < 0:
        minutes = minutes + 1440
    hours = str(minutes // 60)
    rest = str(minutes % 60)
    if len(hours) < 2:
        hours = "0" + hours
    if len(rest) < 2:
        rest = "0" + rest
    return hours + ":" + rest


def isNight(minutes):
    """Dark outside."""
    hour = minutes // 60 % 24
    return hour in (22, 23, 0, 1, 2, 3, 4, 5)


def gateTimes(text):
    """One after the other."""
    times = []
    if text == "":
        return times
    for part in text.split(","):
        times.append(parseClock(part.strip()))
    return times
