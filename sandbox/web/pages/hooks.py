"""MkDocs hooks of the course site. Named in ``mkdocs.yml``; the work is done by the modules beside this one.

- navigation: ``labs/*.md`` stands for that folder's pages which are named nowhere else;
- lab pages: the head and the abilities come from ``lab.toml``; so do the home page's
  board and the map that stands in place of ``<!-- labs:map -->``;
- a mention of a lab, ``[drift](lab:12)``, is a link where this copy has that lab, and says "(to come)" where not;
- reference pages and the JSON Schema of the result record are generated from the code;
- pages of drafts are left out: a lab is on the site when its ``lab.toml`` is there;
- solution pages are kept out of the search index, whatever their front matter says, and lead back to their lab;
- diagrams are links to themselves, so that they can be seen large on a narrow screen;
- every page of prose shows how long it takes to read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from sandbox.course import LAB_ID, LabSpec
from sandbox.errors import UserError
from sandbox.web.pages import labs, reference

WORDS_A_MINUTE = 220
DIAGRAM = re.compile(
    r'(?P<tag><img [^>]*src="(?P<file>[^"#]*assets/diagrams/[^"#]+)#only-(?P<scheme>light|dark)"[^>]*?)\s*/?>'
)
VIEW_BOX = re.compile(r'viewBox="0 0 (?P<width>\d+) (?P<height>\d+)"')
TITLE = re.compile(r"^# .*$", re.MULTILINE)
NO_READING_TIME = re.compile(r"^(index|404|(labs|solutions)/.*|reference/(commands|checks|index))(\.md)?$")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Read the labs and expand the navigation."""
    root = Path(config.config_file_path).parent
    # Included files are named from the course's folder, from wherever the build is started.
    config.mdx_configs["pymdownx.snippets"]["base_path"] = [str(root)]
    try:
        specs = labs.read_specs(root / "labs")
    except UserError as error:
        raise PluginError(str(error)) from None
    # A lab without a page is not shown, so that a link to it cannot be dead; a test tells which pages are missing.
    shown = {name: spec for name, spec in specs.items() if Path(config.docs_dir, "labs", f"{name}.md").is_file()}
    config.extra["labs"] = shown
    config.extra["drafts"] = drafts = {
        path.stem
        for folder in ("labs", "solutions")
        for path in Path(config.docs_dir, folder).glob("*.md")
        if LAB_ID.match(path.stem) and path.stem not in specs
    }
    if config.nav:
        titles = {f"labs/{spec.id}.md": f"{spec.id[:2]} {spec.title}" for spec in shown.values()}
        left_out = {*_named(config.nav), *(f"labs/{name}.md" for name in drafts)}
        config.nav = expand(config.nav, Path(config.docs_dir), left_out, titles)
    return config


def expand(nav: list[Any], docs: Path, left_out: set[str], titles: Mapping[str, str]) -> list[Any]:
    """Replace each ``folder/*.md`` of a navigation by the pages of that folder.

    Args:
        nav: the navigation as it stands in ``mkdocs.yml``.
        docs: the folder of the pages.
        left_out: paths that it does not stand for: those that the navigation names, and pages of drafts.
        titles: how to call a page, by path; other pages are called by their first heading.
    """
    result: list[Any] = []
    for entry in nav:
        if isinstance(entry, str) and entry.endswith("/*.md"):
            pages = (path.relative_to(docs).as_posix() for path in sorted(docs.glob(entry)))
            result += [{titles[page]: page} if page in titles else page for page in pages if page not in left_out]
        elif isinstance(entry, dict):
            result.append(
                {k: expand(v, docs, left_out, titles) if isinstance(v, list) else v for k, v in entry.items()}
            )
        else:
            result.append(entry)
    return result


def _named(nav: list[Any]) -> list[str]:
    """Every path that a navigation names."""
    names: list[str] = []
    for entry in nav:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            names += _named(value) if isinstance(value, list) else [value]
    return names


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and files that are generated from the code; take out the pages of drafts."""
    for name in config.extra["drafts"]:
        for page in (f"labs/{name}.md", f"solutions/{name}.md"):
            if file := files.get_file_from_path(page):
                files.remove(file)
    generated = {
        "reference/commands.md": reference.commands(import_module("sandbox.cli").app),
        "reference/checks.md": reference.checks(),
        reference.SCHEMA_FILE: reference.result_schema_text(),
    }
    for name, text in generated.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put in what comes from ``lab.toml``; keep solutions out of the search index."""
    name = page.file.src_uri
    specs: dict[str, LabSpec] = config.extra["labs"]
    if name.startswith("solutions/"):
        page.meta["search"] = {**page.meta.get("search", {}), "exclude": True}
        way_back = labs.way_back(specs[Path(name).stem])
        markdown = TITLE.sub(lambda title: f"{title[0]}\n\n{way_back}", markdown, count=1)
    if name == "index.md":
        page.meta["board"] = labs.board(specs) if specs else ""
    if name.startswith("labs/") and (spec := specs.get(Path(name).stem)):
        insert = labs.head(spec, specs)
        if f"\n## {labs.ABILITIES_HEADING}" not in markdown:
            insert += "\n" + labs.abilities(spec)
        markdown = TITLE.sub(lambda title: f"{title[0]}\n\n{insert}", markdown, count=1)
    return labs.mentions(markdown, name, specs).replace("<!-- labs:map -->", labs.lab_map(specs))


def _diagram(found: re.Match[str], docs: Path) -> str:
    """The picture as a link to itself. With its size, so that the text below does not jump when it comes in."""
    path = docs / "assets" / "diagrams" / Path(found["file"]).name
    size = VIEW_BOX.search(path.read_text("utf-8")) if path.is_file() else None
    sized = f' width="{size["width"]}" height="{size["height"]}"' if size else ""
    return f'<a class="diagram diagram--{found["scheme"]}" href="{found["file"]}">{found["tag"]}{sized} loading="lazy" /></a>'


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Make diagrams open large, and say under the title how long the page takes to read; code is not counted."""
    html = DIAGRAM.sub(lambda found: _diagram(found, Path(config.docs_dir)), html)
    if NO_READING_TIME.match(page.file.src_uri):
        return html
    prose = re.sub(r"<[^>]+>", " ", re.sub(r"<pre.*?</pre>", "", html, flags=re.DOTALL))
    minutes = max(1, round(len(prose.split()) / WORDS_A_MINUTE))
    return html.replace("</h1>", f'</h1>\n<p class="reading-time">{minutes} min read</p>', 1)
