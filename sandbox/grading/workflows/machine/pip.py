"""A small `pip` for a machine without network: its index is what the course's environment holds.

`pip.py ENVIRONMENT install …` links packages, with all that they depend on, into an environment that `setup-python`
made. A package that is not asked for is not there, as on a fresh machine.
"""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path
from typing import NoReturn

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

BRINGS_ITSELF = {"pip", "setuptools", "wheel"}
WITH_VALUE = {"-c", "--constraint", "-i", "--index-url", "--extra-index-url", "--progress-bar", "--retries", "--timeout",
              "--cache-dir", "--root-user-action", "--python-version", "-f", "--find-links"}  # fmt: skip


def stop(message: str) -> NoReturn:
    print(f"ERROR: {message}", file=sys.stderr)
    sys.exit(1)


def read_requirements(path: Path, seen: set[Path] | None = None) -> list[str]:
    """The requirements of a file, and of the files that it includes."""
    seen = seen or set()
    if not path.is_file():
        stop(f"Could not open requirements file: {path} does not exist")
    if path.resolve() in seen:
        return []
    seen.add(path.resolve())
    found = []
    text = re.sub(r"\\\n", " ", path.read_text("utf-8"))
    for line in text.splitlines():
        line = re.sub(r"(^|\s)#.*$", "", line).strip()
        if match := re.match(r"(-r|--requirement)[ =]+(\S+)", line):
            found += read_requirements(path.parent / match.group(2), seen)
        elif line and not line.startswith("-"):
            found.append(re.split(r"\s--hash", line)[0].strip())
    return found


def wanted(arguments: list[str]) -> list[str]:
    """The requirements that the words after `pip install` ask for."""
    found: list[str] = []
    words = iter(arguments)
    for word in words:
        if word in ("-r", "--requirement"):
            found += read_requirements(Path(next(words, "")))
        elif word.startswith(("--requirement=", "-r")) and word != "-r":
            found += read_requirements(Path(word.removeprefix("--requirement=").removeprefix("-r")))
        elif word in ("-e", "--editable") or word.startswith((".", "/")):
            stop("this repository is not a package that can be installed: it has no [project] table in pyproject.toml")
        elif word in WITH_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            found.append(word)
    if not found:
        stop("You must give at least one requirement to install")
    return found


def resolve(lines: list[str]) -> dict[str, metadata.Distribution]:
    """Every distribution that is needed, by its name."""
    chosen: dict[str, metadata.Distribution] = {}
    done: set[str] = set()
    waiting: list[tuple[str, tuple[str, ...]]] = [(line, ()) for line in lines]
    while waiting:
        line, extras = waiting.pop()
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            stop(f"Invalid requirement: {line!r}")
        if requirement.marker and not any(requirement.marker.evaluate({"extra": extra}) for extra in extras or ("",)):
            continue
        name = canonicalize_name(requirement.name)
        key = f"{name}[{','.join(sorted(requirement.extras))}]"
        if name in BRINGS_ITSELF:
            continue
        try:
            distribution = chosen.get(name) or metadata.distribution(name)
        except metadata.PackageNotFoundError:
            stop(
                f"No matching distribution found for {line} (this machine has no network, and its index has no {name})"
            )
        if not requirement.specifier.contains(distribution.version, prereleases=True):
            stop(
                f"Could not find a version that satisfies the requirement {line} (from versions: {distribution.version})"
            )
        chosen[name] = distribution
        if key not in done:
            done.add(key)
            waiting += [(need, tuple(requirement.extras)) for need in distribution.requires or ()]
    return chosen


def link(distribution: metadata.Distribution, root: Path) -> None:
    """Put one distribution into the environment: its modules as links, its commands as scripts."""
    site = next(root.glob("lib/python*/site-packages"))
    scripts = [entry for entry in distribution.entry_points if entry.group == "console_scripts"]
    for entry in scripts:
        script = root / "bin" / entry.name
        call = f"import sys\nfrom {entry.module} import {entry.attr.split('.')[0]}\nsys.exit({entry.attr}())\n"
        script.write_text(f"#!{root}/bin/python\n{call}")
        script.chmod(0o755)
    for file in distribution.files or ():
        if file.parts[0] != "..":
            target, source = site / file.parts[0], Path(str(distribution.locate_file(file.parts[0])))
            if file.parts[0] != "__pycache__" and not target.exists() and source.exists():
                target.symlink_to(source)
        elif len(file.parts) > 1 and file.parts[-2] == "bin":
            target = root / "bin" / file.name
            if not target.exists():
                target.symlink_to(Path(str(distribution.locate_file(file))).resolve())


def installed(root: Path) -> list[metadata.Distribution]:
    site = next(root.glob("lib/python*/site-packages"))
    return sorted(metadata.distributions(path=[str(site)]), key=lambda each: each.name.lower())


def main(root: Path, arguments: list[str]) -> int:
    match [
        word for word in arguments if word not in ("-q", "--quiet", "--disable-pip-version-check", "-v", "--no-input")
    ]:
        case ["install", *rest]:
            chosen = resolve(wanted(rest))
            for distribution in chosen.values():
                link(distribution, root)
            names = sorted(f"{name}-{distribution.version}" for name, distribution in chosen.items())
            print(f"Successfully installed {' '.join(names)}" if names else "Requirement already satisfied")
        case ["list" | "freeze", *_]:
            print("\n".join(f"{each.name}=={each.version}" for each in installed(root)))
        case ["check", *_]:
            print("No broken requirements found.")
        case ["--version" | "-V", *_]:
            print("pip 0 (stand-in without network)")
        case ["cache" | "config" | "debug", *_]:
            pass
        case other:
            stop(f"this machine's pip knows install, list, freeze and check, not {' '.join(other[:1]) or 'nothing'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
