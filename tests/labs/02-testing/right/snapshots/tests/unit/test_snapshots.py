"""Each answer is what it was when somebody looked at it and found it right."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from flightdelay import calendar, clock

KEPT = json.loads(Path("tests/unit/snapshots/answers.json").read_text("utf-8"))
ASK = {
    "to_minutes": clock.to_minutes,
    "add": lambda pair: clock.add_minutes(*pair),
    "delay": lambda pair: clock.delay_minutes(*pair),
    "late": lambda pair: clock.is_late(*pair),
    "mean": clock.mean_delay,
    "days": lambda text: calendar.calendar_features(date.fromisoformat(text)),
}


@pytest.mark.parametrize(("name", "number"), [(name, number) for name in KEPT for number in range(len(KEPT[name]))])
def test_as_kept(name, number, tmp_path):
    row = KEPT[name][number]
    seen = json.dumps(ASK[name](row["given"]), sort_keys=True)
    (tmp_path / "seen.json").write_text(seen)
    assert json.loads((tmp_path / "seen.json").read_text()) == row["seen"]


def test_what_json_cannot_hold():
    days = [date(2014, 1, 1), date(2013, 7, 4)]
    assert calendar.days_to_holiday(date(2013, 7, 4), days) == 0
    assert days == [date(2014, 1, 1), date(2013, 7, 4)]
    assert calendar.local_date(datetime(2013, 7, 5, 2, 30, tzinfo=UTC), -4) == date(2013, 7, 4)
