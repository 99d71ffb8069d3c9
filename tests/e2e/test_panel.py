"""The "Check my work" panel in a real browser: the real page of a lab, over a small course behind the real server."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from sandbox.grading.live import free_port
from tests.e2e.conftest import open_page
from tests.unit.web.conftest import LAB, make_course

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium")]

# Generous: a loaded machine is slow, and a test that waits for what comes is no slower for it.
expect.set_options(timeout=60_000)


class CourseServer:
    """The server as `make start` runs it, over a course of its own."""

    def __init__(self, site: Path, course: Path) -> None:
        self.site, self.course = site, make_course(course)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        env = {k: v for k, v in os.environ.items() if not k.startswith("SANDBOX_")}
        command = [sys.executable, "-m", "sandbox.web", "--port", str(self.port)]
        self.process = subprocess.Popen(
            [*command, "--site", str(self.site), "--course", str(self.course)], env=env, start_new_session=True
        )
        while self.process.poll() is None:
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(f"{self.url}/healthz")
                return
            time.sleep(0.1)
        raise AssertionError("the course server did not start")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def write(self, text: str, name: str = "answer.txt") -> None:
        (self.course / "work" / LAB / name).write_text(text)


@pytest.fixture
def server(site: Path, tmp_path: Path) -> Iterator[CourseServer]:
    server = CourseServer(site, tmp_path / "course")
    yield server
    if server.process.poll() is None:
        server.stop()


def lab_page(browser: Browser, server: CourseServer, scheme: str = "light", width: int = 1280) -> Page:
    page = open_page(browser, scheme, width)
    page.set_default_timeout(60_000)
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda message: trouble.append(message.text) if "Content Security" in message.text else None)
    page.goto(f"{server.url}/labs/{LAB}.html")
    page.trouble = trouble  # type: ignore[attr-defined]
    return page


def press(page: Page, name: str) -> None:
    page.locator(".lab-panel").get_by_role("button", name=name, exact=True).click()


def status_of(page: Page, check: str) -> str | None:
    return page.locator(f'[data-check="{check}"]').get_attribute("data-status")


def finished(page: Page) -> None:
    expect(page.locator(".lab-panel").get_by_role("button", name="Check my work")).to_be_visible()
    expect(page.locator(".lab-panel").get_by_role("button", name="Stop")).to_be_hidden()


def test_start_fail_hint_fix_pass_progress(browser: Browser, server: CourseServer) -> None:
    page = lab_page(browser, server)
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname or ""))
    expect(page.locator(".lab-status")).to_contain_text("Not begun yet")
    press(page, "Begin the lab")
    expect(page.locator(".lab-where code")).to_have_text(str(server.course / "work" / LAB))

    press(page, "Check my work")
    story = page.locator('[data-check="number"][data-status="failed"] .lab-check__story')
    expect(story).to_contain_text("the answer is another one")
    expect(story).to_contain_text("42")
    finished(page)
    assert status_of(page, "second") == "skipped"

    press(page, "Hint")
    expect(page.locator(".lab-hint")).to_contain_text("Hint 1 of 3: Look at answer.txt; you wrote 0.")
    press(page, "Next hint")
    expect(page.locator(".lab-hint")).to_contain_text("Hint 2 of 3")

    server.write("42")
    server.write("", "more.txt")
    press(page, "Check my work")
    expect(page.locator(".lab-status")).to_have_text("All checks passed.")
    expect(page.locator(".lab-score")).to_contain_text("3 of 3 points")
    expect(page.locator(".lab-panel").get_by_role("button", name="Hint")).to_be_hidden()

    page.reload()
    expect(page.locator(".lab-status")).to_have_text("All checks passed.")
    page.goto(f"{server.url}/labs/index.html")
    expect(page.locator(".lab-progress")).to_contain_text("1 of 1 labs passed")
    expect(page.locator(f'[data-lab="{LAB}"] .lab-card__progress')).to_contain_text("passed")
    assert hosts == {"127.0.0.1"}
    assert page.trouble == []  # type: ignore[attr-defined]
    page.context.close()


def test_results_come_in_as_they_finish_and_a_slow_check_can_be_stopped(browser: Browser, server: CourseServer) -> None:
    page = lab_page(browser, server)
    press(page, "Begin the lab")
    expect(page.locator(".lab-where code")).to_be_visible()
    server.write("slow")
    press(page, "Check my work")
    expect(page.locator('[data-check="number"][data-status="running"]')).to_be_visible()
    press(page, "Stop")
    expect(page.locator(".lab-status")).to_contain_text("Stopped")
    finished(page)
    page.context.close()


def test_two_tabs_see_one_run(browser: Browser, server: CourseServer) -> None:
    first = lab_page(browser, server)
    press(first, "Begin the lab")
    expect(first.locator(".lab-where code")).to_be_visible()
    server.write("slow")
    press(first, "Check my work")
    expect(first.locator('[data-check="number"][data-status="running"]')).to_be_visible()
    second = first.context.new_page()
    second.goto(f"{server.url}/labs/{LAB}.html")
    expect(second.locator('[data-check="number"][data-status="running"]')).to_be_visible()
    press(second, "Stop")
    expect(first.locator(".lab-status")).to_contain_text("Stopped")
    expect(second.locator(".lab-status")).to_contain_text("Stopped")
    first.context.close()


def judges_of(server: CourseServer) -> list[str]:
    """Processes of the server's own that judge."""
    found = subprocess.run(["ps", "-o", "args=", "--ppid", str(server.process.pid)], capture_output=True, text=True)
    return [line for line in found.stdout.splitlines() if "sandbox.grading.worker" in line]


