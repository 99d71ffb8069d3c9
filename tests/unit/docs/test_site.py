"""What the built site must hold: nothing from another host, no dead link, small pages, solutions out of the search."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from sandbox.course import open_course

from .conftest import ROOT

# Elements and attributes whose address a browser fetches by itself while it shows a page.
FETCHED = {
    "script": ("src",),
    "link": ("href",),
    "img": ("src", "srcset"),
    "source": ("src", "srcset"),
    "iframe": ("src",),
    "video": ("src", "poster"),
    "audio": ("src",),
    "object": ("data",),
    "embed": ("src",),
    "use": ("href", "xlink:href"),
}
FETCHED_RELATIONS = {"stylesheet", "icon", "preload", "modulepreload", "preconnect", "dns-prefetch", "manifest"}
FOREIGN = re.compile(r"^(https?:)?//")
BUDGET_BYTES = 300_000
OWN_BUDGET_BYTES = 150_000
MAX_NODES = 6_000
"""Elements of a page. The longest hold code, in which every word is an element."""


@dataclass
class Parsed(HTMLParser):
    """One page: what it fetches, where it links to, its anchors and its pictures."""

    fetched: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    pictures: list[dict[str, str | None]] = field(default_factory=list)
    headings: int = 0
    nodes: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.nodes += 1
        self.anchors |= {value for name in ("id", "name") if (value := found.get(name))}
        self.headings += tag == "h1"
        if tag == "img":
            self.pictures.append(found)
        if tag == "a" and (href := found.get("href")):
            self.links.append(href)
        if tag == "link" and not FETCHED_RELATIONS & set((found.get("rel") or "").split()):
            return
        self.fetched += [value for name in FETCHED.get(tag, ()) if (value := found.get(name))]


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Parsed]:
    parsed = {}
    for path in sorted(site.rglob("*.html")):
        parsed[path] = Parsed()
        parsed[path].feed(path.read_text("utf-8"))
    assert len(parsed) > 20
    return parsed


def test_no_page_fetches_anything_from_another_host(pages: dict[Path, Parsed]) -> None:
    foreign = [(path.name, url) for path, page in pages.items() for url in page.fetched if FOREIGN.match(url)]
    assert foreign == []


def test_no_style_or_picture_fetches_anything_from_another_host(site: Path) -> None:
    foreign = []
    for path in [*site.rglob("*.css"), *site.rglob("*.svg")]:
        text = path.read_text("utf-8")
        urls = re.findall(r"(?:url\(|@import|(?:xlink:)?href=|src=)\s*[\"']?((?:https?:)?//[^\"')\s]+)", text)
        foreign += [(path.name, url) for url in urls]
    assert foreign == []


def test_our_scripts_hold_no_address_of_another_host(site: Path) -> None:
    """The theme's own scripts (`*.min.js`) hold some for features that are off; a browser's network log proves that."""
    ours = [path for path in site.rglob("*.js") if ".min." not in path.name and path.name != "search_index.js"]
    ours = [path for path in ours if "lunr" not in path.parts]
    assert ours
    assert [path.name for path in ours if re.search(r"https?://", path.read_text("utf-8"))] == []


def test_features_of_the_theme_that_need_another_host_are_off(pages: dict[Path, Parsed]) -> None:
    for path in pages:
        html = path.read_text("utf-8")
        assert 'class="mermaid"' not in html, f"{path.name} uses Mermaid, which is loaded from another host"
        assert 'data-md-component="source"' not in html, f"{path.name} shows a repository's stars"


def test_every_link_inside_the_site_leads_somewhere(site: Path, pages: dict[Path, Parsed]) -> None:
    dead = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            # The 404 page is served at any depth, so its links start at the site's root.
            base = site if parts.path.startswith("/") else path.parent
            target = (base / unquote(parts.path).lstrip("/")).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file() or (
                parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors
            ):
                dead.append((path.relative_to(site).as_posix(), link))
    assert dead == []


def test_every_picture_says_in_words_what_it_shows(pages: dict[Path, Parsed]) -> None:
    silent = [
        (path.name, picture.get("src"))
        for path, page in pages.items()
        for picture in page.pictures
        if picture.get("alt") is None or ("assets/diagrams" in (picture.get("src") or "") and not picture["alt"])
    ]
    assert silent == []


def test_every_diagram_has_its_size_so_that_text_does_not_jump(pages: dict[Path, Parsed]) -> None:
    diagrams = [
        picture for page in pages.values() for picture in page.pictures if "assets/diagrams" in (picture["src"] or "")
    ]
    assert len(diagrams) > 20
    assert [picture["src"] for picture in diagrams if not (picture.get("width") and picture.get("height"))] == []


def test_pages_tell_a_browser_what_they_are(pages: dict[Path, Parsed]) -> None:
    titles: dict[str, Path] = {}
    for path, page in pages.items():
        html = path.read_text("utf-8")
        assert '<html lang="en"' in html, path.name
        assert '<meta name="viewport" content="width=device-width' in html, path.name
        title = re.findall(r"<title>(.+?)</title>", html)
        assert len(title) == 1, path.name
        assert titles.setdefault(f"{path.parent.name}: {title[0]}", path) == path, (
            f"{title[0]} is the title of two pages"
        )
        assert page.nodes < MAX_NODES, f"{path.name} has {page.nodes} elements"


def test_every_page_has_one_title(pages: dict[Path, Parsed]) -> None:
    assert {path.name: page.headings for path, page in pages.items() if page.headings != 1} == {}


def test_no_page_is_heavier_than_its_budget(site: Path, pages: dict[Path, Parsed]) -> None:
    """A page with its styles, scripts and fonts, before pictures: as sent compressed, and what is ours uncompressed."""
    heavy = []
    fonts = sum(path.stat().st_size for path in site.rglob("*.woff2"))
    for path, page in pages.items():
        files = {path}
        for url in page.fetched:
            target = (path.parent / urlsplit(url).path).resolve()
            if target.suffix in (".css", ".js"):
                files.add(target)
        if 'class="lab-panel"' in path.read_text("utf-8"):  # its modules are imported by a script
            files |= set((site / "assets" / "javascripts" / "panel").glob("*.js"))
        files = {file for file in files if file.is_file()}
        sent = fonts + sum(len(gzip.compress(file.read_bytes())) for file in files)
        ours = fonts + sum(f.stat().st_size for f in files if f.suffix != ".html" and ".min." not in f.name)
        if sent > BUDGET_BYTES or ours > OWN_BUDGET_BYTES:
            heavy.append((path.relative_to(site).as_posix(), sent, ours))
    assert heavy == []


def test_solutions_are_not_in_the_search_index(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text("utf-8"))
    found = [entry["location"] for entry in index["docs"]]
    assert any(location.startswith("start/") for location in found)
    assert [location for location in found if location.startswith("solutions/")] == []


def test_solutions_say_themselves_that_they_are_not_searched() -> None:
    """The hook enforces it here; the front matter says it to every other tool that reads these pages."""
    for path in sorted((ROOT / "docs" / "solutions").glob("*.md")):
        head = path.read_text("utf-8").split("---")[1]
        assert re.search(r"search:\s*\n\s+exclude:\s*true", head), path.name


def test_every_lab_has_its_page_and_its_solution_page(site: Path) -> None:
    for lab in open_course(ROOT).labs:
        page = site / "labs" / f"{lab.id}.html"
        assert page.is_file(), f"docs/labs/{lab.id}.md is missing"
        assert (site / "solutions" / f"{lab.id}.html").is_file(), f"docs/solutions/{lab.id}.md is missing"
        html = page.read_text("utf-8")
        assert f'data-lab="{lab.id}"' in html
        for ability in lab.spec.abilities:
            words = re.sub(r"[`*]", "", ability.text)
            assert words.split()[0] in html


def test_pages_of_drafts_are_not_there(site: Path) -> None:
    """A lab is on the site when its ``lab.toml`` is there, and nowhere in it before."""
    ids = {lab.id for lab in open_course(ROOT).labs}
    for folder in ("labs", "solutions"):
        assert {path.stem for path in (site / folder).glob("*.html")} - {"index"} == ids
    locations = [
        entry["location"] for entry in json.loads((site / "search" / "search_index.json").read_text("utf-8"))["docs"]
    ]
    labs = {location.partition("#")[0] for location in locations if location.startswith("labs/")}
    assert labs == {"labs/index.html", *(f"labs/{name}.html" for name in ids)}


def test_every_mention_of_a_lab_became_a_link_or_says_that_it_is_to_come(site: Path, pages: dict[Path, Parsed]) -> None:
    assert [(path.name, link) for path, page in pages.items() for link in page.links if link.startswith("lab:")] == []
    ids = {lab.id for lab in open_course(ROOT).labs}
    plan = (site / "instructors" / "syllabus.html").read_text("utf-8")
    assert {name for name in ids if f'href="../labs/{name}.html"' not in plan} == set()
    assert ("to come)" in plan) == (len(ids) < 15)


def test_a_solution_leads_back_to_its_lab(pages: dict[Path, Parsed]) -> None:
    solutions = {path: page for path, page in pages.items() if path.parent.name == "solutions"}
    assert solutions
    assert [path.name for path, page in solutions.items() if f"../labs/{path.name}" not in page.links] == []


def test_there_is_a_page_for_what_is_not_there(site: Path) -> None:
    assert "not on the board" in (site / "404.html").read_text("utf-8")
