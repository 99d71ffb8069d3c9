"""Reads a Dockerfile as data: which images it starts from, whether they are pinned, and the same file on other images."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from judge.image import normal

_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?([-+])([^}]*))?\}|(\w+))")
_RELEASE = re.compile(r"bookworm|bullseye|trixie|buster|alpine3\.\d+|noble|jammy|ubi\d")
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
# `==1.*` is a range, not a version.
_PIN = re.compile(r"===?[^*]+$|@|\$")
_LISTS = re.compile(r"(?:^|\s)-(?:-(?=[rc]))?(r|c)(?:equirement|onstraint)?[\s=]*(\S+)")
STAND_IN = "python:3.11-slim-bookworm"
_STANDS_FOR = re.compile(r"(?:library/)?python:3\.11(?:\.\d+)?-slim(?:-bookworm)?(?:@sha256:[0-9a-f]{64})?")

_OPTIONS_WITH_VALUE = """
-r --requirement -c --constraint -t --target -d --dest -w --wheel-dir -f --find-links -i --index-url --extra-index-url
-e --editable --prefix --root --python --only-binary --no-binary --platform --python-version --implementation --abi
--timeout --retries --cache-dir --progress-bar --trusted-host --cert --src --upgrade-strategy --root-user-action
--report --proxy --log
"""
_WITH_VALUE = frozenset(_OPTIONS_WITH_VALUE.split())


@dataclass(frozen=True)
class Instruction:
    """One instruction: its lines (from, until; counted from 0), its word and the rest in one line."""

    begin: int
    end: int
    word: str
    rest: str


@dataclass(frozen=True)
class Source:
    """An image of elsewhere that the file needs: where it is named, by which text, and what that comes to."""

    instruction: Instruction
    text: str
    image: str


def instructions(text: str) -> Iterator[Instruction]:
    """The instructions of a Dockerfile; comments and empty lines inside a continued one count as nothing, as in a build."""
    begin, gathered = -1, ""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        begin = number if begin < 0 else begin
        goes_on = line.rstrip().endswith("\\")
        gathered += line.rstrip().removesuffix("\\") + " "
        if not goes_on or number == len(lines) - 1:
            word, _, rest = gathered.strip().partition(" ")
            yield Instruction(begin, number, word.upper(), rest.strip())
            begin, gathered = -1, ""


def sources(text: str) -> list[Source]:
    """Every image of elsewhere, in order; ``scratch`` and the file's own stages are none."""
    values: dict[str, str] = {}
    stages: set[str] = set()
    found: list[Source] = []
    number = 0
    for instruction in instructions(text):
        words = instruction.rest.split()
        if instruction.word == "ARG" and not number:
            values |= {k: v.strip("\"'") for k, _, v in (word.partition("=") for word in words)}
        elif instruction.word == "FROM":
            names = [word for word in words if not word.startswith("--")]
            if not names:
                continue
            image = _resolve(names[0], values)
            if image.lower() not in stages | {"scratch"}:
                found.append(Source(instruction, names[0], image))
            if len(names) == 3 and names[1].lower() == "as":
                stages.add(names[2].lower())
            stages.add(str(number))
            number += 1
        elif instruction.word == "COPY":
            for word in words:
                if word.startswith("--from=") and word.removeprefix("--from=").lower() not in stages:
                    found.append(Source(instruction, word.removeprefix("--from="), word.removeprefix("--from=")))
    return found


def on_other_images(text: str, images: Mapping[str, str]) -> str:
    """The same file with other images in place of its own; each line keeps its number."""
    lines = text.splitlines()
    for source in sources(text):
        instruction, other = source.instruction, images[source.image]
        if instruction.word == "FROM":
            rest = " ".join(other if word == source.text else word for word in instruction.rest.split())
            lines[instruction.begin : instruction.end + 1] = [
                f"FROM {rest}",
                *[""] * (instruction.end - instruction.begin),
            ]
        else:
            for number in range(instruction.begin, instruction.end + 1):
                lines[number] = lines[number].replace(f"--from={source.text}", f"--from={other}")
    return "\n".join(lines) + "\n"


def last_stage(text: str) -> set[str]:
    """The names under which the last stage is known: its number, and the one that it was given."""
    stages = [each.rest.split() for each in instructions(text) if each.word == "FROM"]
    if not stages:
        return set()
    words = [word.lower() for word in stages[-1]]
    number = str(len(stages) - 1)
    return {number, words[-1]} if "as" in words else {number}


