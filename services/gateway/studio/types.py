"""What the steps of making a studio video hand to each other. Times in seconds from the scene's start unless said."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from huasheng.common.v1 import common_pb2

from services.gateway.turn.events import SpokenClause, TextWarning


@dataclass(frozen=True)
class Word:
    """A word (several characters where the writing has no spaces), as written, with what follows it up to the next."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Cue:
    """Words that are shown together: one or two lines, and beneath them none to two in a second language."""

    start_s: float
    end_s: float
    lines: tuple[tuple[Word, ...], ...]
    second: tuple[str, ...] = ()


@dataclass(frozen=True)
class SpokenScene:
    """The speech of one scene, its pauses included."""

    pcm: Path
    """16-bit mono PCM, little endian, without a header."""
    rate_hz: int
    seconds: float
    language: str
    """BCP 47."""
    clauses: list[SpokenClause] = field(default_factory=list)
    spans: list[common_pb2.PhonemeSpan] = field(default_factory=list)
    """Phonemes; none where the engine knows none and in recordings."""
    warnings: list[TextWarning] = field(default_factory=list)
