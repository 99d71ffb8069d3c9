"""What lab 04 reads without an engine: Dockerfiles, compose files, saved images."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.judges import judge_of

LAB = Path(__file__).resolve().parents[3] / "labs" / "04-containers"


@pytest.fixture(scope="module")
def judge() -> Iterator[Any]:
    """Imports a module of the lab's ``judge``, as its fixtures do."""
    with judge_of("04-containers") as module:
        yield module


DOCKERFILE = """\
# syntax of old
ARG PYTHON=3.11-slim-bookworm
FROM python:${PYTHON} AS build
RUN one && \\
    # a comment in between
    two
FROM --platform=linux/amd64 \\
    build AS middle
FROM scratch
COPY --from=build /a /b
COPY --chown=1:1 --from=tools:2.1 /c /d
COPY --from=0 /e /f
"""


def test_images_of_elsewhere_are_found_and_replaced_in_place(judge: Any) -> None:
    dockerfile = judge("dockerfile")
    assert [source.image for source in dockerfile.sources(DOCKERFILE)] == ["python:3.11-slim-bookworm", "tools:2.1"]
    other = dockerfile.on_other_images(DOCKERFILE, {"python:3.11-slim-bookworm": "x:1", "tools:2.1": "y:2"})
    assert [(n, new) for n, (old, new) in enumerate(zip(DOCKERFILE.splitlines(), other.splitlines(), strict=True)) if old != new] == [
        (2, "FROM x:1 AS build"),
        (10, "COPY --chown=1:1 --from=y:2 /c /d"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("image", "pinned"),
    [
        ("python", False), ("python:latest", False), ("python:3", False), ("python:3.11", False), ("python:3.11-slim", False),
        ("python:slim-bookworm", False), ("python:3.11-slim-bookworm", True), ("python:3.11.9-slim", True),
        ("example.org:5000/python", False), ("example.org:5000/python:3.11.9", True), (f"python@sha256:{'a' * 64}", True),
        ("python:3.11-alpine3.20", True),
    ],
)  # fmt: skip
def test_pinned_is_what_its_owner_does_not_move(judge: Any, image: str, pinned: bool) -> None:
    assert judge("dockerfile").is_pinned(image) is pinned


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("pip install --no-cache-dir -r requirements.txt dumb-init", ["dumb-init"]), ("pip install -r r.txt dumb-init==1.2.5", []),
        ("python -m pip install --upgrade pip && pip install a==1", ["pip"]), ("pip install --target /x --no-index -f /w *.whl", []),
        ("cd /x; /venv/bin/pip install 'a>=1' \"b==${B}\" ./c", ["a>=1"]), ("uv pip install --system -r r.txt", []), ("pip uninstall -y pip", []),
        ("pip --no-cache-dir install -r r.txt a", ["a"]), ("pip install a==1.* b==1.2.*", ["a==1.*", "b==1.2.*"]), ("pip -q install a==1", []),
    ],
)  # fmt: skip
def test_packages_without_a_version_are_named(judge: Any, command: str, found: list[str]) -> None:
    assert judge("dockerfile").unpinned_packages(f"FROM a\nRUN {command}\n") == found