def refused(text: str) -> str:
    """What in the file the judge does not build, and why; empty where nothing.

    ``ADD`` fetches addresses through the engine itself, past the limits of a build's network, and ``ONBUILD`` can bring one in.
    Another escape character would make this reader and the engine read two different files.
    """
    if re.search(r"(?im)^\s*#\s*escape\s*=", text):
        return "the directive `escape`"
    words = {instruction.word for instruction in instructions(text)} & {"ADD", "ONBUILD"}
    return f"the instruction {sorted(words)[0]}" if words else ""


def is_pinned(image: str) -> bool:
    """A digest, a full version (three numbers), or a version with the release of the system below it."""
    if _DIGEST.search(image):
        return True
    tag = image.rpartition("/")[2].partition(":")[2]
    return bool(re.search(r"\d+\.\d+\.\d+", tag) or (re.search(r"\d", tag) and _RELEASE.search(tag)))


def unpinned_packages(text: str, files: Mapping[str, str] | None = None) -> list[str]:
    """What the file's own lines install with pip by name and without a version.

    Args:
        files: texts of the submission's other files by path: scripts, and lists of packages or constraints that a line names.
    """
    files = files or {}
    # `COPY docker/packages.txt /tmp/list.txt`: the list is known under another name from there on.
    renamed = {}
    for copy in (each for each in instructions(text) if each.word == "COPY"):
        words = [word for word in copy.rest.split() if not word.startswith("--")]
        if len(words) == 2:
            renamed[PurePosixPath(words[1]).name] = str(PurePosixPath(words[0]))
    commands = [each.rest for each in instructions(text) if each.word == "RUN"]
    for name, script in files.items():
        if name.endswith(".sh") or script.startswith("#!"):
            commands += [line for line in script.replace("\\\n", " ").splitlines() if not line.lstrip().startswith("#")]
    found = []
    for command in (part for whole in commands for part in re.split(r"&&|\|\||[;|]", whole)):
        if match := re.search(r"\bpip3?\s+(?:-.*?\s)?(?:install|wheel|download)\b(.*)", command):
            found += _unpinned(match[1], files, renamed)
    return list(dict.fromkeys(found))


def _unpinned(arguments: str, files: Mapping[str, str], renamed: Mapping[str, str]) -> list[str]:
    """What these arguments of pip, and the lists that they name, leave open."""
    named = {"r": [], "c": []}  # type: dict[str, list[str]]
    for option, path in _LISTS.findall(arguments):
        base = PurePosixPath(path.strip("\"'")).name
        named[option] += [n for n in files if n == renamed.get(base) or PurePosixPath(n).name == base]
    fixed = {_package(line) for name in named["c"] for line in _requirements(files[name]) if _PIN.search(line)}
    words = _names(arguments) + [line for name in named["r"] for line in _requirements(files[name])]
    return [word for word in words if not _PIN.search(word) and _package(word) not in fixed]


def _requirements(text: str) -> list[str]:
    """The packages of a list, without comments, markers and options."""
    lines = (re.split(r"\s#|;|\s--", line)[0].strip() for line in text.replace("\\\n", " ").splitlines())
    return [line for line in lines if re.match(r"[A-Za-z0-9]", line) and not re.search(r"/|\.whl$", line)]


def _package(requirement: str) -> str:
    return normal(re.split(r"[\s\[<>=!~@;]", requirement)[0])


def _names(arguments: str) -> list[str]:
    """The packages among pip's arguments: no option, no value of one, no file and no folder."""
    words = [word.strip("\"'") for word in arguments.split()]
    return [
        word
        for before, word in zip(["", *words], words, strict=False)
        if re.match(r"[A-Za-z0-9]", word) and before not in _WITH_VALUE and not re.search(r"/|\.(?:whl|txt|gz)$", word)
    ]


def can_stand_in(image: str) -> bool:
    """Whether the course's Python image may stand for this one where it cannot be pulled."""
    return bool(_STANDS_FOR.fullmatch(image))


def _resolve(text: str, values: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        known = values.get(match[1] or match[4], "")
        if match[2] == "-":
            return known or match[3]
        return (match[3] if known else "") if match[2] == "+" else known

    return _VARIABLE.sub(value, text.strip("\"'"))
