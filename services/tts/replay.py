"""The clauses of one utterance for one engine after the other: the next one gets what the one before was given."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from services.common.aio import Inbox
from services.tts.engines.base import TextClause


class Replay:
    """What is taken from the inbox is kept until ``forget``, that is, until the first sound."""

    def __init__(self, inbox: Inbox[TextClause]) -> None:
        self._inbox = inbox
        self._kept: list[TextClause] = []
        self._is_keeping = True
        # held while waiting for the inbox as well: a clause taken late, by an engine given up already, is kept too
        self._lock = threading.Lock()
        self.busy_since: float | None = None
        """Since when (``time.monotonic``) the reader has something to speak; None while it waits for more text."""

    def reader(self) -> Iterator[TextClause]:
        """All clauses from the first on, those to come included."""
        self.busy_since = time.monotonic()
        return self._read()

    def _read(self) -> Iterator[TextClause]:
        place = 0
        while True:
            with self._lock:
                if place < len(self._kept):
                    clause = self._kept[place]
                else:
                    self.busy_since = None
                    found = next(self._inbox, None)
                    self.busy_since = time.monotonic()
                    if found is None:
                        return
                    clause = found
                    if self._is_keeping:
                        self._kept.append(clause)
            place += 1
            yield clause

    def forget(self) -> None:
        """The engine that reads now is the last one: nothing more is kept."""
        self._is_keeping = False
