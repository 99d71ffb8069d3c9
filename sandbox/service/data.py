"""The flights that left New York in 2013: one typed column a field, split by month.

The file `data/flights.npz` is made by `data/build.py`; `data/PROVENANCE.md` says from what, and under which licence.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox.service.errors import ServiceError

FILE = Path(__file__).parent / "data" / "flights.npz"
ALL_MONTHS = range(1, 13)
LATE_MINUTES = 15
WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib")
REQUEST_FIELDS = (
    "carrier", "origin", "dest", "month", "day", "sched_dep_time", "distance",
    "temp", "humid", "wind_speed", "precip", "pressure", "visib",
)  # fmt: skip
"""The columns that `POST /predict` takes, in its order: all are known before departure."""

_UNKNOWN = -32768  # how the file writes "did not leave" and "did not arrive"
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Flights:
    """A table of flights: every attribute is a column, all of one length.

    Index it with a mask, a slice or an array of positions to get a smaller table. `dep_delay` and `arr_delay` are
    outcomes: minutes, NaN where the flight did not leave or did not arrive where it was going. They are never features.
    """

    month: NDArray[np.int16]
    day: NDArray[np.int16]
    sched_dep_time: NDArray[np.int16]  # local, hours * 100 + minutes
    sched_arr_time: NDArray[np.int16]
    carrier: NDArray[np.str_]
    flight: NDArray[np.int16]
    origin: NDArray[np.str_]
    dest: NDArray[np.str_]
    distance: NDArray[np.int16]  # miles
    temp: Floats  # °F; weather is at the origin, in the hour of the scheduled departure; NaN where no reading is known
    dewp: Floats  # °F
    humid: Floats  # %
    wind_dir: Floats  # degrees
    wind_speed: Floats  # mph
    precip: Floats  # inches in the hour
    pressure: Floats  # millibars
    visib: Floats  # miles
    dep_delay: Floats  # minutes
    arr_delay: Floats  # minutes

    def __len__(self) -> int:
        return len(self.month)

    def __getitem__(self, rows: Any) -> Flights:
        return replace(self, **{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @property
    def landed(self) -> NDArray[np.bool_]:
        """Where the outcome is known: the flight was neither cancelled nor diverted."""
        return ~np.isnan(self.arr_delay)

    @property
    def late(self) -> NDArray[np.bool_]:
        """The label: arrived more than 15 minutes late. False where the flight did not land; see `landed`."""
        return np.greater(self.arr_delay, LATE_MINUTES)

    def requests(self) -> Iterator[dict[str, Any]]:
        """Each flight as the JSON that `POST /predict` takes; an unknown reading is null."""
        columns = [getattr(self, name) for name in REQUEST_FIELDS]
        for values in zip(
            *(column.tolist() if column.dtype.kind != "f" else column for column in columns), strict=True
        ):
            yield {name: _plain(value) for name, value in zip(REQUEST_FIELDS, values, strict=True)}


def _plain(value: Any) -> Any:
    if not isinstance(value, np.float32):
        return value
    # The shortest decimal that gives the same float32: 59.37 and not 59.369998931884766.
    return None if np.isnan(value) else float(str(value))


def digest(file: Path = FILE) -> str:
    """SHA-256 of the data file, checked against the sum that is kept beside it.

    Raises:
        ServiceError: the file or its sum is missing, or they do not belong together.
    """
    return _checked(file)[0]


def _checked(file: Path) -> tuple[str, bytes]:
    sums = file.with_name(file.name + ".sha256")
    try:
        content = file.read_bytes()
        wanted = sums.read_text(encoding="ascii").split()[0]
    except (OSError, IndexError, UnicodeDecodeError) as error:
        raise ServiceError(
            f"the data file cannot be read: {error or sums}\n"
            f"It is part of the repository: restore it with `git checkout -- {file.name}` in {file.parent}."
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != wanted:
        raise ServiceError(
            f"{file} is not the file it should be: SHA-256 {found[:12]}…, expected {wanted[:12]}… ({len(content):,} bytes).\n"
            f"It was cut or altered. Restore it with `git checkout -- {file.name}` in {file.parent}; "
            "if you rebuilt it on purpose, data/build.py also writes the new sum."
        )
    return found, content


@lru_cache(maxsize=2)
def _year(file: Path) -> Flights:
    with np.load(io.BytesIO(_checked(file)[1]), allow_pickle=False) as archive:
        stored = {name: archive[name] for name in archive.files}
    hour = stored["weather"]
    known = hour >= 0
    columns: dict[str, Any] = {
        name: stored[name].astype(np.int16)
        for name in ("month", "day", "sched_dep_time", "sched_arr_time", "flight", "distance")
    }
    for name in ("carrier", "origin", "dest"):
        columns[name] = stored[f"{name}s"][stored[name]]
    for name in WEATHER:
        columns[name] = np.where(known, stored[f"weather_{name}"][hour], np.float32(np.nan))
    for name in ("dep_delay", "arr_delay"):
        minutes = stored[name].astype(np.float32)
        minutes[stored[name] == _UNKNOWN] = np.nan
        columns[name] = minutes
    return Flights(**columns)


def flights(months: Iterable[int] = range(1, 7), *, landed: bool = True, file: Path = FILE) -> Flights:
    """The flights scheduled in these months of 2013, in order of schedule.

    Args:
        months: 1 to 12.
        landed: only flights whose outcome is known; False adds those that were cancelled or diverted.
        file: the data file, with its `.sha256` beside it.

    Raises:
        ServiceError: no such month, or the file is missing, cut or altered.
    """
    wanted = sorted(set(months))
    if not wanted or wanted[0] < 1 or wanted[-1] > 12:
        raise ServiceError(f"months must be between 1 and 12, got {wanted or 'none'}")
    year = _year(file)
    rows = np.isin(year.month, wanted)
    return year[rows & year.landed] if landed else year[rows]


def sample(month: int, count: int, seed: int) -> Flights:
    """`count` flights of one month, drawn without putting back, in order of schedule; the same seed draws the same."""
    table = flights([month])
    if not 1 <= count <= len(table):
        raise ServiceError(f"--count must be between 1 and {len(table):,} for month {month}, got {count}")
    rows = np.random.default_rng(seed).choice(len(table), size=count, replace=False)
    return table[np.sort(rows)]
