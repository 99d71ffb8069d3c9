"""The learner's Alertmanager configuration: its routes as a tree, and a copy that waits less."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

PAGER, QUEUE = "http://127.0.0.1:9099/pager", "http://127.0.0.1:9099/queue"
DEFAULT_WAIT_S, DEFAULT_REPEAT_S = 30.0, 4 * 3600.0
DEEPEST = 20

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0, "y": 31_536_000.0}
_DURATION = re.compile(r"(\d+)(ms|[smhdwy])")


class ConfigError(Exception):
    """The file is no Alertmanager configuration; the message says what is wrong."""


@dataclass(frozen=True)
class Timing:
    """What a route waits for, inherited values filled in, in seconds."""

    receiver: str
    group_wait_s: float
    repeat_interval_s: float


def read(text: str) -> dict[str, Any]:
    """The configuration as a table.

    Raises:
        ConfigError: no YAML, or no table with a route.
    """
    try:
        config = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"it is not valid YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(config, dict) or not isinstance(config.get("route"), dict):
        raise ConfigError("it has no route")
    return config


def hurried(config: Mapping[str, Any]) -> str:
    """The configuration as YAML with every group_wait at 1 s and every group_interval at 2 s; all else as it was."""
    return yaml.safe_dump({**config, "route": _hurried(config["route"], 0)})


def timings(config: Mapping[str, Any]) -> Iterator[Timing]:
    """Every route with its effective waits, the root first."""
    yield from _timings(config["route"], "", DEFAULT_WAIT_S, DEFAULT_REPEAT_S, 0)


def pager_receivers(config: Mapping[str, Any]) -> set[str]:
    """Names of the receivers that post to the pager."""
    found = set()
    for receiver in config.get("receivers") or []:
        hooks = receiver.get("webhook_configs") or [] if isinstance(receiver, dict) else []
        if any(isinstance(hook, dict) and hook.get("url") == PAGER for hook in hooks):
            found.add(str(receiver.get("name")))
    return found


def seconds(duration: object) -> float:
    """A Prometheus duration in seconds; 0 where it is none."""
    return sum(int(count) * _UNITS[unit] for count, unit in _DURATION.findall(str(duration)))


def _hurried(route: Any, depth: int) -> Any:
    if not isinstance(route, dict):
        return route
    _check_depth(depth)
    changed = {**route, "group_wait": "1s", "group_interval": "2s"}
    if isinstance(route.get("routes"), list):
        changed["routes"] = [_hurried(child, depth + 1) for child in route["routes"]]
    return changed


def _timings(route: Any, receiver: str, wait: float, repeat: float, depth: int) -> Iterator[Timing]:
    if not isinstance(route, dict):
        return
    _check_depth(depth)
    receiver = str(route.get("receiver") or receiver)
    wait = seconds(route["group_wait"]) if "group_wait" in route else wait
    repeat = seconds(route["repeat_interval"]) if "repeat_interval" in route else repeat
    yield Timing(receiver, wait, repeat)
    for child in route.get("routes") or []:
        yield from _timings(child, receiver, wait, repeat, depth + 1)


def _check_depth(depth: int) -> None:
    if depth > DEEPEST:
        raise ConfigError(f"its routes are nested more than {DEEPEST} deep")
