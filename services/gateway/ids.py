"""Ids: a letter for the kind, then time and random bits, so that they sort by age and cannot be guessed."""

from __future__ import annotations

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(kind: str) -> str:
    """A new id such as ``j_01m…``: milliseconds since 1970 (9 characters) and 80 random bits (16 characters)."""
    number, out = int(time.time() * 1000) << 80 | secrets.randbits(80), []
    for _ in range(25):
        number, digit = divmod(number, 32)
        out.append(_ALPHABET[digit])
    return f"{kind}_{''.join(reversed(out))}"
