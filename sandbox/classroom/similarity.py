"""Submissions that are nearly the same: fingerprints by winnowing.

Winnowing (published at SIGMOD 2003, and used by the MOSS service) hashes every run of ``GRAM`` tokens and keeps the smallest
hash of every ``WINDOW`` neighbours. Any passage of ``GRAM + WINDOW - 1`` tokens that two texts share leaves a common hash.
Names and numbers are made alike first, so that renaming hides nothing. What the starter holds does not count.

Its limits: short files look alike by chance, work that the course itself shows is similar by right, and a passage that a third
of the class shares is taken for common ground. A pair is a reason to talk with two people, never a verdict.
"""

from __future__ import annotations

import hashlib
import keyword
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

GRAM = 12
WINDOW = 8
FEWEST = 12
"""Fingerprints that a submission must have to be compared."""
MOST_BYTES = 400_000
"""Bytes of one file that are read; what is longer is data, not somebody's writing."""

_TOKEN = re.compile(r"#[^\n]*|[^\W\d]\w*|\d+|[^\w\s]")
_WORDS = frozenset(keyword.kwlist) | {"assert", "pytest", "unittest", "resource", "module", "alert", "expr"}


@dataclass(frozen=True)
class Pair:
    """Two submissions and the share of the smaller one's fingerprints that the other has too."""

    one: str
    other: str
    share: float


def fingerprint(texts: Iterable[bytes]) -> tuple[int, ...]:
    """The fingerprints of a submission's files, sorted."""
    found: set[int] = set()
    for text in texts:
        found |= _winnow(_tokens(text[:MOST_BYTES].decode("utf-8", "replace")))
    return tuple(sorted(found))


def near(prints: Mapping[str, Iterable[int]], starter: Iterable[int] = (), least: float = 0.8) -> list[Pair]:
    """Pairs that share at least ``least`` of the smaller one's fingerprints, the most alike first."""
    counts = Counter(value for values in prints.values() for value in values)
    common = {value for value, count in counts.items() if count > max(3, len(prints) // 3)} | set(starter)
    own = {key: set(values) - common for key, values in prints.items()}
    own = {key: values for key, values in own.items() if len(values) >= FEWEST}
    holders: dict[int, list[str]] = defaultdict(list)
    for key, values in own.items():
        for value in values:
            holders[value].append(key)
    # Only pairs that share something are ever counted: the work grows with what is shared, not with the class's square.
    shared = Counter(pair for keys in holders.values() for pair in combinations(sorted(keys), 2))
    pairs = [Pair(a, b, round(n / min(len(own[a]), len(own[b])), 3)) for (a, b), n in shared.items()]
    return sorted((pair for pair in pairs if pair.share >= least), key=lambda p: (-p.share, p.one, p.other))


def _tokens(text: str) -> list[str]:
    tokens = []
    for token in _TOKEN.findall(text):
        if token.startswith("#"):
            continue
        named = token[0].isalpha() or token[0] == "_"
        tokens.append("n" if named and token not in _WORDS else "0" if token[0].isdigit() else token)
    return tokens


def _winnow(tokens: list[str]) -> set[int]:
    grams = [" ".join(tokens[at : at + GRAM]) for at in range(len(tokens) - GRAM + 1)]
    hashes = [int.from_bytes(hashlib.blake2b(gram.encode(), digest_size=6).digest()) for gram in grams]
    if len(hashes) <= WINDOW:
        return {min(hashes)} if hashes else set()
    return {min(hashes[at : at + WINDOW]) for at in range(len(hashes) - WINDOW + 1)}
