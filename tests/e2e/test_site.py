"""The site in a real browser: no request to another host, accessible in both palettes, readable on a telephone, from disk."""

from __future__ import annotations

import functools
import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.e2e.conftest import open_page

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium")]

# One page of each type.
PAGES = (
    "index.html",
    "start/how-labs-work.html",
    "start/install.html",
    "concepts/history.html",
    "concepts/monitoring.html",
    "concepts/practices.html",
    "labs/index.html",
    "labs/00-orientation.html",
    "solutions/00-orientation.html",
    "instructors/rubric.html",
    "reference/commands.html",
    "reference/checks.html",
    "glossary.html",
    "404.html",
)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_every_request_stays_on_this_machine(browser: Browser, address: str, site: Path) -> None:
    hosts: set[str] = set()
    failed: list[str] = []
    context = browser.new_context()
    context.on("request", lambda request: hosts.add(urlsplit(request.url).hostname or ""))
    # What a page asks for while it is being left is aborted; that says nothing.
    context.on("requestfailed", lambda request: request.failure != "net::ERR_ABORTED" and failed.append(request.url))
    context.on("response", lambda response: response.status >= 400 and failed.append(response.url))
    paths = [path.relative_to(site).as_posix() for path in sorted(site.rglob("*.html"))]
    page = context.new_page()
    page.set_default_timeout(120_000)
    for path in paths:
        page.goto(address + path, wait_until="networkidle")
    context.close()
    assert hosts == {"127.0.0.1"}
    assert failed == []


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_violation_in_either_palette(browser: Browser, address: str, name: str) -> None:
    page = open_page(browser)
    page.goto(address + name)
    page.wait_for_function("document.fonts.status === 'loaded'")
    found = {}
    for scheme, palette in (("light", "default"), ("dark", "slate")):
        page.emulate_media(color_scheme=scheme)
        page.locator(f"body[data-md-color-scheme={palette}]").wait_for()
        found[scheme] = [
            (violation["id"], node["html"][:160], [check["message"] for check in node["any"]][:1])
            for violation in Axe().run(page).response["violations"]
            for node in violation["nodes"]
        ]
    page.context.close()
    assert found == {"light": [], "dark": []}


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_a_telephone(browser: Browser, address: str, name: str) -> None:
    page = open_page(browser, width=360)
    page.goto(address + name)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.context.close()


def test_only_the_diagram_of_the_palette_is_shown(browser: Browser, address: str) -> None:
    for scheme, other in (("light", "dark"), ("dark", "light")):
        page = open_page(browser, scheme)
        page.goto(address + "concepts/pipeline.html")
        # The palette is chosen by a script, which may come after the page's load.
        page.locator(f".diagram--{scheme} img").first.wait_for(state="visible")
        page.locator(f".diagram--{other} img").first.wait_for(state="hidden")
        page.context.close()


def test_the_keyboard_reaches_search_and_its_first_result(browser: Browser, address: str) -> None:
    page = open_page(browser)
    page.goto(address + "index.html")
    page.keyboard.press("/")
    page.keyboard.type("canary")
    page.wait_for_selector(".md-search-result__link")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/concepts/[\w-]+\.html\?h="))
    page.context.close()


def test_what_the_copy_button_copies_can_be_run(browser: Browser, address: str) -> None:
    page = open_page(browser)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(address + "start/first-success.html")
    block = page.locator(".highlight", has_text="flight.json").first
    shown = block.locator("code").inner_text()
    assert "$ cat labs/00-orientation/flight.json" in shown
    block.hover()
    block.locator("[data-clipboard-target], .md-code__button[data-md-type=copy], .md-clipboard").first.click()
    page.wait_for_function("navigator.clipboard.readText().then(text => text.includes('flight.json'))")
    copied = page.evaluate("navigator.clipboard.readText()")
    lines = [line for line in copied.splitlines() if line.strip()]
    assert lines[0] == "cat labs/00-orientation/flight.json"
    assert lines[1].startswith("curl -s http://127.0.0.1:8000/predict")
    assert len(lines) == 2, "neither a prompt nor what the command printed"
    page.context.close()


