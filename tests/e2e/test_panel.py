"""The "Check my work" panel in a real browser: the real page of a lab, over a small course behind the real server."""

from __future__ import annotations

import contextlib
import http.server
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
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

    def renew(self) -> None:
        """As at the beginning: a course that nobody has worked in, no run going on."""
        if self.process.poll() is None and judges_of(self):
            self.stop()
        shutil.rmtree(self.course)
        make_course(self.course)
        if self.process.poll() is not None:
            self.start()

    def write(self, text: str, name: str = "answer.txt") -> None:
        (self.course / "work" / LAB / name).write_text(text)


@pytest.fixture(scope="module")
def running(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CourseServer]:
    server = CourseServer(site, tmp_path_factory.mktemp("panel") / "course")
    yield server
    if server.process.poll() is None:
        server.stop()


@pytest.fixture
def server(running: CourseServer) -> CourseServer:
    running.renew()
    return running


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
    deadline = time.monotonic() + 120  # far less than the ten minutes that the check would sleep
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


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the button of that name has the focus."""
    button = page.locator(".lab-panel, dialog").get_by_role("button", name=name, exact=True)
    expect(button).to_be_visible()
    for _ in range(80):
        if button.evaluate("button => button === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {name}")


def test_a_whole_lab_without_a_mouse(browser: Browser, server: CourseServer) -> None:
    page = lab_page(browser, server)
    tab_to(page, "Begin the lab")
    page.keyboard.press("Enter")
    expect(page.locator(".lab-panel").get_by_role("button", name="Check my work")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator('[data-check="number"][data-status="failed"]')).to_be_visible()
    finished(page)
    expect(page.locator(".lab-panel").get_by_role("button", name="Check my work")).to_be_focused()
    tab_to(page, "Hint")
    page.keyboard.press("Space")
    expect(page.locator(".lab-hint")).to_contain_text("Hint 1 of 3")
    server.write("mine")
    tab_to(page, "Reset …")
    page.keyboard.press("Enter")
    tab_to(page, "Keep my work")
    page.keyboard.press("Enter")
    expect(page.locator("dialog")).to_have_count(0)
    assert (server.course / "work" / LAB / "answer.txt").read_text() == "mine"
    # The focus is back where it was, so one more Enter asks again.
    page.keyboard.press("Enter")
    tab_to(page, "Start again")
    page.keyboard.press("Enter")
    expect(page.locator(".lab-status")).to_contain_text("A clean workspace")
    page.context.close()


def test_a_page_whose_server_does_not_answer_offers_to_try_again(browser: Browser, server: CourseServer) -> None:
    page = open_page(browser)
    page.route("**/api/**", lambda route: route.abort())
    page.goto(f"{server.url}/labs/{LAB}.html")
    expect(page.locator(".lab-notice")).to_contain_text("The course server does not answer")
    # Nothing is known of the learner, so nothing else is offered.
    assert page.locator(".lab-panel button:visible").all_inner_texts() == ["Try again"]
    page.unroute("**/api/**")
    press(page, "Try again")
    expect(page.locator(".lab-panel").get_by_role("button", name="Begin the lab")).to_be_visible()
    expect(page.locator(".lab-notice")).to_be_empty()
    page.context.close()


def test_a_page_that_is_not_there_says_so_at_any_depth(browser: Browser, server: CourseServer) -> None:
    page = open_page(browser)
    missing: list[str] = []
    page.on("response", lambda response: missing.append(response.url) if response.status == 404 else None)
    page.goto(f"{server.url}/a/b/nowhere.html")
    expect(page.get_by_role("heading", name="This flight is not on the board")).to_be_visible()
    assert missing == [f"{server.url}/a/b/nowhere.html"], "its styles and scripts are found from any depth"
    page.get_by_role("link", name="The home page").click()
    page.wait_for_url(f"{server.url}/index.html")
    page.context.close()


EVIL = """<!doctype html><title>evil</title><iframe name="sink"></iframe>
<form method="post" enctype="text/plain" target="sink" action="{url}/api/labs/{lab}/begin"><input name="a" value="b"></form>
<script>
const tried = [];
const attempt = (name, promise) => promise.then(r => tried.push([name, r.type, r.status]), e => tried.push([name, "refused", 0]));
(async () => {{
  document.forms[0].submit();
  await attempt("read a page", fetch("{url}/index.html"));
  await attempt("begin", fetch("{url}/api/labs/{lab}/begin", {{method: "POST", mode: "no-cors"}}));
  await attempt("begin with a token", fetch("{url}/api/labs/{lab}/begin", {{method: "POST", headers: {{"X-Lab-Token": "x"}}}}));
  await attempt("state", fetch("{url}/api/labs/{lab}"));
  const frame = document.createElement("iframe");
  frame.src = "{url}/labs/{lab}.html";
  document.body.append(frame);
  await new Promise(done => frame.onload = done);
  try {{ tried.push(["frame", frame.contentDocument.title, 0]); }} catch {{ tried.push(["frame", "refused", 0]); }}
  document.title = "done";
}})();
window.tried = tried;
</script>"""


@contextlib.contextmanager
def serving(html: str) -> Iterator[str]:
    """A page at an address of another origin, though on this machine: what a browser lets through to us at all."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        yield f"http://localhost:{other.server_port}/"
        other.shutdown()


def test_a_page_of_another_site_can_neither_read_nor_do_anything(browser: Browser, server: CourseServer) -> None:
    page = open_page(browser)
    begin = f"/api/labs/{LAB}/begin"
    answers: list[int] = []
    page.on("response", lambda response: answers.append(response.status) if response.url.endswith(begin) else None)
    with serving(EVIL.format(url=server.url, lab=LAB)) as address:
        page.goto(address)
        page.wait_for_function("document.title === 'done'")
        tried = {name: kind for name, kind, _ in page.evaluate("window.tried")}
    assert tried.pop("begin") in ("opaque", "refused"), "it may be sent; its answer cannot be read"
    assert set(tried.values()) == {"refused"}, tried
    assert 403 in answers, "the form did reach the server"
    assert 200 not in answers
    assert not (server.course / "work").exists()
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
