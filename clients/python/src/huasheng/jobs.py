"""Jobs, what comes of them, and what happens to them on the way."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import Field

from huasheng.dubbing import DubbedFilm, DubbedLine, DubbingResult
from huasheng.models import Answer, Avatar, AvatarReport, Clause, Curve, Fallback, Model, Problem, TextWarning
from huasheng.restorer import RestorerUsed
from huasheng.scenes import SceneRecord

R = TypeVar("R")
OVER = ("succeeded", "failed", "cancelled")


class Partial(Answer):
    """What is known of a job so far; fields of other kinds of jobs are None. A reconnect loses nothing of it."""

    transcript: str | None = None
    language: str | None = None
    reply: str | None = None
    timings_ms: dict[str, float] | None = None
    clauses: list[Clause] | None = None
    start_frame: int | None = None
    fallbacks: list[Fallback] | None = None
    step: int | None = None
    steps: int | None = None
    loss: float | None = None
    validation_loss: float | None = None
    offset_ms: float | None = None
    warnings: list[str] | list[TextWarning] | None = None
    preview_url: str | None = None
    history: list[dict[str, float | None]] | None = None
    curve: Curve | None = None
    scenes: list[SceneRecord] | None = None
    sentences: list[DubbedLine] | None = None


class Job(Answer, Generic[R]):
    """A piece of work whose result will be an ``R``.

    ``state``: ``queued`` → ``running`` → ``succeeded``, ``failed`` or ``cancelled``. ``progress``: 0–1. ``eta_s``:
    seconds left, None while unknown. ``queue_position``: 1 = next, None once it runs. ``consent_withdrawn``: the person
    it shows has withdrawn consent since. ``name``, ``tags``: that a video was given.
    """

    id: str
    kind: str
    state: str
    stage: str
    progress: float
    eta_s: float | None
    queue_position: int | None
    params: dict[str, Any]
    partial: Partial
    result: R | None
    error: Problem | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    events_url: str
    video_url: str | None
    consent_withdrawn: bool = False
    name: str = ""
    tags: list[str] = Field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self.state in OVER


class Recording(Answer):
    """A finished video of an avatar that speaks; ``audio_url`` is None where a recording of yours is what it says.

    ``fallbacks`` tells when another engine or voice did the work than the one wanted, ``warnings`` what was not said.
    """

    video_url: str
    audio_url: str | None
    subtitles_url: str | None
    duration_s: float
    width: int
    height: int
    fps: float
    frames: int
    passthrough_frames: int
    bytes: int
    mime_type: str
    engine: str
    start_frame: int
    end_frame: int
    voice_id: str | None
    avatar_id: str | None
    model: str | None
    timings_ms: dict[str, float]
    fallbacks: list[Fallback] = Field(default_factory=list)
    warnings: list[TextWarning] = Field(default_factory=list)


class VideoResult(Recording):
    """A finished video; ``subtitles_url`` (WebVTT) and ``restorer`` are None unless asked for.

    What follows ``audio_asset_id`` is there for videos of scenes: ``subtitles_urls`` by their endings; ``pieces`` that
    the video was drawn in, of which ``reused_pieces`` came from ``from_job_id``.
    """

    text: str | None
    audio_asset_id: str | None
    restorer: RestorerUsed | None = None
    scenes: list[SceneRecord] | None = None
    subtitles_urls: dict[str, str] | None = None
    pieces: int | None = None
    reused_pieces: int | None = None
    loudness_lufs: float | None = None
    dubbing: DubbedFilm | None = None


class DialogueResult(Recording):
    """One answered question. ``engines``: which engine did each part, by service."""

    conversation_id: str
    transcript: str
    language: str
    reply: str
    engines: dict[str, str | None]


class AvatarResult(Answer):
    """A prepared person."""

    avatar_id: str
    avatar: Avatar
    report: AvatarReport


class TrainingResult(Answer):
    """A trained model; ``before`` and ``after`` as in ``Model``."""

    model_id: str
    avatar_id: str | None
    before: dict[str, float]
    after: dict[str, float]
    warnings: list[str]
    model: Model


KINDS: dict[str, type[Job[Any]]] = {
    "video": Job[VideoResult],
    "dubbing": Job[DubbingResult],
    "dialogue": Job[DialogueResult],
    "avatar": Job[AvatarResult],
    "training": Job[TrainingResult],
}
"""The type of each kind of job."""


def parse_job(data: dict[str, Any]) -> Job[Any]:
    """A job with a result of its kind; a plain dictionary for kinds of a newer gateway. Raises ``ValidationError``."""
    return KINDS.get(data.get("kind", ""), Job[dict[str, Any]]).model_validate(data)