@pytest.mark.parametrize(
    ("lines", "files", "found"),
    [
        (["RUN pip install -r docker/more.txt"], {"docker/more.txt": "# a\n\na\nb==1  # why\n-i x\n"}, ["a"]),
        (["RUN pip install --requirement=/tmp/more.txt"], {"docker/more.txt": "a>=1\n"}, ["a>=1"]),
        (["COPY docker/more.txt /tmp/x.txt", "RUN pip install -r/tmp/x.txt"], {"docker/more.txt": "a\n"}, ["a"]),
        (["RUN pip install -r other.txt"], {"docker/more.txt": "a\n"}, []),
        (["RUN pip install -r more.txt"], {"docker/more.txt": "a==1 \\\n  --hash=sha256:0\nb==2 ; python_version < '4'\n./c\n"}, []),
        (["RUN pip install -c limits.txt a_b c"], {"docker/limits.txt": "A-b==1\nc<2\n"}, ["c"]),
        (["RUN pip install --constraint requirements.txt a"], {"requirements.txt": "a==1\n"}, []),
        (["RUN sh /x.sh"], {"docker/x.sh": "# pip install a\npip install \\\n  b && true\n"}, ["b"]),
        (["RUN /x"], {"docker/x": "#!/bin/sh\npip install b==1\n", "docker/note.md": "pip install a\n"}, []),
    ],
)  # fmt: skip
def test_packages_of_lists_and_scripts_are_read(
    judge: Any, lines: list[str], files: dict[str, str], found: list[str]
) -> None:
    assert judge("dockerfile").unpinned_packages("\n".join(["FROM a", *lines]), files) == found


@pytest.mark.parametrize(
    ("text", "names"),
    [("FROM a", {"0"}), ("FROM a AS b\nFROM b as Last", {"1", "last"}), ("FROM a AS b\nFROM b", {"1"}), ("", set())],
)
def test_the_last_stage_has_a_number_and_perhaps_a_name(judge: Any, text: str, names: set[str]) -> None:
    assert judge("dockerfile").last_stage(text) == names


def test_only_the_same_family_can_be_stood_in_for(judge: Any) -> None:
    can = judge("dockerfile").can_stand_in
    assert all(
        can(each) for each in ("python:3.11-slim", "python:3.11.9-slim-bookworm", f"python:3.11-slim@sha256:{'0' * 64}")
    )
    assert not any(
        can(each)
        for each in ("python:3.12-slim-bookworm", "python:3.11", "me/python:3.11-slim", "python:3.11-slim-trixie")
    )


@pytest.mark.parametrize(
    "text",
    ["FROM a\nADD http://x/y /z\n", "FROM a\nadd \\\n  x /z\n", "FROM a\nONBUILD ADD x /y\n", "# escape=`\nFROM a\n"],
)
def test_what_the_engine_would_fetch_by_itself_is_refused(judge: Any, text: str) -> None:
    assert judge("dockerfile").refused(text)
    assert not judge("dockerfile").refused(DOCKERFILE)


@pytest.mark.parametrize(
    ("port", "host", "target"),
    [
        ("8000:8000", "", "8000"), ("127.0.0.1:80:8000", "127.0.0.1", "8000"), (8000, "", "8000"), ("127.0.0.1::8000", "127.0.0.1", "8000"),
        ("[::1]:80:8000/tcp", "[::1]", "8000"), ("0.0.0.0:80:8000", "0.0.0.0", "8000"), ("8000-8010:8000-8010", "", "8000-8010"),
        ({"target": 8000, "host_ip": "127.0.0.1"}, "127.0.0.1", "8000"), ({"target": 8000, "published": "80"}, "", "8000"),
    ],
)  # fmt: skip
def test_a_port_says_where_it_is_open(judge: Any, port: Any, host: str, target: str) -> None:
    compose = judge("compose")
    assert compose.Service("api", {"ports": [port]}).ports == [compose.Port(host, target)]


@pytest.mark.parametrize(
    ("value", "megabytes"), [("256m", 256), ("256MB", 256), ("0.25g", 256), (268435456, 256), ("256MiB", 256), ("262144k", 256), ("lots", 0)]
)  # fmt: skip
def test_memory_in_every_unit(judge: Any, value: Any, megabytes: int) -> None:
    service = judge("compose").Service
    assert service("api", {"mem_limit": value}).memory == megabytes << 20
    assert service("api", {"deploy": {"resources": {"limits": {"memory": value}}}}).memory == megabytes << 20


