"""The commands on the pages, run as they stand there, in their order, and what the pages show of their output.

Each page has a shell of its own, in a sandbox with a state folder, a work folder and ports of its own. Numbers, and what
stands for something else (``…``), may differ; all other words that a page shows must come.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sandbox.course import Course
from sandbox.runtime.settings import compose_document
from tests.commands import LAB

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow

# Where `make check` or `make status` finds that something is wrong, make ends with 2: right for a page that says so.
NOT_ZERO = {
    "make check": {0, 2},
    "make status": {0, 2},
    "make doctor": {0, 2},
    "make -C ../.. check": {0, 2},
    "../../.venv/bin/python -m pytest": {0, 1, 4, 5},
}
# What a page shows and a test does not do, with the reason. Each must stand on its page.
LEFT_OUT = {
    "labs/10-monitoring.md": {"../../.venv/bin/uvicorn": "runs until it is stopped", "curl": "asks that server"},
    "start/install.md": {
        "sudo": "installs on the whole machine",
        "xcode-select": "is of macOS",
        "git clone": "its address is the reader's",
        "cd devops-ml": "goes into that clone",
    },
    "reference/stack.md": {
        "SANDBOX_SERVICE_PORT=8010": "takes a fixed port",
        "echo SANDBOX": "writes settings into this checkout",
    },
    "instructors/grading.md": {"lab verify": "takes minutes; CI runs it for all labs"},
}
# Pages whose commands no test runs, with the reason.
NOT_RUN = {
    "instructors/adapt.md": "makes a lab in this checkout; `lab new` and `lab verify` have tests of their own",
    "instructors/scale.md": "needs a cluster; test_class.py grades on Dask workers",
    "reference/performance.md": "benchmarks report, they do not decide",
}
# A folder of the page's own, with the command `lab` on its path and one submission in it.
CLASS = (
    f"export PATH={ROOT}/.venv/bin:$PATH SANDBOX_COURSE={ROOT} && cd $(dirname $SANDBOX_WORK) && mkdir submissions"
    f" && cp -r {ROOT}/solutions/02-testing submissions/student-17"
    " && printf 'student\\nstudent-17\\n' >roster.csv"
    f" && awk '/^```toml/ {{ on = 1; next }} /^```/ {{ on = 0 }} on' {ROOT}/docs/instructors/grading.md >policy.toml"
)
# What a page asks for in words, before the command.
BEFORE = {
    ("instructors/grading.md", "lab check"): CLASS,
    ("labs/00-orientation.md", "curl -s -X POST"): "cp labs/00-orientation/flight.json .",
    ("labs/04-containers.md", "docker build"): f"cp -r {ROOT}/solutions/04-containers/. .",
    ("labs/10-monitoring.md", "promtool test rules"): f"cp {ROOT}/solutions/10-monitoring/rules/*.yml rules/",
    ("labs/10-monitoring.md", "amtool"): f"cp {ROOT}/solutions/10-monitoring/alertmanager.yml .",
    ("labs/02-testing.md", "../../.venv/bin/python -m pytest"): f"cp -r {ROOT}/solutions/02-testing/tests .",
}
# What the page of lab 07 asks to be written, and the provider from a mirror where one is named. No person answers an apply.
INFRA = f"{ROOT}/solutions/07-infrastructure-as-code/infra"
TERRAFORM = (
    "export TF_CLI_ARGS=-no-color TF_CLI_ARGS_apply=-auto-approve TF_CLI_CONFIG_FILE=$SANDBOX_WORK/terraform.rc;"
    ' if [ -n "$TF_PROVIDER_MIRROR" ]; then'
    """ printf 'provider_installation { filesystem_mirror { path = "%s" } }\\n' "$TF_PROVIDER_MIRROR" >$TF_CLI_CONFIG_FILE;"""
    " else : >$TF_CLI_CONFIG_FILE; fi"
)
LAB07 = "labs/07-infrastructure-as-code.md"
BEFORE |= {
    (LAB07, ". ./cloud.env"): TERRAFORM,
    (LAB07, "cd infra/environments/dev"): f"cp {INFRA}/environments/dev/main.tf infra/environments/dev/",
    (LAB07, "terraform apply"): f"cp -r {INFRA}/modules ../../ && cp {INFRA}/environments/dev/*.tf .",
    (LAB07, "cd ../../environments/prod"): (
        f"sed '/^# Prod.s bucket/,$d' {INFRA}/environments/prod/main.tf >../../environments/prod/main.tf"
    ),
}
PAGES: dict[str, tuple[str, ...]] = {
    "start/install.md": (),
    "start/troubleshooting.md": (),
    "start/first-success.md": (),
    "reference/stack.md": ("prometheus", "alertmanager", "locust"),
    "reference/service-api.md": (),
    "instructors/run-a-class.md": (),
    "instructors/grading.md": (),
    "labs/00-orientation.md": (),
    "labs/02-testing.md": (),
    "labs/04-containers.md": ("docker", "hadolint"),
    "labs/05-continuous-integration.md": ("act",),
    "labs/06-continuous-delivery.md": ("act", "traefik"),
    "labs/07-infrastructure-as-code.md": ("terraform", "moto_server"),
    "labs/10-monitoring.md": ("prometheus", "promtool", "amtool"),
}

# A lab's page is run as soon as its lab is in the course, where the tools are that its `lab.toml` names.
for _lab in Course(ROOT).labs:
    PAGES.setdefault(f"labs/{_lab.id}.md", _lab.spec.needs)


@dataclass
class Command:
    """A command of a page and the lines that the page shows under it."""

    text: str
    shown: list[str] = field(default_factory=list)


def commands(page: str) -> list[Command]:
    """Every command of the page's ``console`` blocks, in order; a line that ends in a backslash goes on."""
    found: list[Command] = []
    text = (ROOT / "docs" / page).read_text("utf-8")
    for _, block in re.findall(r"^( *)```console\n(.*?)^\1```", text, re.DOTALL | re.MULTILINE):
        for line in (line.strip() for line in block.splitlines()):
            if line.startswith("$ "):
                found.append(Command(line[2:]))
            elif found and found[-1].text.endswith("\\"):
                found[-1].text += "\n" + line
            elif line:
                found[-1].shown.append(line)
    return found


