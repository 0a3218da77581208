"""What happens to a job, one class an event. ``isinstance`` or ``match`` tells them apart."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import SkipValidation

from huasheng.jobs import Job, parse_job
from huasheng.models import Answer, Curve, TextWarning


class Event(Answer):
    """Base of all: ``id`` and ``kind`` are the job's."""

    id: str
    kind: str


class Snapshot(Event):
    """Everything so far: the first event, and the first after every reconnect."""

    job: Annotated[Job[Any], SkipValidation]  # made by parse_job


class Progress(Event):
    """How far the job is: ``progress`` 0–1, ``eta_s`` seconds left (None while unknown)."""

    state: str
    stage: str
    progress: float
    eta_s: float | None
    queue_position: int | None


class Transcript(Event):
    """What was heard."""

    text: str
    language: str


class Reply(Event):
    """More of the answer: ``delta`` is new, ``text`` all so far."""

    delta: str
    text: str


class ClauseSpoken(Event):
    """A stretch of speech is there: what is said from when to when. ``index`` 0 again: the speech starts over."""

    index: int
    text: str
    start_s: float
    end_s: float


class Timing(Event):
    """A stage's time is known; ``stage`` as in ``timings_ms``."""

    stage: str
    ms: float


class EngineFallback(Event):
    """Another engine does the work of the one wanted; the result's ``fallbacks`` keep it."""

    service: str
    wanted: str
    used: str
    reason: str
    wanted_voice: str | None
    used_voice: str | None


class SpeechWarning(Event):
    """Words that were not said, or not as your dictionary has them; the result's ``warnings`` keep it."""

    reason: str
    text: str
    script: str


class VideoBegun(Event):
    """The first playable bytes are there; ``jobs.stream_video`` follows them."""

    url: str
    start_frame: int | None = None


class SceneChanged(Event):
    """How far a scene of a video is; ``partial.scenes`` keeps it, with its clauses."""

    index: int
    text: str | None
    start_s: float | None
    end_s: float | None
    state: str
    warnings: list[TextWarning]


class SentenceChanged(Event):
    """A sentence of a dubbing's script as it is now; ``partial.sentences`` keeps it."""

    index: int
    start_s: float
    end_s: float
    slot_s: float
    text: str
    translation: str
    spoken_s: float | None
    speed: float
    fit: str
    warnings: list[str]


class Training(Event):
    """What is new of a training; the rest is None."""

    step: int | None = None
    steps: int | None = None
    loss: float | None = None
    validation_loss: float | None = None
    curve: Curve | None = None
    preview_url: str | None = None
    warnings: list[str] | None = None
    offset_ms: float | None = None


class Done(Event):
    """The job is over; the last event."""

    job: Annotated[Job[Any], SkipValidation]  # made by parse_job


class Reconnecting(Event):
    """Made by the client: the stream of events broke off and is asked for again in ``wait_s`` seconds."""

    why: str
    wait_s: float


class Polling(Event):
    """Made by the client: there is no stream to be had, the job is asked for every few seconds from now on.

    Only ``Snapshot``, ``Reconnecting`` and ``Done`` follow: coarser than a stream. ``why`` names what stands between.
    """

    why: str


class OtherEvent(Event):
    """An event of a newer gateway."""

    name: str
    data: dict[str, Any]


NAMES: dict[str, type[Event]] = {
    "progress": Progress,
    "transcript": Transcript,
    "reply": Reply,
    "clause": ClauseSpoken,
    "timing": Timing,
    "fallback": EngineFallback,
    "warning": SpeechWarning,
    "video": VideoBegun,
    "scene": SceneChanged,
    "sentence": SentenceChanged,
    "training": Training,
}


def parse_event(name: str, data: dict[str, Any]) -> Event:
    """A server-sent event. Raises ``ValidationError``."""
    if name in ("snapshot", "done"):
        job = parse_job(data)
        return (Snapshot if name == "snapshot" else Done)(id=job.id, kind=job.kind, job=job)
    if found := NAMES.get(name):
        return found.model_validate(data)
    return OtherEvent(id=data.get("id", ""), kind=data.get("kind", ""), name=name, data=data)
