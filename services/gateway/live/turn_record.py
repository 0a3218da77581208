"""What is kept of a live turn besides its words: its trace, and whether its first clause came in time."""

from __future__ import annotations

import contextlib
import time
from typing import Literal

from prometheus_client import Counter, Histogram

from services.common import logs, tracing

FIRST_CLAUSE_SECONDS = Histogram(
    "huasheng_live_first_clause_seconds",
    "From the end of a question in a live conversation until the first clause of its answer is sent",
    buckets=(0.1, 0.2, 0.4, 0.7, 1, 1.5, 2, 3, 5, 8, 13, 30),
)
TURNS = Counter(
    "huasheng_live_turns_total",
    "Answers of live conversations: first clause sent, failed before it, or the user did not wait for it",
    ["result"],
)
Outcome = Literal["heard", "broken-off", "failed"]


class TurnRecord:
    """Begun with the answer. One that was only drafted is traced, but not counted."""

    def __init__(self, turn_id: str) -> None:
        self.turn_id = turn_id
        session_id = logs.turn_id.get()  # what a session's own logs have in its place
        self.span = tracing.root("live turn", turn_id, of=session_id, turn_id=turn_id, session_id=session_id)
        self._asked_at: float | None = None
        self._is_answered = self._is_over = False

    def active(self) -> contextlib.AbstractContextManager[object]:
        """What is done inside is work on this turn."""
        logs.turn_id.set(self.turn_id)
        return self.span.active()

    def asked(self) -> None:
        """The question is over, and the answer is sent from here on."""
        self._asked_at = time.monotonic()
        self.span.event("asked")

    def clause_sent(self) -> None:
        """A clause is sent; the first one counts."""
        if self._asked_at is None or self._is_answered:
            return
        self._is_answered = True
        with self.span.active():
            FIRST_CLAUSE_SECONDS.observe(time.monotonic() - self._asked_at, tracing.exemplar())
        TURNS.labels("answered").inc()
        self.span.event("first clause")

    def over(self, outcome: Outcome, reason: str = "") -> None:
        """The turn is over; only the first call counts."""
        if self._is_over:
            return
        self._is_over = True
        if self._asked_at is not None and not self._is_answered:
            TURNS.labels("failed" if outcome == "failed" else "left").inc()
        if reason:
            self.span.fail(reason)
        self.span.end(outcome=outcome if self._asked_at is not None else "dropped")