@pytest.fixture
def place(tmp_path: Path, prepared: Path) -> Iterator[dict[str, str]]:
    """The environment of a sandbox that is nobody's."""
    shutil.copytree(prepared, tmp_path / "state")
    env = {k: v for k, v in os.environ.items() if not k.startswith("SANDBOX_") or k == "SANDBOX_REQUIRE"}
    env |= {"SANDBOX_WORK": str(tmp_path / "work"), "SANDBOX_STATE": str(tmp_path / "state"), "NO_COLOR": "1"}
    env |= {"COLUMNS": "200", "GIT_AUTHOR_NAME": "L", "GIT_AUTHOR_EMAIL": "l@localhost",
            "GIT_COMMITTER_NAME": "L", "GIT_COMMITTER_EMAIL": "l@localhost"}  # fmt: skip
    for name in compose_document()["x-ports"]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            env[name] = str(probe.getsockname()[1])
    # Pages show numbers of processes; where Docker is found, `make start` would make containers.
    subprocess.run([*LAB, "start", "--runtime", "process"], env=env, check=True)
    yield env
    subprocess.run([*LAB, "stop"], env=env, check=True)
    (ROOT / "flight.json").unlink(missing_ok=True)


def test_nothing_is_left_out_that_no_page_holds() -> None:
    for page, left in LEFT_OUT.items():
        texts = [command.text for command in commands(page)]
        assert [start for start in left if not any(text.startswith(start) for text in texts)] == []


