"""Reads a compose file as data: what it comes to for each service. The file is never handed to the engine.

What the engine later starts is made from single settings that are known to be harmless (see :func:`settings`).
"""

from __future__ import annotations

import contextlib
import importlib.resources
import json
import os
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox import tools
from sandbox.grading.plainyaml import NotYaml, read_yaml

FILE = "compose.yaml"
SCHEMA = "builtin_schemas/vendor/compose-spec.json"
_VARIABLE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)(?:(:?[-?+])((?:\$\{[^{}]*\}|[^}])*))?\})")
_TOKEN = re.compile(r"\bsk-[0-9a-f]{32}\b")
_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_GRACE_S = 10.0
_DEPTH = 40
_MOST_BYTES = 1_000_000
# In a service that extends another one these stand in place of the other's; everything else is laid over it.
_WHOLE = ("command", "entrypoint", "test")


class NotCompose(Exception):
    """The text is no compose file; says what and where."""


@dataclass(frozen=True)
class Port:
    """One published port; ``host`` is empty where it is published on every address."""

    host: str
    target: str


@dataclass(frozen=True)
class Service:
    """One service of the file, its variables filled in."""

    name: str
    table: Mapping[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict)
    devices: Mapping[str, str] = field(default_factory=dict)
    """What a named volume of the file stands for on the host, where it says so."""

    @property
    def elsewhere(self) -> str:
        """What it is built from, where that is not the Dockerfile of this folder; empty where it is, or is not built."""
        build = self.table.get("build", ".")
        build = {"context": build} if isinstance(build, str) else build
        if "dockerfile_inline" in build:
            return "dockerfile_inline"
        for key, here in (("context", "."), ("dockerfile", "Dockerfile")):
            # Without a value it is a variable of the shell, such as PWD.
            if (said := str(build.get(key) or here)) and os.path.normpath(said) != here:
                return f"{key}: {said}"
        return ""

    @property
    def target(self) -> str:
        """The stage to which it is built, where the file names one."""
        build = self.table.get("build")
        return str(build.get("target") or "").lower() if isinstance(build, dict) else ""

    @property
    def networks(self) -> set[str]:
        """The networks on which it finds others by name, and they it."""
        mode = str(self.table.get("network_mode") or "")
        if mode.startswith("service:"):
            return {mode}
        return set() if mode else {*(self.table.get("networks") or ("default",)), f"service:{self.name}"}

    @property
    def ports(self) -> list[Port]:
        return [_port(each) for each in self.table.get("ports") or ()]

    @property
    def memory(self) -> int:
        """Limit in bytes; 0 where there is none."""
        return _bytes(self.table.get("mem_limit") or self._limits.get("memory"))

    @property
    def cpus(self) -> float:
        """Limit; 0 where there is none."""
        quota, period = _number(self.table.get("cpu_quota")), _number(self.table.get("cpu_period")) or 100_000
        return _number(self.table.get("cpus")) or _number(self._limits.get("cpus")) or quota / period

    @property
    def restart(self) -> str:
        """``no``, ``always``, ``on-failure`` or ``unless-stopped``; empty where nothing is said."""
        policy = (self.table.get("deploy") or {}).get("restart_policy")
        if "restart" not in self.table and policy is not None:
            condition = policy.get("condition", "any")
            return {"any": "always", "none": "no"}.get(condition, str(condition))
        said = self.table.get("restart", "")
        return "no" if said is False else str(said).partition(":")[0]

    @property
    def grace_s(self) -> float:
        """How long Compose waits after the stop signal before it kills."""
        said = str(self.table.get("stop_grace_period") or "")
        parts = re.findall(r"(\d+(?:\.\d+)?)(us|µs|ms|s|m|h)", said)
        return sum(float(number) * _SECONDS[unit] for number, unit in parts) if parts else _GRACE_S

    def waits_for(self, name: str) -> str:
        """The condition under which it starts after another service; empty where it does not wait for it."""
        waits = self.table.get("depends_on") or {}
        if isinstance(waits, list):
            return "service_started" if name in waits else ""
        return str((waits.get(name) or {}).get("condition", "service_started")) if name in waits else ""

    @property
    def _limits(self) -> Mapping[str, Any]:
        return ((self.table.get("deploy") or {}).get("resources") or {}).get("limits") or {}


