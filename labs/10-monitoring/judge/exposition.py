"""A page of metrics, read as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

Key = tuple[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True)
class Page:
    """Sample values by name and labels, and the type of each metric family."""

    samples: Mapping[Key, float]
    types: Mapping[str, str] = field(default_factory=dict)

    def series(self, name: str, **labels: str) -> Iterator[tuple[dict[str, str], float]]:
        """Labels and value of each series of this name that has these labels."""
        wanted = set(labels.items())
        for (found, pairs), value in self.samples.items():
            if found == name and wanted <= pairs:
                yield dict(pairs), value

    def total(self, name: str, **labels: str) -> float:
        """The sum over the series of this name that have these labels; 0 where there is none."""
        return sum(value for _, value in self.series(name, **labels))

    def names(self) -> set[str]:
        return {name for name, _ in self.samples}

    def falls(self, later: Page) -> list[str]:
        """Counters (and parts of histograms) that fell or vanished between this page and a later one."""
        fallen = []
        for key, value in self.samples.items():
            if self._only_rises(key[0]) and later.samples.get(key, -1.0) < value:
                fallen.append(describe(key))
        return sorted(fallen)

    def _only_rises(self, name: str) -> bool:
        if self.types.get(name) == "counter" or self.types.get(name.removesuffix("_total")) == "counter":
            return name.endswith("_total")
        family = name.rsplit("_", 1)[0]
        return self.types.get(family) == "histogram" and name.endswith(("_bucket", "_count"))


def read(text: str) -> Page:
    """Parse the text format.

    Raises:
        ValueError: a line that is not of the format; the message quotes it.
    """
    samples: dict[Key, float] = {}
    types: dict[str, str] = {}
    for family in text_string_to_metric_families(text):
        types[family.name] = family.type
        for sample in family.samples:
            samples[(sample.name, frozenset(sample.labels.items()))] = float(sample.value)
    return Page(samples, types)


def describe(key: Key) -> str:
    """A series as a person would write it."""
    name, pairs = key
    inside = ",".join(f'{label}="{value}"' for label, value in sorted(pairs))
    return f"{name}{{{inside}}}" if inside else name
