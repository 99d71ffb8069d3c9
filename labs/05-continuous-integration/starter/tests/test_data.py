import json
from pathlib import Path

import pytest

from flightdelay import data

SCHEMA: data.Schema = {"day": {"min": 1, "max": 31}, "carrier": {"letters": 2}, "late": {"one_of": ["0", "1"]}}


def row(**changes: str) -> data.Row:
    return {"day": "3", "carrier": "UA", "late": "0"} | changes


def test_good_rows() -> None:
    assert data.problems([row(), row(late="1")], SCHEMA) == []


@pytest.mark.parametrize("change", [{"day": "32"}, {"day": ""}, {"day": "x"}, {"carrier": "U"}, {"late": "2"}])
def test_bad_values(change: dict[str, str]) -> None:
    found = data.problems([row(), row(**change)], SCHEMA)
    assert len(found) == 1
    assert found[0].startswith("line 3: ")


def test_no_rows() -> None:
    assert data.problems([], SCHEMA) == ["there are no rows"]


def test_other_columns() -> None:
    assert data.problems([{"day": "3", "late": "0"}], SCHEMA)[0].startswith("columns are day, late")


def test_main_tells_by_exit_status(tmp_path: Path) -> None:
    schema, good, bad = tmp_path / "schema.json", tmp_path / "good.csv", tmp_path / "bad.csv"
    schema.write_text(json.dumps(SCHEMA))
    good.write_text("day,carrier,late\n3,UA,0\n")
    bad.write_text("day,carrier,late\n0,UA,0\n")
    assert data.main(good, schema) == 0
    assert data.main(bad, schema) == 1
