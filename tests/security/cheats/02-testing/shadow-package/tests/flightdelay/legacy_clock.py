def isNight(minutes):
    return True
