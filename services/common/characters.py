"""Which characters a text from outside may hold. One rule for REST and gRPC, held where text comes in.

Refused are halves of characters (surrogates), which cannot be written as UTF-8, and control characters: they cannot be
spoken or shown, NUL ends a text in many programs, and escape sequences change a terminal. Tab and line breaks stay.
Nothing is normalised: what somebody wrote is kept as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message

from services.common.errors import HuashengError

LONGEST = 200_000
"""Longest text in one field of a gRPC message, in characters; most fields have a lower limit of their own."""
_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def bad_character(text: str) -> str:
    """The first character that is refused, as ``U+0000``; empty when there is none."""
    found = _REFUSED.search(text)
    return f"U+{ord(found.group()):04X}" if found else ""


def check_characters(text: str, where: str) -> None:
    """Raises ``bad-character``; ``where`` names the field."""
    if bad := bad_character(text):
        raise HuashengError("bad-character", where=where, character=bad)


def check_json(value: Any, where: str = "body") -> None:
    """Check all texts of a value that came as JSON, keys included. Raises ``bad-character``."""
    left: list[tuple[str, Any]] = [(where, value)]  # a list, not recursion: values may be nested deeply
    while left:
        name, part = left.pop()
        if isinstance(part, str):
            check_characters(part, name)
        elif isinstance(part, list):
            left += [(name, item) for item in part]
        elif isinstance(part, dict):
            for key, item in part.items():
                check_characters(str(key), name)
                left.append((f"{name}.{key}"[:80], item))


def check_message(message: Message) -> None:
    """Check all texts of a message. Raises ``bad-character``, ``long-text``."""
    for name, text in _texts(message, ""):
        if len(text) > LONGEST:
            raise HuashengError("long-text", count=len(text), limit=LONGEST)
        check_characters(text, name)


def _texts(message: Message, prefix: str) -> Iterator[tuple[str, str]]:
    """Field and text of every string in a message; messages nest as deep as their definition does."""
    for field, value in message.ListFields():
        name = f"{prefix}{field.name}"
        is_text, is_message = field.type == field.TYPE_STRING, field.type == field.TYPE_MESSAGE
        if not (is_text or is_message):
            continue
        if field.message_type and field.message_type.GetOptions().map_entry:
            parts = [item for pair in value.items() for item in pair]
        else:
            parts = list(value) if field.is_repeated else [value]
        for part in parts:
            if isinstance(part, str):
                yield name, part
            elif isinstance(part, Message):
                yield from _texts(part, f"{name}.")
