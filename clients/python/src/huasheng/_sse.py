"""Server-sent events out of bytes.

Not with httpx's ``iter_lines``: it also breaks at U+2028 and U+0085, which may be in a transcript.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from huasheng.errors import AnswerError

MAX_EVENT = 16 * 2**20
"""Largest event in bytes; a training's snapshot has some 100 kB."""


class Decoder:
    """Bytes in, whole events out; a part at the end of a broken stream is dropped, as the standard says."""

    def __init__(self) -> None:
        self._rest = b""
        self._name, self._data = "", b""

    def feed(self, chunk: bytes) -> Iterator[tuple[str, Any]]:
        """Name and JSON data of each event that is complete now. Raises ``AnswerError``."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) + len(self._data) > MAX_EVENT:
            raise AnswerError("an event is too large to be one of Huasheng's")
        for line in lines:
            line = line.removesuffix(b"\r")
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if not line:
                if self._data:
                    yield self._name or "message", _parse(self._data)
                self._name, self._data = "", b""
            elif field == b"event":
                self._name = value.decode("utf-8", "replace")
            elif field == b"data":
                self._data += (b"\n" if self._data else b"") + value


def _parse(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError as e:
        raise AnswerError("an event is not JSON") from e
