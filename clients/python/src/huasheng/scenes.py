"""Scenes of videos: as a job shows them, and heard before the video is made."""

from __future__ import annotations

from huasheng._answer import Answer
from huasheng.models import Clause, Fallback, TextWarning


class SceneRecord(Answer):
    """A scene of a video; times in seconds of the whole video, None until they are known.

    ``state``: ``waiting`` → ``speaking`` → ``spoken`` → ``drawing`` → ``drawn``.
    """

    index: int
    text: str | None
    start_s: float | None
    end_s: float | None
    state: str
    warnings: list[TextWarning]
    clauses: list[Clause]


class PreviewCue(Answer):
    """A subtitle as ``scenes[].cues`` takes it; times in seconds from the scene's start, lines as they are broken."""

    start_s: float
    end_s: float
    text: str
    second: str | None


class ScenePreview(Answer):
    """The speech of one scene, and its subtitles."""

    audio_url: str
    duration_s: float
    voice_id: str | None
    cues: list[PreviewCue]
    clauses: list[Clause]
    warnings: list[TextWarning]
    fallbacks: list[Fallback]
