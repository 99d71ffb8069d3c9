"""YAML as today's tools read it: `on`, `yes` and `no` are words, not truth values; a key that is there twice is an error."""

from __future__ import annotations

import re
from typing import Any

import yaml


class NotYaml(Exception):
    """The text is no YAML that can be read; the message has line and column."""


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} is there twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if tag != "tag:yaml.org,2002:bool"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


def read_yaml(text: str, name: str) -> Any:
    """Parse YAML.

    Raises:
        NotYaml: it cannot be parsed; says where and shows the line.
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}, line {mark.line + 1}, column {mark.column + 1}" if mark else name
        lines = text.splitlines()
        shown = f"\n{lines[mark.line]}\n{' ' * mark.column}^" if mark and mark.line < len(lines) else ""
        raise NotYaml(f"{where}: {error.problem or error.context}{shown}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise NotYaml(f"{name}: {error}") from None
