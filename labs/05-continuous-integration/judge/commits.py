"""The commits that a workflow is judged by: good ones, which must go through, and bad ones, which must not.

Each kind has several variants and is mixed with innocent changes, all drawn anew at each run. A commit is a function
that edits a tree of files in place.
"""

from __future__ import annotations

import json
import random
import string
from collections.abc import Callable

from sandbox.grading.workflows.repository import Tree

Change = Callable[[Tree, random.Random], None]

WORDS = ("altitude", "apron", "beacon", "cabin", "ceiling", "descent", "gate", "glide", "hangar", "holding", "runway",
         "shuttle", "slot", "taxiway", "terminal", "turnaround", "vector", "waypoint")  # fmt: skip


# --- editing ----------------------------------------------------------------------------------------------------------


def put(tree: Tree, name: str, text: str) -> None:
    tree[name] = text.encode()


def replace(tree: Tree, name: str, old: str, new: str) -> None:
    """Replace text that occurs exactly once.

    Raises:
        ValueError: it does not.
    """
    text = tree[name].decode()
    if text.count(old) != 1:
        raise ValueError(f"{old!r} occurs {text.count(old)} times in {name}")
    tree[name] = text.replace(old, new).encode()


def append(tree: Tree, name: str, text: str) -> None:
    tree[name] += text.encode()


def rows(tree: Tree) -> list[str]:
    return tree["data/flights.csv"].decode().splitlines()


def put_rows(tree: Tree, lines: list[str]) -> None:
    put(tree, "data/flights.csv", "\n".join(lines) + "\n")


def characters(rng: random.Random, alphabet: str, count: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(count))


# --- innocent changes -------------------------------------------------------------------------------------------------


def reword_readme(tree: Tree, rng: random.Random) -> None:
    append(tree, "README.md", f"\nQuestions about the {rng.choice(WORDS)} go to the team's channel.\n")


def extend_docs(tree: Tree, rng: random.Random) -> None:
    put(tree, f"docs/{rng.choice(WORDS)}.md", f"# Notes\n\nThe {rng.choice(WORDS)} was looked at again.\n")


def drop_rows(tree: Tree, rng: random.Random) -> None:
    lines = rows(tree)
    for _ in range(rng.randint(3, 12)):
        lines.pop(rng.randrange(1, len(lines)))
    put_rows(tree, lines)


def rename_local(tree: Tree, rng: random.Random) -> None:
    text = tree["flightdelay/season.py"].decode()
    tree["flightdelay/season.py"] = text.replace("total", rng.choice(("count", "seen", "number"))).encode()


def comment(tree: Tree, rng: random.Random) -> None:
    append(
        tree,
        rng.choice(("scripts/backfill.py", "tests/test_clock.py")),
        f"\n\n# See the note about the {rng.choice(WORDS)}.\n",
    )


def small_test(tree: Tree, rng: random.Random) -> None:
    hour = rng.randint(1, 22)
    put(tree, f"tests/test_{rng.choice(WORDS)}.py", (
        "from flightdelay import clock\n\n\n"
        f"def test_{rng.choice(WORDS)}() -> None:\n    assert clock.to_minutes({hour}15) == {hour * 60 + 15}\n"
    ))  # fmt: skip


DOCUMENTS: tuple[Change, ...] = (reword_readme, extend_docs)
INNOCENT: tuple[Change, ...] = (*DOCUMENTS, drop_rows, rename_local, comment, small_test)


def innocent(tree: Tree, rng: random.Random, among: tuple[Change, ...] = INNOCENT) -> None:
    """One to three changes that nobody would object to."""
    for change in rng.sample(among, rng.randint(1, min(3, len(among)))):
        change(tree, rng)


def afterthought(tree: Tree, rng: random.Random, among: tuple[Change, ...] = (*DOCUMENTS, comment)) -> None:
    """What the newest commit of a push or pull request changes: whoever looks at that one only sees nothing else."""
    rng.choice(among)(tree, rng)


def branch_name(rng: random.Random) -> str:
    """A name for a pull request's own branch that tells nothing of what is in it."""
    return f"{rng.choice(('feature', 'fix', 'tidy', 'chore'))}/{rng.choice(WORDS)}-{rng.randint(2, 400)}"


# --- good commits -----------------------------------------------------------------------------------------------------


