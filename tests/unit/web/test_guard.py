"""Attacks on the course server: each is refused, and nothing was begun."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from sandbox.web.guard import TOKEN_HEADER
from tests.unit.web.conftest import ADDRESS, LAB, TOKEN

BEGIN = f"/api/labs/{LAB}/begin"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Host": "evil.example:8080"}, 421),
        ({"Host": "127.0.0.1.evil.example"}, 421),
        ({"Host": "[::1"}, 421),
        ({TOKEN_HEADER: ""}, 401),
        ({TOKEN_HEADER: TOKEN[:-1]}, 401),
        ({TOKEN_HEADER: "ä"}, 401),
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_stranger_is_refused(
    client: TestClient, course: Path, headers: dict[str, str], status: int, method: str
) -> None:
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    path = BEGIN if method == "POST" else f"/api/labs/{LAB}"
    answer = client.request(method, path, headers=raw)
    assert answer.status_code == status
    assert not (course / "work").exists()
    assert "access-control-allow-origin" not in answer.headers


def test_a_preflight_gets_no_permission(client: TestClient) -> None:
    answer = client.options(BEGIN, headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"})
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_page_of_ours_is_let_in(client: TestClient, course: Path) -> None:
    answer = client.post(BEGIN, headers={"Origin": ADDRESS, "Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 200
    assert (course / "work" / LAB / "answer.txt").read_text() == "0\n"


def test_a_rebound_name_cannot_even_read_a_page(client: TestClient) -> None:
    answer = client.get("/index.html", headers={"Host": "evil.example"})
    assert answer.status_code == 421
    assert TOKEN not in answer.text


@pytest.mark.parametrize(
    "name", ["..%2f..%2fetc", "%2e%2e", "00-orientation%2f..%2f01", "00-orientation%00", "a" * 300]
)
def test_a_lab_name_is_no_path(client: TestClient, course: Path, name: str) -> None:
    answer = client.post(f"/api/labs/{name}/begin")
    assert answer.status_code in (404, 405, 422)
    assert not (course / "work").exists()


def test_a_file_outside_the_site_is_not_served(client: TestClient, course: Path) -> None:
    for path in ("/../course/labs/00-orientation/checks.py", "/%2e%2e/course/labs/00-orientation/checks.py"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "42" not in answer.text


def test_a_large_body_is_refused(client: TestClient) -> None:
    answer = client.post(f"/api/labs/{LAB}/hint", content=b"x" * 5000)
    assert answer.status_code == 413


def test_a_body_without_a_length_is_refused(client: TestClient) -> None:
    answer = client.post(f"/api/labs/{LAB}/hint", content=iter([b"{}"]))
    assert answer.status_code == 413


def test_too_many_changes_at_once_are_slowed_down(client: TestClient) -> None:
    answers = [client.post(f"/api/labs/{LAB}/cancel") for _ in range(31)]
    assert [answer.status_code for answer in answers] == [404] * 30 + [429]
    assert answers[-1].headers["retry-after"] == "10"


def test_pages_carry_the_token_and_a_policy(client: TestClient) -> None:
    page = client.get("/index.html")
    assert f'<meta name="lab-token" content="{TOKEN}">' in page.text
    assert page.headers["cache-control"] == "no-store"
    policy = page.headers["content-security-policy"]
    assert "'sha256-" in policy
    assert "unsafe-inline" not in policy.partition("style-src")[0]
    assert page.headers["x-frame-options"] == "DENY"


def test_a_script_has_no_token(client: TestClient) -> None:
    answer = client.get("/a.js")
    assert answer.text == "let b = 2;"
    assert answer.headers["cache-control"] == "no-cache"


def test_a_page_that_is_not_there(client: TestClient) -> None:
    answer = client.get("/nowhere.html")
    assert answer.status_code == 404
    assert "Not on the board" in answer.text