def test_a_closed_page_stops_its_run(browser: Browser, server: CourseServer) -> None:
    page = lab_page(browser, server)
    press(page, "Begin the lab")
    expect(page.locator(".lab-where code")).to_be_visible()
    server.write("slow")
    press(page, "Check my work")
    expect(page.locator('[data-check="number"][data-status="running"]')).to_be_visible()
    assert judges_of(server)
    page.context.close()
    deadline = time.monotonic() + 45  # less than the sixty seconds that the check would sleep
    while judges_of(server) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert judges_of(server) == []


def test_the_server_goes_away_and_comes_back(browser: Browser, server: CourseServer) -> None:
    page = lab_page(browser, server)
    press(page, "Begin the lab")
    expect(page.locator(".lab-where code")).to_be_visible()
    server.write("slow")
    press(page, "Check my work")
    expect(page.locator('[data-check="number"][data-status="running"]')).to_be_visible()
    judges = judges_of(server)
    assert judges
    server.stop()
    expect(page.locator(".lab-notice")).to_contain_text(
        "The course server does not answer. Start it again with make start"
    )
    press(page, "Check my work")
    expect(page.locator(".lab-notice")).to_contain_text("does not answer")
    server.start()
    press(page, "Check my work")
    expect(page.locator(".lab-notice")).to_contain_text("was started anew")
    page.locator(".lab-notice").get_by_role("button", name="Reload").click()
    server.write("42")
    press(page, "Check my work")
    expect(page.locator('[data-check="number"][data-status="passed"]')).to_be_visible()
    page.context.close()


def test_reset_asks_first(browser: Browser, server: CourseServer) -> None:
    page = lab_page(browser, server)
    press(page, "Begin the lab")
    expect(page.locator(".lab-where code")).to_be_visible()
    server.write("mine")
    press(page, "Reset …")
    page.get_by_role("button", name="Keep my work").click()
    answer = server.course / "work" / LAB / "answer.txt"
    assert answer.read_text() == "mine"
    press(page, "Reset …")
    page.keyboard.press("Escape")
    assert answer.read_text() == "mine"
    press(page, "Reset …")
    page.get_by_role("button", name="Start again").click()
    expect(page.locator(".lab-status")).to_contain_text("A clean workspace")
    assert answer.read_text() == "0\n"
    page.context.close()


def test_what_a_learner_wrote_is_never_html(browser: Browser, server: CourseServer) -> None:
    page = lab_page(browser, server)
    press(page, "Begin the lab")
    expect(page.locator(".lab-where code")).to_be_visible()
    attack = "<img src=x onerror=\"document.body.dataset.hit='1'\"><script>document.body.dataset.hit='2'</script>"
    server.write(attack)
    server.write("", "<img src=x onerror=document.body.dataset.hit='3'>.txt".replace("/", ""))
    press(page, "Check my work")
    expect(page.locator('[data-check="number"] dd').first).to_have_text(attack)
    press(page, "Hint")
    expect(page.locator(".lab-hint")).to_contain_text("<script>")
    assert page.evaluate("document.body.dataset.hit") is None
    assert page.locator(".lab-panel img, .lab-panel script").count() == 0
    page.context.close()


def violations(page: Page) -> list[tuple[str, str, list[str]]]:
    return [
        (violation["id"], node["html"][:120], [check["message"] for check in node["any"]][:1])
        for violation in Axe().run(page).response["violations"]
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation_in_the_panel(browser: Browser, server: CourseServer, scheme: str) -> None:
    page = lab_page(browser, server, scheme)
    press(page, "Begin the lab")
    expect(page.locator(".lab-where code")).to_be_visible()
    press(page, "Check my work")
    expect(page.locator('[data-check="number"][data-status="failed"]')).to_be_visible()
    finished(page)
    press(page, "Hint")
    expect(page.locator(".lab-hint")).to_be_visible()
    page.wait_for_function("document.fonts.status === 'loaded'")
    assert violations(page) == []
    press(page, "Reset …")
    assert violations(page) == []
    page.context.close()


def test_the_keyboard_is_enough(browser: Browser, server: CourseServer) -> None:
    page = lab_page(browser, server)
    begin = page.locator(".lab-panel").get_by_role("button", name="Begin the lab")
    expect(begin).to_be_visible()
    begin.focus()
    page.keyboard.press("Enter")
    # Focus goes on to what comes next.
    expect(page.locator(".lab-panel").get_by_role("button", name="Check my work")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator('[data-check="number"][data-status="failed"]')).to_be_visible()
    page.context.close()


def test_a_telephone_shows_it_whole(browser: Browser, server: CourseServer) -> None:
    page = lab_page(browser, server, width=360)
    press(page, "Begin the lab")
    expect(page.locator(".lab-where code")).to_be_visible()
    server.write("x" * 3000)
    press(page, "Check my work")
    expect(page.locator('[data-check="number"][data-status="failed"]')).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.context.close()


def test_plain_files_keep_the_commands(browser: Browser, site: Path) -> None:
    page = open_page(browser)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((site / "labs" / f"{LAB}.html").as_uri())
    expect(page.locator(".lab-panel")).to_contain_text("make check LAB=00")
    assert page.locator(".lab-panel button").count() == 0
    assert [url for url in asked if re.search(r"/panel/|/api/", url)] == []
    page.context.close()
