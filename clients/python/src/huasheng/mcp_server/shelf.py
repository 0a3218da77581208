"""Speech that was made a moment ago: the gateway keeps none, so it is kept here until it is fetched."""

from __future__ import annotations

import uuid
from collections import OrderedDict

MOST = 16
MOST_BYTES = 64 * 2**20


class Shelf:
    """The last pieces of speech, within a number and a size; the oldest make room."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    def put(self, wav: bytes) -> str:
        """Keep it; returns its id, which cannot be guessed."""
        key = uuid.uuid4().hex
        self._kept[key] = wav
        while len(self._kept) > 1 and (len(self._kept) > MOST or sum(map(len, self._kept.values())) > MOST_BYTES):
            self._kept.popitem(last=False)
        return key

    def get(self, key: str) -> bytes | None:
        """What was kept; None when it is not there any more."""
        return self._kept.get(key)