def read(text: str, folder: Path, environment: Mapping[str, str]) -> dict[str, Service]:
    """The services of a compose file.

    Args:
        folder: where the files lie that it names (``env_file``); none is read outside of it.
        environment: what variables in the file are filled with.

    Raises:
        NotCompose: it is no YAML, or does not fit the schema of compose files.
    """
    try:
        table = read_yaml(text, FILE)
    except NotYaml as error:
        raise NotCompose(f"not valid YAML: {error}") from None
    if not isinstance(table, dict):
        raise NotCompose(f"{FILE} holds no mapping with `services`")
    filled = _fill(table, environment)
    _check_schema(filled)
    tables = {name: _extended(name, filled["services"], ()) for name in filled.get("services") or {}}
    for each in tables.values():
        if isinstance(build := each.get("build"), dict) and build.get("args"):
            each["build"] = {**build, "args": _pairs(build["args"], environment)}
    volumes = {name: each or {} for name, each in (filled.get("volumes") or {}).items()}
    devices = {name: str((each.get("driver_opts") or {}).get("device") or "") for name, each in volumes.items()}
    return {
        name: Service(name, each, _environment(each, folder, environment), devices) for name, each in tables.items()
    }


def settings(service: Service) -> dict[str, Any]:
    """How the engine should start a service, as far as the file may say it: nothing that reaches out of the container."""
    table = service.table
    found: dict[str, Any] = {"environment": dict(service.environment)}
    for key, option in (("command", "command"), ("entrypoint", "entrypoint")):
        if table.get(key) is not None:
            found[option] = (
                shlex.split(table[key]) if isinstance(table[key], str) else [str(word) for word in table[key]]
            )
    for key, option in (("user", "user"), ("working_dir", "working_dir"), ("stop_signal", "stop_signal")):
        if table.get(key):
            found[option] = str(table[key])
    found["init"] = table.get("init") is True
    found["read_only"] = table.get("read_only") is True
    found["cap_drop"] = [str(each) for each in table.get("cap_drop") or ()]
    places = table.get("tmpfs") or ()
    places = [places] if isinstance(places, str) else places
    mounts = [_mount(each) for each in table.get("volumes") or ()]
    places = [*places, *(target for kind, _, target in mounts if kind == "tmpfs")]
    found["tmpfs"] = {str(each).partition(":")[0]: "size=16m,mode=1777" for each in places}
    # An empty volume of its own for each one of the file, and none for what would stand for a folder of the host.
    if kept := [target for kind, source, target in mounts if kind == "volume" and not service.devices.get(source)]:
        found["volumes"] = [target for target in kept if re.fullmatch(r"/[\w./-]*\w", target)]
    if any(str(each).startswith("no-new-privileges") for each in table.get("security_opt") or ()):
        found["security_opt"] = ["no-new-privileges"]
    if service.memory:
        found["mem_limit"] = found["memswap_limit"] = min(service.memory, 512 << 20)
    health = table.get("healthcheck") or {}
    if health.get("disable"):
        found["healthcheck"] = {"test": ["NONE"]}
    elif test := health.get("test"):
        found["healthcheck"] = {"test": ["CMD-SHELL", test] if isinstance(test, str) else [str(word) for word in test]}
    return found


def tokens(text: str) -> set[str]:
    """What has the form of the registry's tokens, such as the one in a workspace's `.env`."""
    return set(_TOKEN.findall(text))


def mounted_files(service: Service, folder: Path) -> dict[str, str]:
    """Texts below ``folder`` that the service mounts, by their path in the container: they are copied there, never mounted."""
    found: dict[str, str] = {}
    for kind, source, target in (_mount(each) for each in service.table.get("volumes") or ()):
        top = folder / (source or ".")
        if kind != "bind" or not target.startswith("/") or not top.resolve().is_relative_to(folder.resolve()):
            continue
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            inside = path.resolve().is_relative_to(folder.resolve()) and not path.is_symlink() and path.is_file()
            if inside and path.stat().st_size <= _MOST_BYTES:
                with contextlib.suppress(UnicodeDecodeError):
                    found[os.path.normpath(f"{target}/{path.relative_to(top)}")] = path.read_text("utf-8")
    return found


