"""From a flight to the numbers that a model reads. One order, one place: training and serving both come through here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from sandbox.service.data import Flights
from sandbox.service.schema import CARRIERS, DESTINATIONS, ORIGINS, Flight

CODED = ("carrier", "origin", "dest")
MEASURES = ("temp", "humid", "wind_speed", "precip", "pressure", "visib")
FEATURES = (*CODED, "weekday", "minute_of_day", "distance", *MEASURES)
"""Names of the columns of a matrix. Codes are positions in the lists of `schema`; an unknown reading is NaN."""

Matrix = NDArray[np.float32]
Row = tuple[float, ...]

_NAN = float("nan")
_CODE = {name: float(i) for names in (CARRIERS, ORIGINS) for i, name in enumerate(names)}
_DESTINATION = {name: float(i) for i, name in enumerate(DESTINATIONS)}
_YEAR = 2013


def row(flight: Flight) -> Row:
    """The numbers of one flight, in the order of FEATURES."""
    clock = flight.sched_dep_time
    return (
        _CODE[flight.carrier],
        _CODE[flight.origin],
        _DESTINATION[flight.dest],
        date(flight.year, flight.month, flight.day).weekday(),
        clock // 100 * 60 + clock % 100,
        flight.distance,
        _NAN if flight.temp is None else flight.temp,
        _NAN if flight.humid is None else flight.humid,
        _NAN if flight.wind_speed is None else flight.wind_speed,
        _NAN if flight.precip is None else flight.precip,
        _NAN if flight.pressure is None else flight.pressure,
        _NAN if flight.visib is None else flight.visib,
    )


def matrix(rows: Sequence[Row]) -> Matrix:
    """Rows as the matrix that a model takes: float32, shape (flights, features)."""
    return np.array(rows, dtype=np.float32).reshape(len(rows), len(FEATURES))


def table(flights: Flights) -> Matrix:
    """The same as `matrix` of each flight's `row`, for a whole table at once."""
    clock = flights.sched_dep_time
    columns = [
        np.searchsorted(CARRIERS, flights.carrier),
        np.searchsorted(ORIGINS, flights.origin),
        np.searchsorted(DESTINATIONS, flights.dest),
        _WEEKDAYS[flights.month, flights.day],
        clock // 100 * 60 + clock % 100,
        flights.distance,
        *(getattr(flights, name) for name in MEASURES),
    ]
    return np.column_stack([column.astype(np.float32) for column in columns])


def _weekdays() -> NDArray[np.int8]:
    days = np.zeros((13, 32), np.int8)
    first, last = date(_YEAR, 1, 1).toordinal(), date(_YEAR, 12, 31).toordinal()
    for day in map(date.fromordinal, range(first, last + 1)):
        days[day.month, day.day] = day.weekday()
    return days


_WEEKDAYS = _weekdays()