BAD = {
    "namespace": "network_mode: host",
    "process table": "pid: host",
    "privileged": "privileged: true",
    "capabilities": "cap_add: [SYS_ADMIN]",
    "devices": "devices: [/dev/sda:/dev/sda]",
    "unconfined": "security_opt: [seccomp:unconfined]",
    "socket": "volumes: [/var/run/docker.sock:/var/run/docker.sock]",
    "long mount": "volumes: [{type: bind, source: /, target: /host}]",
    "upwards": "volumes: ['../..:/host']",
    "from below": "volumes: ['./../..:/host']",
    "home": "volumes: ['~/.ssh:/ssh']",
    "filled in": "volumes: ['${HOME_OF:-/root}:/host']",
    "every address": "ports: ['8000:8000']",
    "wide address": "ports: ['${ADDRESS:-0.0.0.0}:8000:8000']",
    "variable of the host": "volumes: ['${HOME}:/host']",
    "variable, in full": "volumes: [{type: bind, source: '${HOME}', target: /host}]",
    "engine's socket": "use_api_socket: true",
    "root": "user: root",
    "root by number": "user: '0:0'",
    "argument by name": "build: {context: ., args: [TOKEN]}",
    "argument without a value": "build: {context: ., args: {TOKEN: }}",
    "argument": "build: {context: ., args: {TOKEN: '${TOKEN}'}}",
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("how", ["plain", "merged", "extended"])
def test_what_reaches_out_is_seen_however_it_is_written(judge: Any, tmp_path: Path, text: str, how: str) -> None:
    file = {
        "plain": f"services:\n  api:\n    image: x\n    {text}\n",
        "merged": f"x-a: &a\n  {text}\nservices:\n  api:\n    image: x\n    <<: *a\n",
        "extended": f"services:\n  other:\n    image: x\n    {text}\n  api:\n    extends: {{service: other}}\n",
    }[how]
    compose = judge("compose")
    services = compose.read(file, tmp_path, {"TOKEN": "sk-1"})
    assert compose.dangers([services["api"]], "sk-1") != []
    assert (
        not {"network_mode", "pid_mode", "privileged", "cap_add", "devices", "volumes", "ports"}
        & compose.settings(services["api"]).keys()
    )


def test_harmless_settings_raise_no_alarm(judge: Any, tmp_path: Path) -> None:
    compose = judge("compose")
    text = "services: {api: {image: x, volumes: ['data:/data', './model:/m:ro', /cache], ports: ['127.0.0.1:1:8000']}}\nvolumes: {data: }\n"
    assert compose.dangers(compose.read(text, tmp_path, {}).values(), "sk-1") == []


def test_a_named_volume_that_stands_for_a_folder_of_the_host_is_seen(judge: Any, tmp_path: Path) -> None:
    compose = judge("compose")
    text = (
        "services: {{api: {{image: x, volumes: ['all:/host']}}}}\nvolumes: {{all: {{driver_opts: {{device: {}}}}}}}\n"
    )
    seen = {
        device: compose.dangers(compose.read(text.format(device), tmp_path, {}).values(), "sk-1")
        for device in ("/", "tmpfs")
    }
    assert seen == {"/": ["api mounts / of the host"], "tmpfs": []}


EXTENDED = """\
services:
  base: {image: x, environment: {A: 1, B: 1}, command: [a, b], ports: ["127.0.0.1:1:8000"], depends_on: [c], deploy: {replicas: 1}}
  api:
    extends: {service: base}
    environment: [B=2, "C=${D:-${E:-e}/f}"]
    command: [c]
    ports: ["127.0.0.1:2:8000"]
    depends_on: {d: {condition: service_healthy}}
    deploy: {resources: {limits: {memory: 64m}}}
"""


def test_a_service_is_laid_over_the_one_that_it_extends(judge: Any, tmp_path: Path) -> None:
    api = judge("compose").read(EXTENDED, tmp_path, {})["api"]
    assert api.environment == {"A": "1", "B": "2", "C": "e/f"}
    assert api.table["command"] == ["c"] and len(api.ports) == 2
    assert (api.waits_for("c"), api.waits_for("d")) == ("service_started", "service_healthy")
    assert api.table["deploy"]["replicas"] == 1 and api.memory == 64 << 20


@pytest.mark.parametrize(("said", "seconds"), [("10s", 10), ("1m30s", 90), ("500ms", 0.5), ("0s", 0), ("", 10)])
def test_the_grace_period_is_read(judge: Any, said: str, seconds: float) -> None:
    assert judge("compose").Service("api", {"stop_grace_period": said}).grace_s == seconds


def test_files_of_the_folder_are_copied_to_where_they_are_mounted(judge: Any, tmp_path: Path) -> None:
    folder = tmp_path / "inside"
    (folder / "model").mkdir(parents=True)
    (folder / "model/a.json").write_text("{}")
    (folder / "smoke.py").write_text("1")
    (tmp_path / "secret").write_text("s")
    (folder / "model/link").symlink_to(tmp_path / "secret")
    (folder / "out").symlink_to(tmp_path)
    compose = judge("compose")
    table = {
        "volumes": [
            "./model:/models:ro",
            {"type": "bind", "source": "smoke.py", "target": "/smoke.py"},
            "./out:/out",
            "..:/up",
            "/:/all",
            "named:/named",
            "/anonymous",
            {"type": "tmpfs", "target": "/tmp"},
        ]
    }
    service = compose.Service("api", table, devices={"named": ""})
    assert compose.mounted_files(service, folder) == {"/models/a.json": "{}", "/smoke.py": "1"}
    assert compose.settings(service)["volumes"] == ["/named", "/anonymous"]
    assert set(compose.settings(service)["tmpfs"]) == {"/tmp"}


def test_a_token_as_text_is_seen(judge: Any) -> None:
    compose = judge("compose")
    text = f"a: sk-{'0a' * 16}\nb: sk-${{TOKEN}}\nc: task-{'0a' * 16}\n"
    assert compose.tokens(text) == {f"sk-{'0a' * 16}"}
    assert len(compose.dangers([], "sk-1", text)) == 1


@pytest.mark.parametrize(
    ("api", "smoke", "meet"),
    [
        ("", "", True),
        ("networks: [a]", "", False),
        ("networks: [a]", "networks: [a, b]", True),
        ("networks: {a: {aliases: [x]}, default: }", "", True),
        ("network_mode: bridge", "network_mode: bridge", False),
        ("networks: [a]", "network_mode: 'service:api'", True),
        ("", "network_mode: none", False),
    ],
)
def test_services_meet_on_a_network_with_names(judge: Any, tmp_path: Path, api: str, smoke: str, meet: bool) -> None:
    text = f"services:\n  api:\n    image: x\n    {api}\n  smoke:\n    image: x\n    {smoke}\nnetworks: {{a: , b: }}\n"
    found = judge("compose").read(text, tmp_path, {})
    assert bool(found["api"].networks & found["smoke"].networks) is meet


@pytest.mark.parametrize(
    ("build", "elsewhere"),
    [
        ("./", ""),
        ("{context: ., dockerfile: ./Dockerfile, target: last}", ""),
        ("{context: '${PWD}'}", ""),
        ("../other", "context: ../other"),
        ("{context: ., dockerfile: Dockerfile.dev}", "dockerfile: Dockerfile.dev"),
        ("{dockerfile_inline: FROM x}", "dockerfile_inline"),
    ],
)
def test_what_is_built_elsewhere_is_told(judge: Any, tmp_path: Path, build: str, elsewhere: str) -> None:
    assert judge("compose").read(f"services: {{api: {{build: {build}}}}}", tmp_path, {})["api"].elsewhere == elsewhere


@pytest.mark.parametrize(
    "text",
    [
        "services: [",
        "- a",
        "services: {api: {prots: []}}",
        "services: {api: {image: x, extends: {service: api}}}",
        "a: 1",
    ],
)
def test_what_is_no_compose_file_is_told(judge: Any, tmp_path: Path, text: str) -> None:
    with pytest.raises(judge("compose").NotCompose):
        judge("compose").read(text, tmp_path, {})


def test_env_files_outside_the_folder_are_not_read(judge: Any, tmp_path: Path) -> None:
    (tmp_path / "outside.env").write_text("A=1\n")
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside/service.env").write_text("# no\nB='2'\n")
    compose = judge("compose")
    with pytest.raises(compose.NotCompose):
        compose.read("services: {api: {image: x, env_file: ../outside.env}}", tmp_path / "inside", {})
    service = compose.read("services: {api: {image: x, env_file: [service.env]}}", tmp_path / "inside", {})["api"]
    assert service.environment == {"B": "2"}


def saved(*layers: dict[str, bytes]) -> bytes:
    """An image as `docker save` writes it."""

    def tar(files: dict[str, bytes]) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(content), 0o755
                archive.addfile(member, io.BytesIO(content))
        return buffer.getvalue()

    config = {
        "rootfs": {"diff_ids": [str(n) for n in range(len(layers))]},
        "config": {"Labels": {"a": "b"}},
        "history": "ENV TOKEN=sk-2",
    }
    files = {f"{n}.tar": tar(layer) for n, layer in enumerate(layers)}
    manifest = [{"Config": "config.json", "Layers": list(files)}]
    return tar({**files, "config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()})


def test_deleted_files_and_the_history_are_read(judge: Any) -> None:
    image = judge("image")
    long = b"x" * (image.BLOCK - 3) + b"sk-1 and more"
    read = image.read([saved({"app/.env": long, "app/a": b"a"}, {"app/.wh..env": b""})], ["sk-1", "sk-2", "sk-3"], [])
    assert read.places("sk-1") == ["app/.env"]
    assert read.places("sk-2") == ["the image's history or configuration"]
    assert read.places("sk-3") == []
    assert set(read.files()) == {"app/a"}


def test_two_images_are_compared_by_what_a_container_sees(judge: Any) -> None:
    image = judge("image")
    one = image.read([saved({"a": b"1", "c.pyc": b"1", "old/b": b"1"}, {"old/.wh..wh..opq": b""})], [], [])
    two = image.read([saved({"a": b"2", "c.pyc": b"2"})], [], [])
    assert one.differences(two) == ["a"]


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("usr/bin/gcc", True), ("usr/bin/x86_64-linux-gnu-gcc-12", True), ("usr/local/bin/clang++", True), ("usr/libexec/gcc/x/12/cc1", True),
        ("usr/bin/gcc-ar-wrapper", False), ("usr/bin/python3.11", False), ("usr/bin/rcc-tool", False),
    ],
)  # fmt: skip
def test_compilers_are_known_by_name(judge: Any, name: str, is_one: bool) -> None:
    image = judge("image")
    assert image.read([saved({name: b"x"})], [], []).compilers() == [name] * is_one


BUILT = """\
Step 1/5 : FROM lab04:base-0
 ---> 000000000001
Step 2/5 : COPY requirements.txt .
 ---> Using cache
 ---> 000000000002
Step 3/5 : COPY service service
 ---> 000000000003
Step 4/5 : RUN pip install
 ---> Running in 00000000000a
 ---> Using cache
Removing intermediate container 00000000000a
 ---> 000000000004
Step 5/5 : USER 1
 ---> Running in 00000000000b
Removing intermediate container 00000000000b
 ---> 000000000005
Successfully built 000000000005
"""


def test_what_a_build_made_anew_is_told_from_what_it_found(judge: Any) -> None:
    assert judge("engine").made_anew(BUILT, {"000000000001"}) == ("000000000003", "000000000004", "000000000005")
