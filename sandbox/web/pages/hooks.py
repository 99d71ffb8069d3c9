"""MkDocs hooks of the course site. Named in ``mkdocs.yml``; the work is done by the modules beside this one.

- navigation: ``labs/*.md`` stands for that folder's pages which are named nowhere else;
- lab pages: the head and the abilities come from ``lab.toml``; so do the home page's
  board and the map that stands in place of ``<!-- labs:map -->``;
- reference pages and the JSON Schema of the result record are generated from the code;
- solution pages are kept out of the search index, whatever their front matter says;
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

from sandbox.course import LabSpec
from sandbox.errors import UserError
from sandbox.web.pages import labs, reference

WORDS_A_MINUTE = 220
DIAGRAM = re.compile(
    r'(?P<tag><img [^>]*src="(?P<file>[^"#]*assets/diagrams/[^"#]+)#only-(?P<scheme>light|dark)"[^>]*?)\s*/?>'
)
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
    if config.nav:
        titles = {f"labs/{spec.id}.md": f"{spec.id[:2]} {spec.title}" for spec in shown.values()}
        config.nav = expand(config.nav, Path(config.docs_dir), set(_named(config.nav)), titles)
    return config


def expand(nav: list[Any], docs: Path, named: set[str], titles: Mapping[str, str]) -> list[Any]:
    """Replace each ``folder/*.md`` of a navigation by the folder's pages that are not named in it.

    Args:
        nav: the navigation as it stands in ``mkdocs.yml``.
        docs: the folder of the pages.
        named: every path that the navigation names.
        titles: how to call a page, by path; other pages are called by their first heading.
    """
    result: list[Any] = []
    for entry in nav:
        if isinstance(entry, str) and entry.endswith("/*.md"):
            pages = (path.relative_to(docs).as_posix() for path in sorted(docs.glob(entry)))
            result += [{titles[page]: page} if page in titles else page for page in pages if page not in named]
        elif isinstance(entry, dict):
            result.append({k: expand(v, docs, named, titles) if isinstance(v, list) else v for k, v in entry.items()})
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
    """Add the pages and files that are generated from the code."""
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
    if name == "index.md":
        page.meta["board"] = labs.board(specs) if specs else ""
    if name.startswith("labs/") and (spec := specs.get(Path(name).stem)):
        insert = labs.head(spec, specs)
        if f"\n## {labs.ABILITIES_HEADING}" not in markdown:
            insert += "\n" + labs.abilities(spec)
        markdown = TITLE.sub(lambda title: f"{title[0]}\n\n{insert}", markdown, count=1)
    return markdown.replace("<!-- labs:map -->", labs.lab_map(specs))


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Make diagrams open large, and say under the title how long the page takes to read; code is not counted."""
    html = DIAGRAM.sub(r'<a class="diagram diagram--\g<scheme>" href="\g<file>">\g<tag> loading="lazy" /></a>', html)
    if NO_READING_TIME.match(page.file.src_uri):
        return html
    prose = re.sub(r"<[^>]+>", " ", re.sub(r"<pre.*?</pre>", "", html, flags=re.DOTALL))
    minutes = max(1, round(len(prose.split()) / WORDS_A_MINUTE))
    return html.replace("</h1>", f'</h1>\n<p class="reading-time">{minutes} min read</p>', 1)
