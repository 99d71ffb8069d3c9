"""The API behind the panel: one lab from its beginning to a pass."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from tests.unit.web.conftest import LAB

URL = f"/api/labs/{LAB}"


def events(client: TestClient, path: str = f"{URL}/check", method: str = "POST") -> list[dict[str, Any]]:
    answer = client.request(method, path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    return [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line.startswith("data: ")]


def write(course: Path, text: str, name: str = "answer.txt") -> None:
    (course / "work" / LAB / name).write_text(text)


def test_from_begin_to_pass(client: TestClient, course: Path) -> None:
    state = client.get(URL).json()
    assert (state["begun"], state["last"], state["running"]) == (False, None, False)

    state = client.post(f"{URL}/begin").json()
    assert state["begun"]
    assert state["workspace"] == str(course / "work" / LAB)

    told = events(client)
    assert [event["event"] for event in told if event["event"] in ("plan", "result", "done")] == [
        "plan", "result", "result", "done",
    ]  # fmt: skip
    first = told[-1]["result"]["checks"][0]
    assert (first["status"], first["observed"], first["expected"]) == ("failed", "0", "42")

    for number in (1, 2, 3, 3):
        hint = client.post(f"{URL}/hint", json={}).json()
        assert (hint["check"], hint["number"], hint["total"]) == ("number", number, 3)
    assert hint["text"] == "Write 42."

    write(course, "42\n")
    write(course, "", "more.txt")
    assert events(client)[-1]["result"]["score"] == 3
    rows = client.get("/api/labs").json()
    assert rows == [{"id": LAB, "title": "Mini", "begun": True, "best": 3, "score": 3, "max_score": 3, "passed": True}]


def test_reset_asks_and_keeps(client: TestClient, course: Path) -> None:
    client.post(f"{URL}/begin")
    write(course, "mine")
    assert client.post(f"{URL}/reset", json={"confirm": "yes"}).status_code == 422
    assert client.post(f"{URL}/reset", json={}).status_code == 422
    state = client.post(f"{URL}/reset", json={"confirm": LAB}).json()
    assert Path(state["kept"], "answer.txt").read_text() == "mine"
    assert (course / "work" / LAB / "answer.txt").read_text() == "0\n"


def test_what_cannot_be_done_is_told(client: TestClient) -> None:
    told = events(client)
    assert told[-1]["event"] == "problem"
    assert "Begin the lab first" in told[-1]["fix"]
    assert client.post(f"{URL}/hint", json={}).json()["fix"].startswith("Run `lab check 00`")
    assert client.get("/api/labs/07-nowhere").status_code == 404
    assert client.get(f"{URL}/events").status_code == 404
    client.post(f"{URL}/begin")
    assert client.post(f"{URL}/begin").status_code == 409


def test_a_traceback_of_the_judge_stays_at_home(client: TestClient, course: Path) -> None:
    client.post(f"{URL}/begin")
    write(course, "broken")
    told = events(client)
    assert told[-1]["result"]["checks"][0]["status"] == "error"
    assert "Traceback" not in json.dumps(told)


def test_one_run_at_a_time_then_cancel(client: TestClient, course: Path) -> None:
    client.post(f"{URL}/begin")
    write(course, "slow")
    seen: list[list[dict[str, Any]]] = []
    threads = [threading.Thread(target=lambda: seen.append(events(client)))]
    threads[0].start()
    while not client.get(URL).json()["running"]:
        time.sleep(0.05)
    answer = client.post(f"{URL}/check")
    assert answer.status_code == 409
    assert "is running" in answer.json()["message"]
    # A second tab follows the same run from its first event.
    threads.append(threading.Thread(target=lambda: seen.append(events(client, f"{URL}/events", "GET"))))
    threads[1].start()
    assert client.post(f"{URL}/cancel").status_code == 202
    for thread in threads:
        thread.join()
    assert [told[-1] for told in seen] == [{"event": "cancelled"}] * 2
    assert client.get(URL).json()["last"] is None
