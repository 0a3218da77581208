"""The table of a dubbing."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from huasheng.models import Answer, Fallback, TextWarning


class DubbedLine(Answer):
    """A sentence of a film; times in seconds.

    ``slot_s``: how long the dubbed one may take; ``spoken_s``: how long it takes at speed 1; ``speed``: 0.85–1.15;
    ``fit``: ``fits``, ``fast`` or ``long``; ``warnings``: ``glossary-missed``.
    """

    index: int
    start_s: float
    end_s: float
    slot_s: float
    text: str
    translation: str
    spoken_s: float | None
    speed: float
    fit: str
    warnings: list[str] = Field(default_factory=list)


class DubbingResult(Answer):
    """A finished script; ``speech_s``: seconds that were spoken for it."""

    film_asset_id: str
    language: str
    source_language: str
    voice_id: str | None
    duration_s: float
    glossary: list[dict[str, str]]
    synthesis: dict[str, Any]
    sentences: list[DubbedLine]
    speech_s: float
    warnings: list[TextWarning] = Field(default_factory=list)
    fallbacks: list[Fallback] = Field(default_factory=list)
    timings_ms: dict[str, float] = Field(default_factory=dict)


class DubbedFilm(Answer):
    """What a film speaks: the script's job, and its sentences as they were spoken, at their new times."""

    job_id: str
    sentences: list[DubbedLine]
