"""Figures of live turns from what the page recorded (``live_page.js``); times in milliseconds of the page's clock."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Log = list[dict[str, Any]]
FREEZE_MS = 120.0
SETTLED_MS = 500.0
"""After a decision: by then it is silent, and the next answer has not begun."""


@dataclass
class Figures:
    """What was measured, one value a turn or a picture."""

    reply_ms: dict[str, list[float]] = field(default_factory=lambda: {"cached": [], "not cached": []})
    """Last loud sound of the user until the first picture of the answer, by whether the first clause was in memory."""
    ducked_ms: list[float] = field(default_factory=list)
    silent_ms: list[float] = field(default_factory=list)
    """First loud sound of an interruption until the sound is lowered, and until it is silent."""
    decided_silent_ms: list[float] = field(default_factory=list)
    decided_rest_ms: list[float] = field(default_factory=list)
    """The page's decision (or the server's word) until silence, and until the idle loop shows."""
    skew_ms: list[float] = field(default_factory=list)
    """Picture minus the sound that is heard while it is drawn."""
    freezes: list[tuple[float, float]] = field(default_factory=list)
    """Time within the answer, and length, of each stretch without a new picture."""
    final_ms: list[float] = field(default_factory=list)
    """Last loud sound of the user until the words are final."""
    speaking_s: float = 0.0
    stages: dict[str, list[float]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    """Turns without an answer."""

    def add_turn(self, log: Log, question: str) -> None:
        """A question that was answered to its end."""
        drawn = [e for e in log if e["what"] == "drawn" and e["pts"] >= 0]
        loud = [e["at"] for e in log if e["what"] == "loud" and drawn and e["at"] < drawn[0]["at"]]
        clauses = events(log, "clause")
        if not drawn or not loud or not clauses:
            self.lost.append(question)
            return
        kind = "cached" if clauses[0]["message"]["cached"] else "not cached"
        self.reply_ms[kind].append(drawn[0]["at"] - loud[-1])
        self.final_ms += [e["at"] - loud[-1] for e in events(log, "final")[-1:]]
        for event in events(log, "timings"):
            for stage, ms in event["message"]["ms"].items():
                self.stages.setdefault(stage, []).append(ms)
        self.add_pictures(drawn)

    def add_pictures(self, drawn: Log) -> None:
        """The pictures of one answer, in the order in which they were drawn."""
        gaps = [(a["pts"] / 1000, b["at"] - a["at"]) for a, b in itertools.pairwise(drawn)]
        self.freezes += [(at, gap) for at, gap in gaps if gap > FREEZE_MS]
        self.speaking_s += (drawn[-1]["at"] - drawn[0]["at"]) / 1000
        self.skew_ms += [(e["pts"] - e["heard"]) / 1000 for e in drawn if e["heard"] is not None]

    def add_interruption(self, log: Log, by_hand: bool) -> None:
        """An answer that was broken off; ``log`` begins when the interruption began."""
        decided = sent(log, "interrupt") if by_hand else events(log, "hold") + events(log, "interrupted")
        hidden, loud = first(log, "hidden"), first(log, "loud")
        if not decided or hidden is None:
            self.lost.append("an interruption")
            return
        at = min(e["at"] for e in decided)
        after = [e for e in log if at <= e["at"] < at + SETTLED_MS and e["what"] in ("sounding", "silent")]
        silent = after[-1]["at"] if after else at  # it may have been in a pause already
        self.decided_silent_ms.append(silent - at)
        self.decided_rest_ms.append(hidden - at)
        if by_hand or loud is None:
            return
        self.silent_ms.append(silent - loud)
        lowered = [e["at"] for e in log if e["what"] == "level" and e["value"] < 0.5 and e["at"] >= loud]
        if lowered:
            self.ducked_ms.append(lowered[0] - loud)

    def rows(self) -> list[tuple[str, str, str, str]]:
        """The table: name, value, how many, goal."""
        rate = 60 * len(self.freezes) / self.speaking_s if self.speaking_s else 0.0
        skew = [abs(s) for s in self.skew_ms]
        return [
            _row("end of speech → first talking picture, cached", self.reply_ms["cached"], "p50 ≤ 700, p95 ≤ 1000"),
            _row("the same, not cached", self.reply_ms["not cached"], "p50 ≤ 1200"),
            _row("end of speech → words are final", self.final_ms, ""),
            _row("decision → silence", self.decided_silent_ms, "p95 ≤ 60"),
            _row("decision → mouth at rest", self.decided_rest_ms, "p95 ≤ 100"),
            _row("user's first sound → lowered", self.ducked_ms, "p95 ≤ 250"),
            _row("user's first sound → silent", self.silent_ms, "p95 ≤ 400"),
            _row("picture against sound", skew, "p95 ≤ 60"),
            ("freezes over 120 ms per minute", f"{rate:.2f}", f"{self.speaking_s:.0f} s", "0"),
            *(_row(f"stage `{k}`", v, "") for k, v in sorted(self.stages.items())),
            ("turns without an answer", str(len(self.lost)), "", "0"),
        ]


def _row(name: str, values: list[float], goal: str) -> tuple[str, str, str, str]:
    if not values:
        return name, "–", "0", goal
    p50, p95 = np.percentile(values, [50, 95])
    return name, f"{p50:.0f} / {p95:.0f} ms", str(len(values)), goal


def events(log: Log, kind: str) -> Log:
    """The server's events of a kind."""
    return [e for e in log if e["what"] == "event" and e["message"]["type"] == kind]


def sent(log: Log, kind: str) -> Log:
    """The page's messages of a kind."""
    return [e for e in log if e["what"] == "sent" and e["message"]["type"] == kind]


def first(log: Log, what: str) -> float | None:
    """When something was recorded for the first time."""
    return next((e["at"] for e in log if e["what"] == what), None)
