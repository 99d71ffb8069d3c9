"""Read the flights, and check them against their schema."""

import csv
import json
import sys
from pathlib import Path
from typing import Any

DATA = Path("data/flights.csv")
SCHEMA = Path("data/schema.json")
BUILD = Path("build")

Row = dict[str, str]
Schema = dict[str, dict[str, Any]]


def read(path: Path = DATA) -> list[Row]:
    """All rows, every value still text."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def problems(rows: list[Row], schema: Schema) -> list[str]:
    """What does not hold, a line each; empty where everything holds."""
    if not rows:
        return ["there are no rows"]
    found = []
    if list(rows[0]) != list(schema):
        found.append(f"columns are {', '.join(rows[0])}; the schema says {', '.join(schema)}")
    for number, row in enumerate(rows, start=2):
        for name, rule in schema.items():
            problem = check_value(row.get(name) or "", rule)
            if problem:
                found.append(f"line {number}: {name} {problem}")
    return found


def check_value(value: str, rule: dict[str, Any]) -> str:
    """What is wrong with one value, or an empty string."""
    if "one_of" in rule:
        return "" if value in rule["one_of"] else f"is {value!r}, which is not allowed"
    if "letters" in rule:
        return "" if len(value) == rule["letters"] and value.isalnum() else f"is {value!r}"
    try:
        number = float(value)
    except ValueError:
        return f"is {value!r}, not a number"
    if not rule["min"] <= number <= rule["max"]:
        return f"is {value}, not within {rule['min']} and {rule['max']}"
    return ""


def main(data: Path = DATA, schema: Path = SCHEMA) -> int:
    """Check the data; exit status 1 where it does not hold."""
    found = problems(read(data), json.loads(schema.read_text(encoding="utf-8")))
    for line in found[:10]:
        print(line)
    print(f"{data}: {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