def test_every_page_with_commands_is_run_or_says_why_not() -> None:
    labs = {lab.id for lab in Course(ROOT).labs}
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    drafts = {page for page in pages if page.startswith("labs/") and Path(page).stem not in labs}
    assert {page for page in pages - drafts if commands(page)} == {*PAGES, *NOT_RUN}


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=pytest.mark.needs(*tools) if tools else ()) for page, tools in PAGES.items()]
)
def test_commands_do_what_the_page_shows(page: str, place: dict[str, str]) -> None:
    assert shutil.which("bash") and shutil.which("curl"), "the pages use bash and curl"
    if page == LAB07 and not os.environ.get("TF_PROVIDER_MIRROR"):
        pytest.skip("needs the AWS provider of Terraform: name a mirror of it in TF_PROVIDER_MIRROR")
    with subprocess.Popen(
        ["bash"],
        cwd=ROOT,
        env=place,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as shell:
        output = ""
        for command in commands(page):
            if any(command.text.startswith(start) for start in LEFT_OUT.get(page, {})):
                continue
            for (where, start), preparation in BEFORE.items():
                if where == page and command.text.startswith(start):
                    run(shell, preparation, place)
            # The number of a process stands on the page as an example; the one to use was shown by `make status`.
            if kill := re.match(r"kill -9 \d+", command.text):
                (number,) = re.findall(r"Model service .*process (\d+)", output)
                command.text = command.text.replace(kill.group().split()[-1], number)
            status, output = run(shell, command.text, place)
            allowed = next((statuses for start, statuses in NOT_ZERO.items() if command.text.startswith(start)), {0})
            assert status in allowed, f"$ {command.text}\n{output}\nexit status {status}"
            for line in command.shown:
                assert like(line).search(squeezed(output)), (
                    f"$ {command.text}\nthe page shows: {line}\nit printed:\n{output}"
                )
        assert shell.stdin
        shell.stdin.close()


def run(shell: subprocess.Popen[str], text: str, place: dict[str, str]) -> tuple[int, str]:
    """Run one command in the page's shell; its exit status and what it printed, in the words of the page."""
    home = {"cd work/": f"cd {place['SANDBOX_WORK']}/", " work/": f" {place['SANDBOX_WORK']}/", ".sandbox/": f"{place['SANDBOX_STATE']}/",
            "../../.venv": str(ROOT / ".venv"), "-C ../..": f"-C {ROOT}", "127.0.0.1:8000": f"127.0.0.1:{place['SANDBOX_SERVICE_PORT']}"}  # fmt: skip
    for old, new in home.items():
        text = text.replace(old, new)
    assert shell.stdin
    assert shell.stdout
    if text.startswith("grep "):
        # A person is slower than the service writes its log; a shell is not.
        text = f"for _ in $(seq 50); do {text} && break; sleep 0.2; done; {text} >/dev/null"
    shell.stdin.write(f"{text}\nprintf '\\n::status:%s::\\n' $?\n")
    shell.stdin.flush()
    lines: list[str] = []
    for line in shell.stdout:
        if done := re.match(r"::status:(\d+)::", line):
            printed = "".join(lines).replace(place["SANDBOX_WORK"], "work").replace(place["SANDBOX_STATE"], ".sandbox")
            return int(done[1]), printed
        lines.append(line)
    raise AssertionError(f"the shell ended: {''.join(lines)}")


@pytest.mark.parametrize("version", ["2013.01-06.6bb43975", "2013.01-06.ee857c70", "2013.01-06.43975000"])
def test_a_version_stands_for_any_other(version: str) -> None:
    assert like("model 2013.01-06.6bb43975").search(f"model {version}")
    assert not like("model 2013.01-06.6bb43975").search("model 2013.01-06.release")


def squeezed(text: str) -> str:
    return re.sub(r"[ \t]+", " ", text)


VARYING = re.compile(
    r"\d+ (?:s|min|h) ago|\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{7,40}\b|\d+(?:\.\d+\b)*|…|\.\.\."
)


def like(line: str) -> re.Pattern[str]:
    """A pattern for a line of a page: any number for a number, any hash for a hash, anything for ``…``.

    A hash may follow a number and a point (a model's version ends so): it is no part of the number.
    """
    line = squeezed(line.strip())
    pattern, end = "", 0
    for part in VARYING.finditer(line):
        any_of_it = (
            ".*" if part[0] in ("…", "...") else r"[\d.]+" if part[0][0].isdigit() and "." in part[0] else r"[0-9a-f.]+"
        )
        pattern += re.escape(line[end : part.start()]) + any_of_it
        end = part.end()
    return re.compile(pattern + re.escape(line[end:]))
