"""Fill in the report of past months by hand. Run about once a year: `python -m scripts.backfill`."""

import sys

from flightdelay import data, season


def main() -> int:
    """Print how many flights of the data left on busy days."""
    days = [(int(row["month"]), int(row["day"])) for row in data.read()]
    print(f"{season.count_busy(days)} of {len(days)} flights left on busy days")
    return 0


if __name__ == "__main__":
    sys.exit(main())