def _mount(each: Any) -> tuple[str, str, str]:
    """Kind (``bind``, ``volume``, ``tmpfs``), source and target of one entry of ``volumes``."""
    if isinstance(each, dict):
        return str(each.get("type", "volume")), str(each.get("source") or ""), str(each.get("target") or "")
    source, colon, rest = str(each).partition(":")
    if not colon:
        return "volume", "", source
    # Where nothing is left of the source, a variable of the host stood there.
    return "volume" if re.match(r"\w", source) else "bind", source, rest.partition(":")[0]


def dangers(services: Iterable[Service], secret: str, text: str = "") -> list[str]:
    """What in the file reaches out of the container, a sentence each; ``text`` is the file as it was written."""
    found = [f"{FILE} holds a token as text ({token[:6]}…)" for token in tokens(text)]
    for service in services:
        table, name = service.table, service.name
        for key in ("network_mode", "pid", "ipc", "userns_mode", "uts", "cgroup"):
            if str(table.get(key, "")) == "host":
                found.append(f"{name} shares the host's {key.removesuffix('_mode')} namespace ({key}: host)")
        if table.get("privileged"):
            found.append(f"{name} is privileged")
        if table.get("cap_add"):
            found.append(f"{name} asks for capabilities: {', '.join(map(str, table['cap_add']))}")
        if table.get("devices"):
            found.append(f"{name} gets devices of the host")
        if any("unconfined" in str(each) for each in table.get("security_opt") or ()):
            found.append(f"{name} switches a protection off ({table['security_opt']})")
        if table.get("use_api_socket"):
            found.append(f"{name} gets the engine's socket (use_api_socket)")
        if re.fullmatch(r"(root|0+)(:.*)?", str(table.get("user", ""))):
            found.append(f"{name} runs as root (user: {table['user']})")
        found += [f"{name} mounts {source} of the host" for source in _host_folders(service)]
        found += [
            f"{name} publishes port {port.target} on {port.host or 'every address of the machine'}"
            for port in service.ports
            if not re.fullmatch(r"127\.\d+\.\d+\.\d+|localhost|\[?::1\]?", port.host)
        ]
        if secret in json.dumps(table.get("build"), default=str):
            found.append(f"{name} hands the secret of .env to the build, where the image's history keeps it")
    return found


def _host_folders(service: Service) -> list[str]:
    """Folders of the host outside the project that are mounted, also through a named volume that stands for one."""
    found = []
    for volume in service.table.get("volumes") or ():
        kind, source, _ = _mount(volume)
        source = service.devices.get(source) or source
        if kind == "bind" and not source:
            # Where nothing is left, a variable of the host stood there, such as HOME.
            found.append(f"a folder ({volume})")
        elif source.startswith(("/", "~", "..")) or "/.." in source:
            found.append(source)
    return found


def _check_schema(table: Mapping[str, Any]) -> None:
    tools.require("check-jsonschema")
    import jsonschema  # comes with it

    file = importlib.resources.files("check_jsonschema") / SCHEMA
    validator = jsonschema.validators.validator_for(schema := json.loads(file.read_text("utf-8")))(schema)
    error = jsonschema.exceptions.best_match(validator.iter_errors(table))
    if error is not None:
        where = ".".join(str(part) for part in error.absolute_path) or "the top"
        raise NotCompose(f"at {where}: {error.message[:400]}")


def _fill(value: Any, environment: Mapping[str, str], depth: int = 0) -> Any:
    """Variables filled in, in every text below."""
    if depth > _DEPTH:
        raise NotCompose("it is nested too deeply")
    if isinstance(value, dict):
        return {str(key): _fill(each, environment, depth + 1) for key, each in value.items()}
    if isinstance(value, list):
        return [_fill(each, environment, depth + 1) for each in value]
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        if match[1]:
            return "$"
        known, how, other = environment.get(match[2] or match[3]), match[4] or "", match[5] or ""
        there = bool(known) if how.startswith(":") else known is not None
        if how.endswith("+"):
            return other if there else ""
        if how.endswith("?") and not there:
            raise NotCompose(f"the variable {match[3]} must be set before it starts: {other}")
        return (known or "") if there else str(_fill(other, environment, depth + 1)) if how.endswith("-") else ""

    return _VARIABLE.sub(variable, value)