def test_a_page_can_be_printed(browser: Browser, address: str) -> None:
    page = open_page(browser)
    page.goto(address + "start/first-success.html")
    page.emulate_media(media="print")
    for gone in (".md-header", ".md-tabs", ".md-sidebar", ".md-footer"):
        assert page.locator(gone).first.is_hidden(), gone
    # An answer that is folded on the screen cannot be unfolded on paper.
    page.get_by_text("It answers, as sure of itself as before.").wait_for(state="visible")
    page.goto(address + "labs/00-orientation.html")
    page.emulate_media(media="print")
    assert page.locator(".lab-panel").is_visible(), "without the course server it holds the commands"
    page.goto(address + "concepts/practices.html")
    page.emulate_media(media="print")
    box = page.locator(".task-list-indicator").first
    border = box.evaluate("box => getComputedStyle(box, '::before').borderTopWidth")
    assert border == "2px", "a box to tick is drawn by its border, for paper has no background"
    page.context.close()


def test_whoever_wants_less_motion_gets_none(browser: Browser, address: str) -> None:
    moving = """() => [...document.querySelectorAll('*')].flatMap(e => [null, '::before', '::after'].map(p => getComputedStyle(e, p)))
        .filter(s => [...s.transitionDuration.split(','), ...s.animationDuration.split(',')].some(d => parseFloat(d) > 0.001)
            || s.scrollBehavior === 'smooth').length"""
    for motion in ("reduce", "no-preference"):
        context = browser.new_context(reduced_motion=motion)
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.goto(address + "labs/00-orientation.html")
        found = page.evaluate(moving)
        assert (found == 0) == (motion == "reduce"), f"{found} elements move"
        context.close()


def test_the_keyboard_alone_reaches_the_text_and_shows_where_it_is(browser: Browser, address: str) -> None:
    page = open_page(browser)
    page.goto(address + "concepts/pipeline.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.classList.contains('md-skip')")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("#"))
    seen: list[str] = []
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.outerHTML.slice(0, 200)"))
        outline = page.evaluate("""() => { const s = getComputedStyle(document.activeElement);
            return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0 || s.boxShadow !== 'none' }""")
        assert outline, f"no ring shows that this has the focus: {seen[-1]}"
    assert any("assets/diagrams/" in html for html in seen), "the diagram can be opened with the keyboard"
    assert len(set(seen)) > 6
    page.context.close()


def test_solutions_cannot_be_found_by_searching(browser: Browser, address: str) -> None:
    page = open_page(browser)
    page.goto(address + "index.html")
    page.keyboard.press("/")
    page.keyboard.type("solution orientation")
    page.wait_for_selector(".md-search-result__meta")
    page.wait_for_function("document.querySelector('.md-search-result__meta').textContent.includes('document')")
    links = page.locator(".md-search-result__link").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    assert links
    assert [link for link in links if "solutions/" in link] == []
    page.context.close()


def test_the_site_works_from_disk_with_its_search(browser: Browser, site: Path) -> None:
    page = open_page(browser)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto((site / "index.html").as_uri())
    page.keyboard.press("/")
    page.keyboard.type("postmortem")
    page.wait_for_selector(".md-search-result__link")
    # Search, links, styles and pictures work without a server.
    page.locator(".md-search-result__link").first.click()
    page.wait_for_url(re.compile(r"^file:.*\.html"))
    page.goto((site / "index.html").as_uri())
    page.get_by_role("link", name="The pipeline", exact=True).first.click()
    page.wait_for_url(re.compile(r"^file:.*/concepts/pipeline\.html"))
    picture = page.locator(".diagram--light img").first
    picture.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('.diagram--light img').naturalWidth > 0")
    page.wait_for_function("document.fonts.status === 'loaded'")
    assert page.evaluate("document.fonts.check('16px \\'Source Sans 3\\'')")
    assert {urlsplit(url).scheme for url in requests} <= {"file", "about", "blob", "data"}
    page.context.close()
