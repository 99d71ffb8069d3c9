"""Finds a secret in what a run printed or handed over, also where it was spelt in another way."""

from __future__ import annotations

import base64
import codecs
import re
from collections.abc import Iterator

WINDOW = 12
"""So many letters in a row give a secret away. Fewer, as the last four that a log may show, do not."""


def _packed(text: str) -> str:
    """Letters and digits only, so that spaces, quotes and line breaks between them hide nothing."""
    return re.sub(r"[^0-9A-Za-z]", "", text).casefold()


def spellings(secret: str) -> Iterator[tuple[str, str]]:
    """How a secret can be written down: what it is called, and how it looks."""
    plain = secret.encode()
    yield "as it is", secret
    yield "turned round", secret[::-1]
    yield "with its letters moved by 13", codecs.encode(secret, "rot13")
    yield "in hexadecimal", plain.hex()
    # As `od -x` and `hexdump` show it, two bytes at a time.
    yield "in hexadecimal", "".join(plain[i : i + 2][::-1].hex() for i in range(0, len(plain), 2))
    for before in range(3):
        # What stands before the secret moves it within the groups of three bytes.
        text = base64.b64encode(b"\0" * before + plain).decode().rstrip("=")
        yield "in base64", text[4 if before else 0 : -4]


def leak(text: str, secret: str) -> str:
    """How a text gives a secret away, or a good part of it; empty where it does not."""
    packed = _packed(text)
    for title, spelled in spellings(secret):
        known = _packed(spelled)
        for start in range(len(known) - WINDOW + 1):
            if known[start : start + WINDOW] in packed:
                return title
    return ""