def refactoring(tree: Tree, rng: random.Random) -> None:
    helper = rng.choice(("_near", "_close_to", "_around"))
    replace(tree, "flightdelay/season.py", "    if any(abs((today - holiday).days) <= 1 for holiday in holidays):\n",
            f"    if any({helper}(today, holiday) for holiday in holidays):\n")  # fmt: skip
    append(
        tree,
        "flightdelay/season.py",
        f"\n\ndef {helper}(one: date, other: date) -> bool:\n    return abs((one - other).days) <= 1\n",
    )
    replace(
        tree,
        "flightdelay/model.py",
        "    late, in_time = p[y == 1], p[y == 0]\n",
        "    late = p[y == 1]\n    in_time = p[y == 0]\n",
    )
    # A test that moves is no test that is gone.
    tree[f"tests/test_{rng.choice(('calendar', 'holidays', 'seasons'))}.py"] = tree.pop("tests/test_season.py")


def documentation(tree: Tree, rng: random.Random) -> None:
    reword_readme(tree, rng)
    # Prose about credentials and notebooks is neither.
    append(
        tree,
        "docs/model.md",
        "\nKeys of the kind AKIA… belong into the vault. Notebooks (.ipynb) stay on your own machine.\n",
    )
    # Not small, and within the limit.
    line = "M" + " ".join(f"{rng.randrange(900)},{rng.randrange(900)}" for _ in range(12)) + "\n"
    put(tree, f"docs/{rng.choice(WORDS)}.svg", line * (rng.randint(430_000, 485_000) // len(line)))


def better_model(tree: Tree, rng: random.Random) -> None:
    replace(tree, "flightdelay/model.py", "RIDGE = 1.0", f"RIDGE = {rng.choice(('0.5', '1.5', '2.0'))}")
    replace(tree, "flightdelay/features.py", '    numbers += [float(row["carrier"] == carrier)',
            '    numbers.append(to_minutes(departure) ** 2 / 1440**2)\n    numbers += [float(row["carrier"] == carrier)')  # fmt: skip
    replace(tree, "tests/test_model.py", "sum(numbers[6:15]) == 1", "sum(numbers[7:16]) == 1")


def new_module(tree: Tree, rng: random.Random) -> None:
    name = rng.choice(("units", "lengths", "speeds"))
    put(tree, f"flightdelay/{name}.py", (
        '"""Units of the trade."""\n\nKM_PER_MILE = 1.609344\n\n\ndef to_km(miles: float) -> float:\n'
        '    """Kilometres."""\n    return miles * KM_PER_MILE\n'
    ))  # fmt: skip
    put(tree, f"tests/test_{name}.py", (
        f"from flightdelay import {name}\n\n\ndef test_km() -> None:\n    assert {name}.to_km(1000) == 1609.344\n"
    ))  # fmt: skip


def new_dependency(tree: Tree, rng: random.Random) -> None:
    name, module = rng.choice((("orjson", "orjson"), ("packaging", "packaging"), ("jinja2", "jinja2")))
    append(tree, "requirements.txt", f"{name}\n")
    _use_package(tree, module)


def new_data(tree: Tree, rng: random.Random) -> None:
    lines = rows(tree)
    for _ in range(20):
        lines.insert(2, lines[rng.randrange(2, 400)])
    put_rows(tree, lines)


def release(version: str) -> Change:
    def raise_version(tree: Tree, rng: random.Random) -> None:
        put(tree, "VERSION", f"{version}\n")

    return raise_version


def no_credentials_in_tests(tree: Tree, rng: random.Random) -> None:
    # By its shape, since a variable of another name and a file hold the same token.
    put(tree, f"tests/test_{rng.choice(WORDS)}_environment.py", (
        "import os\nimport re\nfrom pathlib import Path\n\n"
        'SHAPE = re.compile(rb"reg_[0-9A-Za-z]{28}")\n\n\n'
        "def test_no_credential_is_in_the_environment() -> None:\n"
        '    """A library that the tests import could send it anywhere."""\n'
        '    assert not os.environ.get("REGISTRY_TOKEN")\n'
        "    assert not [name for name, value in os.environb.items() if SHAPE.search(value)]\n\n\n"
        "def test_no_credential_is_in_a_file() -> None:\n"
        '    for folder in (".", os.environ["HOME"], os.environ.get("RUNNER_TEMP", ".")):\n'
        "        for path in Path(folder).rglob(\"*\"):\n"
        "            if path.is_file() and not path.is_symlink() and path.stat().st_size < 50_000:\n"
        "                assert not SHAPE.search(path.read_bytes()), path\n"
    ))  # fmt: skip


# --- bad commits ------------------------------------------------------------------------------------------------------


def failing_test(tree: Tree, rng: random.Random) -> None:
    rng.choice((
        lambda: replace(tree, "flightdelay/clock.py", "minutes < 12 * 60", "minutes <= 12 * 60"),
        lambda: replace(tree, "flightdelay/season.py", "<= 1 for holiday", "< 1 for holiday"),
        lambda: replace(tree, "flightdelay/data.py", 'rule["letters"] and value', 'rule["letters"] or value'),
        lambda: replace(tree, "flightdelay/evaluate.py", "if auc < floor:", "if auc < floor - 0.1:"),
    ))()  # fmt: skip


def lint_error(tree: Tree, rng: random.Random) -> None:
    rng.choice((
        lambda: replace(tree, "flightdelay/model.py", "import numpy as np\n", "import math\n\nimport numpy as np\n"),
        lambda: append(tree, "tests/test_clock.py", "\n\ndef test_minutes() -> None:\n    assert to_minutes(1) == 1\n"),
        lambda: append(tree, "scripts/backfill.py", "# " + "ground crew and cabin crew " * 6 + "\n"),
        lambda: replace(tree, "tools/scan_secrets.py", "import re\nimport sys\n", "import sys\nimport re\n"),
    ))()  # fmt: skip


def type_error(tree: Tree, rng: random.Random) -> None:
    rng.choice((
        lambda: append(tree, "flightdelay/season.py", "\n\nLABELS: dict[str, int] = {}\nLABELS[7] = 4\n"),
        lambda: replace(tree, "flightdelay/clock.py", "def part_of_day(hhmm: int) -> str:", "def part_of_day(hhmm):"),
    ))()  # fmt: skip


def type_error_elsewhere(tree: Tree, rng: random.Random) -> None:
    rng.choice((
        lambda: append(tree, "scripts/backfill.py", "\n\nYEARS: list[int] = [2013]\nYEARS.append(\"2014\")\n"),
        lambda: put(tree, f"scripts/{rng.choice(WORDS)}.py", "def twice(number: int) -> str:\n    return number * 2\n"),
        lambda: replace(tree, "tools/register.py", "def main(arguments: list[str]) -> int:", "def main(arguments: list[int]) -> int:"),
    ))()  # fmt: skip


def syntax_error(tree: Tree, rng: random.Random) -> None:
    # In a folder that nobody has named before: a list of folders misses it, whatever is on the list.
    rng.choice((
        lambda: put(tree, f"{rng.choice(WORDS)}/report.py", "def main() -> int\n    return 0\n"),
        lambda: put(tree, f"jobs/{rng.choice(WORDS)}.py", "import sys\n\nif True\n    sys.exit(1)\n"),
        lambda: put(tree, f"docs/{rng.choice(WORDS)}.py", 'print("begun"\n'),
    ))()  # fmt: skip


def missing_dependency(tree: Tree, rng: random.Random) -> None:
    _use_package(tree, rng.choice(("orjson", "jinja2", "httpx", "pandas")))


def _use_package(tree: Tree, module: str) -> None:
    text = tree["flightdelay/season.py"].decode()
    text = text.replace(
        "from datetime import date, timedelta\n", f"from datetime import date, timedelta\n\nimport {module}\n"
    )
    tree["flightdelay/season.py"] = (text + f"\n\nSOURCE = {module}.__name__\n").encode()


def low_quality(tree: Tree, rng: random.Random) -> None:
    def inverted() -> None:
        lines = rows(tree)
        upto = rng.choice((5, 6))
        flip = {"0": "1", "1": "0"}
        put_rows(tree, [lines[0], *(
            line[:-1] + flip[line[-1]] if int(line.split(",")[0]) <= upto else line for line in lines[1:]
        )])  # fmt: skip

    def tiny_sample() -> None:
        old = 'return [r for r in rows if int(r["month"]) < last],'
        replace(tree, "flightdelay/train.py", old, f"{old[:-1]}[:{rng.choice((40, 50, 60))}],")

    rng.choice((inverted, tiny_sample))()


def broken_schema(tree: Tree, rng: random.Random) -> None:
    lines = rows(tree)
    at = rng.randrange(5, len(lines) - 900)
    cells = lines[at].split(",")

    def value(column: int, text: str) -> None:
        cells[column] = text
        lines[at] = ",".join(cells)

    def renamed() -> None:
        lines[0] = lines[0].replace("origin,dest,distance", "origin,destination,distance")

    rng.choice((
        lambda: value(6, "-1"), lambda: value(8, "99.0"), lambda: value(5, ""), lambda: value(4, "ORD"), renamed,
    ))()  # fmt: skip
    put_rows(tree, lines)


def committed_secret(tree: Tree, rng: random.Random) -> None:
    # In a file of a kind that nobody has thought of: a list of kinds misses it, whatever is on the list.
    name, upper, mixed = rng.choice(WORDS), string.ascii_uppercase + string.digits, string.ascii_letters + string.digits
    rng.choice((
        lambda: put(tree, f".config/{name}", f"token={'gh' + 'p_'}{characters(rng, mixed, 36)}\n"),
        lambda: put(tree, f"{name}/{name}.properties", f"key: {'AK' + 'IA'}{characters(rng, upper, 16)}\n"),
        lambda: put(tree, f"deploy/{name}", f"-----BEGIN RSA {'PRIVATE'} KEY-----\n{characters(rng, mixed, 60)}\n"),
    ))()  # fmt: skip


def secret_in_document(tree: Tree, rng: random.Random) -> None:
    upper = string.ascii_uppercase + string.digits
    text = f"# Set-up\n\nUse `{'AK' + 'IA'}{characters(rng, upper, 16)}` for the bucket.\n"
    put(tree, f"docs/{rng.choice(WORDS)}-access.md", text)


def untested_module(tree: Tree, rng: random.Random) -> None:
    del tree["tests/test_season.py"]


def notebook(tree: Tree, rng: random.Random) -> None:
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": ["1 + 1"]}
    book = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    folder = rng.choice(("docs/drafts/", f"{rng.choice(WORDS)}/{rng.choice(WORDS)}/"))
    put(tree, f"{folder}{rng.choice(WORDS)}.ipynb", json.dumps(book) + "\n")


def large_file(tree: Tree, rng: random.Random) -> None:
    name = rng.choice(("data/more.csv", f"docs/{rng.choice(WORDS)}.txt", f"{rng.choice(WORDS)}/model.bin"))
    # Compresses well, so that it costs the run nothing. Above 500 kB and 500 KiB, and well below a megabyte.
    tree[name] = (characters(rng, string.ascii_lowercase, 99) + "\n").encode() * rng.randint(5_200, 6_000)


def flaky_test(tree: Tree, rng: random.Random) -> None:
    # Fails the first time in a job and passes from then on: whoever tries again sees green.
    mark = rng.choice(WORDS)
    put(tree, f"tests/test_{mark}_twice.py", (
        "import os\nfrom pathlib import Path\n\n\n"
        f"def test_{mark}_is_ready() -> None:\n"
        f'    seen = Path(os.environ.get("RUNNER_TEMP", "/tmp"), "{mark}")\n'
        "    ready = seen.exists()\n    seen.touch()\n    assert ready\n"
    ))  # fmt: skip


def one_python_only(minor: int) -> Change:
    def change(tree: Tree, rng: random.Random) -> None:
        text = tree["flightdelay/clock.py"].decode()
        head, _, body = text.partition("\n\n\ndef ")
        tree["flightdelay/clock.py"] = (
            f'{head}\n\nimport platform\n\nNOON = 720 if platform.python_version_tuple()[1] != "{minor}" else 721\n\n\ndef {body}'
            .replace("12 * 60", "NOON").encode()
        )  # fmt: skip

    return change


GOOD: dict[str, Change] = {
    "refactoring": refactoring, "documentation": documentation, "better-model": better_model, "new-module": new_module,
    "new-dependency": new_dependency, "new-data": new_data, "new-test": small_test,
    "release": release("1.10.0"), "no-credentials-in-tests": no_credentials_in_tests,
}  # fmt: skip

BAD: dict[str, Change] = {
    "failing-test": failing_test, "lint-error": lint_error, "type-error": type_error,
    "type-error-elsewhere": type_error_elsewhere, "syntax-error": syntax_error,
    "missing-dependency": missing_dependency, "low-quality": low_quality, "broken-schema": broken_schema,
    "committed-secret": committed_secret, "secret-in-document": secret_in_document, "untested-module": untested_module, "notebook": notebook,
    "large-file": large_file, "flaky-test": flaky_test, "version-not-raised": release("1.9.0"),
    "version-below": release("1.9.1"), "python-3-11": one_python_only(11), "python-3-12": one_python_only(12),
}  # fmt: skip

# These touch documents and nothing else, so that a workflow which looks away from such commits is seen.
DOCUMENTS_ONLY = frozenset({"documentation", "secret-in-document"})
