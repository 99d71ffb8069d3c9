"""Where the stack's ports and folders are: defaults, then ``.env``, then the environment."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sandbox.course import Course
from sandbox.errors import UserError

COMPOSE_FILE = Path(__file__).resolve().parents[1] / "stack" / "compose.yaml"
NOT_ROOT = 65532
"""The user that containers run as where the person at the keyboard is root."""
_VARIABLE = re.compile(r"\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})")


class StackError(UserError):
    """The stack cannot be started or told about as asked."""


@dataclass(frozen=True)
class Settings:
    """What one checkout's stack is run with.

    Attributes:
        root: the checkout.
        state: the folder of state and logs (``.sandbox``).
        project: a name that is unique to the state folder; containers, networks and images bear it.
        ports: variable → port on 127.0.0.1.
        variables: everything that the compose file may refer to.
    """

    root: Path
    state: Path
    project: str
    ports: Mapping[str, int]
    variables: Mapping[str, str]

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def models(self) -> Path:
        return self.state / "models" / "current"

    @property
    def site(self) -> Path:
        return self.state / "site"

    @property
    def owner(self) -> tuple[int, int]:
        """User and group that containers run as and that own what they write."""
        user, group = self.variables["SANDBOX_USER"].split(":")
        return int(user), int(group)


def read_settings(course: Course) -> Settings:
    """The settings of a checkout.

    Raises:
        StackError: a port is no port, or two services are given the same one; names the variables.
    """
    defaults: Mapping[str, int] = compose_document()["x-ports"]
    given = {**read_env_file(course.root / ".env"), **os.environ}
    ports = {name: _port(name, given.get(name, "") or str(default)) for name, default in defaults.items()}
    by_port: dict[int, str] = {}
    for name, port in ports.items():
        if (other := by_port.setdefault(port, name)) != name:
            raise StackError(f"{other} and {name} are both {port}.", "Give each a port of its own.")
    state = course.state.resolve()
    project = f"sandbox-{hashlib.sha256(str(state).encode()).hexdigest()[:8]}"
    user = f"{NOT_ROOT}:{NOT_ROOT}" if os.getuid() == 0 else f"{os.getuid()}:{os.getgid()}"
    variables = {
        **{name: str(port) for name, port in ports.items()},
        "SANDBOX_PROJECT": project,
        "SANDBOX_ROOT": str(course.root.resolve()),
        "SANDBOX_STATE": str(state),
        "SANDBOX_USER": user,
    }
    return Settings(course.root.resolve(), state, project, ports, variables)


def compose_document() -> dict[str, Any]:
    """The compose file as it is written, nothing filled in."""
    document: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text("utf-8"))
    return document


def read_env_file(path: Path) -> dict[str, str]:
    """``KEY=value`` lines of a ``.env`` file; comments, ``export`` and quotes as shells and Compose read them."""
    if not path.is_file():
        return {}
    values: dict[str, str] = {}
    for line in path.read_text("utf-8", "replace").splitlines():
        key, separator, value = line.strip().removeprefix("export ").partition("=")
        if not separator or key.startswith("#"):
            continue
        quoted = re.fullmatch(r"""\s*(["'])(.*)\1\s*""", value)
        values[key.strip()] = quoted[2] if quoted else re.split(r"\s+#", value.strip())[0]
    return values


def interpolate(value: Any, variables: Mapping[str, str]) -> Any:
    """Fill ``${NAME}`` and ``${NAME:-default}`` in every text of a YAML value, as Compose does.

    Raises:
        StackError: a variable is not known.
    """
    if isinstance(value, dict):
        return {key: interpolate(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolate(item, variables) for item in value]
    if not isinstance(value, str):
        return value

    def fill(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        if name is None:
            return "$"
        if name in variables:
            return variables[name]
        if default is None:
            raise StackError(f"{COMPOSE_FILE}: nothing sets ${{{name}}}.")
        return default

    return _VARIABLE.sub(fill, value)


def _port(name: str, text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise StackError(
            f"{name} is {text!r}, which is no port.", f"Set {name} to a number from 1 to 65535, or unset it."
        )
    return int(text)
