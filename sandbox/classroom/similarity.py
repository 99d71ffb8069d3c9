"""Submissions that are nearly the same: fingerprints by winnowing.

Winnowing (published at SIGMOD 2003, and used by the MOSS service) hashes every run of ``GRAM`` tokens and keeps the smallest
hash of every ``WINDOW`` neighbours. Any passage of ``GRAM + WINDOW - 1`` tokens that two texts share leaves a common hash.
Names and numbers are made alike first, so that renaming hides nothing. What the starter holds does not count.

Its limits: short files look alike by chance, work that the course itself shows is similar by right, and a passage that a third
of the class shares, or more than ``COMMON`` students, is taken for common ground. A pair is a reason to talk with two people, never a verdict.
"""

from __future__ import annotations

import hashlib
import keyword
import re
from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

GRAM = 12
WINDOW = 8
FEWEST = 12
"""Fingerprints that a submission must have to be compared."""
MOST_BYTES = 400_000
"""Bytes of one file that are read; what is longer is data, not somebody's writing."""

COMMON = 40
PARTS = 64
_SPAN = 1 << 48
Fingerprint: TypeAlias = "array[int]"

_TOKEN = re.compile(r"#[^\n]*|[^\W\d]\w*|\d+|[^\w\s]")
_WORDS = frozenset(keyword.kwlist) | {"assert", "pytest", "unittest", "resource", "module", "alert", "expr"}


@dataclass(frozen=True)
class Pair:
    """Two submissions and the share of the smaller one's fingerprints that the other has too."""

    one: str
    other: str
    share: float


def fingerprint(texts: Iterable[bytes]) -> Fingerprint:
    """The fingerprints of a submission's files, sorted."""
    found: set[int] = set()
    for text in texts:
        found |= _winnow(_tokens(text[:MOST_BYTES].decode("utf-8", "replace")))
    return array("Q", sorted(found))


def near(prints: Mapping[str, Sequence[int]], starter: Iterable[int] = (), least: float = 0.8) -> list[Pair]:
    """Pairs that share at least ``least`` of the smaller one's fingerprints, the most alike first."""
    most, given = max(3, min(len(prints) // 3, COMMON)), frozenset(starter)
    sizes: Counter[str] = Counter()
    shared: Counter[tuple[str, str]] = Counter()
    # One part of all hashes after the other: what two submissions share lies in the same part, and memory stays small.
    for part in range(PARTS):
        first, end = part * _SPAN // PARTS, (part + 1) * _SPAN // PARTS
        holders: dict[int, list[str]] = defaultdict(list)
        for key in sorted(prints):
            values = prints[key]
            for value in values[bisect_left(values, first) : bisect_left(values, end)]:
                if value not in given:
                    holders[value].append(key)
        for keys in holders.values():
            if len(keys) <= most:
                sizes.update(keys)
                # Only pairs that share something are ever counted: the work grows with what is shared.
                shared.update(combinations(keys, 2))
    pairs = [
        Pair(a, b, round(n / smaller, 3))
        for (a, b), n in shared.items()
        if (smaller := min(sizes[a], sizes[b])) >= FEWEST and n / smaller >= least
    ]
    return sorted(pairs, key=lambda pair: (-pair.share, pair.one, pair.other))


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
    hashes = [
        int.from_bytes(hashlib.blake2b(gram.encode(), digest_size=_SPAN.bit_length() // 8).digest()) for gram in grams
    ]
    if len(hashes) <= WINDOW:
        return {min(hashes)} if hashes else set()
    return {min(hashes[at : at + WINDOW]) for at in range(len(hashes) - WINDOW + 1)}