def _extended(name: str, services: Mapping[str, Any], seen: tuple[str, ...]) -> dict[str, Any]:
    """A service's table with that of the service it extends below it."""
    table = dict(services.get(name) or {})
    extends = table.pop("extends", None)
    if extends is None:
        return table
    other = extends if isinstance(extends, str) else str(extends.get("service"))
    if isinstance(extends, dict) and extends.get("file", FILE).removeprefix("./") != FILE:
        raise NotCompose(f"{name} extends a service of another file; the lab takes {FILE} alone")
    if other not in services or other in (*seen, name):
        raise NotCompose(f"{name} extends {other}, which is not there or extends {name}")
    return _laid_over(_extended(other, services, (*seen, name)), table)


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings are merged and lists joined, as Compose does it for a service that extends another one."""
    found = dict(below)
    for key, value in above.items():
        old = found.get(key)
        if {type(old), type(value)} == {dict, list}:
            old, value = _as_mapping(key, old), _as_mapping(key, value)
        if key in _WHOLE or old is None or type(old) is not type(value):
            found[key] = value
        elif isinstance(value, dict):
            found[key] = _laid_over(old, value)
        elif isinstance(value, list):
            pairs = key in ("environment", "labels", "args")
            found[key] = [*old, *(each for each in value if pairs or each not in old)]
        else:
            found[key] = value
    return found


def _as_mapping(key: str, given: Any) -> Any:
    """The long form of a list: of names (`depends_on`, `networks`) or of `NAME=value`."""
    if isinstance(given, dict):
        return given
    if key == "depends_on":
        return {str(name): {"condition": "service_started"} for name in given}
    parts = (str(each).partition("=") for each in given)
    return {name: value if sign else None for name, sign, value in parts}


def _environment(table: Mapping[str, Any], folder: Path, outside: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    files = table.get("env_file") or ()
    for each in [files] if isinstance(files, str) else files:
        name = each if isinstance(each, str) else str(each.get("path"))
        path = folder / name
        if path.resolve().is_relative_to(folder.resolve()) and path.is_file():
            lines = (line.strip().removeprefix("export ") for line in path.read_text("utf-8", "replace").splitlines())
            pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
            found |= {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}
        elif isinstance(each, str) or each.get("required", True):
            raise NotCompose(f"env_file names {name}, which is not there")
    return found | _pairs(table.get("environment") or {}, outside)


def _pairs(given: Any, outside: Mapping[str, str]) -> dict[str, str]:
    """Names and values of a list or a mapping of them."""
    found: dict[str, str] = {}
    for key, value in _as_mapping("environment", given).items():
        # Without a value it is that of the shell, or not there at all.
        text = outside.get(key) if value is None else value
        if text is not None:
            found[key] = str(text).lower() if isinstance(text, bool) else str(text)
    return found


def _port(each: Any) -> Port:
    if isinstance(each, dict):
        return Port(str(each.get("host_ip", "")), str(each.get("target", "")))
    text = str(each).partition("/")[0]
    parts = re.fullmatch(r"(?:(\[[0-9a-fA-F:]+\]|[\w.]+):)?(?:([\d-]*):)?([\d-]+)", text)
    if parts is None:
        return Port("", text)
    host, published, target = parts.groups()
    # In `8000:8000` the part before the colon is a port and no address.
    return Port("" if host is None or (published is None and host.replace("-", "").isdigit()) else host, target)


def _bytes(value: Any) -> int:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([bkmg]?)i?b?\s*", str(value or "").lower())
    return int(float(match[1]) * _UNITS[match[2]]) if match else 0


def _number(value: Any) -> float:
    try:
        return max(0.0, float(value))
    except (TypeError, ValueError):
        return 0.0
