"""What the service is asked and what it answers: the flight, the prediction, and the codes that name carriers and airports."""

from __future__ import annotations

from calendar import monthrange
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

MOST_FLIGHTS = 1_000
"""The longest list that one request may carry."""

Origin = Literal["EWR", "JFK", "LGA"]
Carrier = Literal["9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV"]
# fmt: off
Destination = Literal[
    "ABQ", "ACK", "ALB", "ANC", "ATL", "AUS", "AVL", "BDL", "BGR", "BHM", "BNA", "BOS", "BQN", "BTV", "BUF", "BUR",
    "BWI", "BZN", "CAE", "CAK", "CHO", "CHS", "CLE", "CLT", "CMH", "CRW", "CVG", "DAY", "DCA", "DEN", "DFW", "DSM",
    "DTW", "EGE", "EYW", "FLL", "GRR", "GSO", "GSP", "HDN", "HNL", "HOU", "IAD", "IAH", "ILM", "IND", "JAC", "JAX",
    "LAS", "LAX", "LEX", "LGA", "LGB", "MCI", "MCO", "MDW", "MEM", "MHT", "MIA", "MKE", "MSN", "MSP", "MSY", "MTJ",
    "MVY", "MYR", "OAK", "OKC", "OMA", "ORD", "ORF", "PBI", "PDX", "PHL", "PHX", "PIT", "PSE", "PSP", "PVD", "PWM",
    "RDU", "RIC", "ROC", "RSW", "SAN", "SAT", "SAV", "SBN", "SDF", "SEA", "SFO", "SJC", "SJU", "SLC", "SMF", "SNA",
    "SRQ", "STL", "STT", "SYR", "TPA", "TUL", "TVC", "TYS", "XNA",
]
# fmt: on

CARRIERS: tuple[str, ...] = get_args(Carrier)
ORIGINS: tuple[str, ...] = get_args(Origin)
DESTINATIONS: tuple[str, ...] = get_args(Destination)


def _measure(low: float, high: float, what: str) -> object:
    return Field(default=None, ge=low, le=high, allow_inf_nan=False, description=what)


class Flight(BaseModel):
    """One flight as it is known before it leaves.

    Weather is that at the origin in the hour of the scheduled departure (at work: the forecast for it). A reading that
    is not known is left out or null. Nothing of what happens later (actual departure, arrival, time in the air) is here.
    """

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "carrier": "UA", "origin": "EWR", "dest": "ORD", "month": 7, "day": 4, "sched_dep_time": 1745,
                    "distance": 719, "temp": 84.2, "humid": 61.2, "wind_speed": 9.2, "precip": 0.0, "pressure": 1016.1,
                    "visib": 10.0,
                }
            ]
        },
    )  # fmt: skip

    carrier: Annotated[Carrier, Field(description="Two-character code of the airline.")]
    origin: Annotated[Origin, Field(description="Airport of departure.")]
    dest: Annotated[Destination, Field(description="Airport of arrival.")]
    year: Annotated[int, Field(ge=2000, le=2100, description="Used for the day of the week only.")] = 2013
    month: Annotated[int, Field(ge=1, le=12)]
    day: Annotated[int, Field(ge=1, le=31, description="Day of the month; it must exist.")]
    sched_dep_time: Annotated[
        int,
        Field(ge=0, le=2359, description="Scheduled local time of departure, as hours times 100 plus minutes: 1745."),
    ]
    distance: Annotated[int, Field(ge=1, le=12_000, description="Miles between the two airports.")]
    temp: Annotated[float | None, _measure(-80, 140, "Temperature, degrees Fahrenheit.")] = None
    humid: Annotated[float | None, _measure(0, 100, "Relative humidity, percent.")] = None
    wind_speed: Annotated[float | None, _measure(0, 200, "Wind, miles per hour.")] = None
    precip: Annotated[float | None, _measure(0, 20, "Precipitation in the hour, inches.")] = None
    pressure: Annotated[float | None, _measure(800, 1_100, "Pressure at sea level, millibars.")] = None
    visib: Annotated[float | None, _measure(0, 100, "Visibility, miles; stations report 10 at most.")] = None

    @field_validator("day")
    @classmethod
    def _day_exists(cls, day: int, earlier: ValidationInfo) -> int:
        year, month = earlier.data.get("year"), earlier.data.get("month")
        if year and month and day > 28 and day > monthrange(year, month)[1]:
            raise ValueError(f"month {month} of {year} has no day {day}")
        return day

    @field_validator("sched_dep_time")
    @classmethod
    def _time_exists(cls, clock: int) -> int:
        if clock % 100 > 59:
            raise ValueError(f"{clock} is no time of day; 1745 means 17:45")
        return clock


class Prediction(BaseModel):
    """The answer for one flight."""

    late: Annotated[bool, Field(description="Probability is at least the model's threshold (see GET /model).")]
    probability: Annotated[float, Field(ge=0, le=1, description="That the flight arrives over 15 minutes late.")]
    model_version: str


class Status(BaseModel):
    """Answer of the health endpoints."""

    status: Literal["ok", "ready"]


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it (`application/problem+json`)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: list[FieldProblem] | None = None
    error: Annotated[str | None, Field(description="The same as `detail`, under `/v2` only.")] = None


class FieldProblem(BaseModel):
    """One field that was refused."""

    field: Annotated[str, Field(description="Path of the field: `day`, or `2.day` for the third flight of a list.")]
    message: str


Problem.model_rebuild()
