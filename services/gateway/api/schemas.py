"""What answers look like (requests: bodies.py); with them the source of the OpenAPI page."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

AssetKind = Literal["video", "audio", "image"]
JobKind = Literal["dialogue", "video", "avatar", "training"]
T = TypeVar("T")


class Problem(BaseModel):
    """RFC 9457 problem details."""

    model_config = ConfigDict(extra="allow")
    type: str
    title: str
    status: int
    detail: str
    hint: str
    reason: str
    params: dict[str, str]
    retryable: bool
    request_id: str


class Asset(BaseModel):
    """An uploaded file."""

    id: str
    kind: AssetKind
    name: str
    bytes: int
    content_type: str
    duration_s: float | None
    width: int | None
    height: int | None
    fps: float | None
    sample_rate_hz: int | None
    has_audio: bool
    silent: bool | None
    created_at: str
    url: str


class Job(BaseModel):
    """A piece of work."""

    id: str
    kind: JobKind
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    stage: str
    progress: float
    eta_s: float | None
    queue_position: int | None
    params: dict[str, Any]
    partial: dict[str, Any]
    result: dict[str, Any] | None
    error: Problem | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    events_url: str
    video_url: str | None


class VoiceClip(BaseModel):
    """A recording that a cloned voice is made of."""

    clip_id: str
    seconds: float
    snr_db: float
    transcript: str
    url: str


class Consent(BaseModel):
    """Who agreed to the cloning of a voice, and when."""

    statement: str
    given_by: str
    recorded_at: str


class Voice(BaseModel):
    """A voice that can speak."""

    id: str
    voice_id: str
    name: str
    language: str
    gender: Literal["female", "male", ""]
    engine: str
    is_cloned: bool
    is_default: bool
    sample_text: str
    sample_url: str
    synthesis: list[str]
    weights: str | None
    clips: list[VoiceClip]
    consent: Consent | None
    created_at: str | None


class Voices(BaseModel):
    """The voices; why none can be cloned here, null when that works; the weights that a new one may go with."""

    items: list[Voice]
    cloning_problem: Problem | None
    cloning_weights: list[str]


class AvatarReport(BaseModel):
    """What preparation found."""

    face_fraction: float
    face_width_px: float
    mouth_coverage: float
    warnings: list[str]
    missing_shapes: list[str]
    mouth_pictures: int
    covered_frames: int
    blurred_frames: int


class Avatar(BaseModel):
    """A prepared person."""

    id: str
    avatar_id: str
    name: str
    owner: str
    is_builtin: bool
    engine: str
    kind: str
    width: int
    height: int
    fps: float
    frames: int
    thumbnail_url: str | None
    idle_url: str | None
    created_at: str
    voice_id: str | None
    lost_voice: str | None
    report: AvatarReport


class Curve(BaseModel):
    """Mouth opening over the held-out part of a clip, in distances between the eyes."""

    rate_hz: float
    start_s: float
    real: list[float]
    before: list[float]
    after: list[float]


class Model(BaseModel):
    """A model that draws."""

    id: str
    model_id: str
    name: str
    owner: str
    is_builtin: bool
    engine: str
    avatar_id: str | None
    steps: int
    training_id: str | None
    before: dict[str, float]
    after: dict[str, float]
    warnings: list[str]
    offset_ms: float
    curve: Curve | None
    preview_url: str | None
    created_at: str


class Conversation(BaseModel):
    """A conversation in the list."""

    id: str
    title: str
    created_at: str
    updated_at: str
    messages: int


class Clause(BaseModel):
    """A stretch of an answer's speech, as written, and when it sounds."""

    index: int
    text: str
    start_s: float
    end_s: float


class Fallback(BaseModel):
    """An engine that was passed over, and the one that did its work."""

    service: Literal["asr", "llm", "tts"]
    wanted: str
    used: str
    reason: str
    wanted_voice: str | None
    used_voice: str | None


class Message(BaseModel):
    """One message of a conversation."""

    id: int
    role: Literal["user", "assistant"]
    text: str
    job_id: str
    created_at: str
    audio_url: str | None
    video_url: str | None
    timings_ms: dict[str, float] | None
    clauses: list[Clause] | None
    end_frame: int | None
    fallbacks: list[Fallback] | None


class ConversationDetail(BaseModel):
    """A conversation with its messages."""

    id: str
    title: str
    created_at: str
    updated_at: str
    messages: list[Message]


class Segment(BaseModel):
    """A stretch of recognised speech."""

    text: str
    start_s: float
    end_s: float


class Transcription(BaseModel):
    """Recognised speech."""

    text: str
    language: str
    language_probability: float
    duration_s: float
    engine: str
    segments: list[Segment]
    fallbacks: list[Fallback]


class Engine(BaseModel):
    """An engine of a service, and whether it can be used here."""

    service: str
    name: str
    available: bool
    reason: str
    is_default: bool
    languages: list[str]
    license: str
    description: str
    models: list[str]
    can_train: bool
    cannot_train_reason: str
    breaker: Literal["closed", "open", "half-open", ""]
    breaker_reason: str
    breaker_retry_s: float
    default_steps: int
    needs_model: bool
    videos_only: bool


class Unreachable(BaseModel):
    """A service that did not answer."""

    service: str
    problem: Problem


class Engines(BaseModel):
    """The engines of all services."""

    items: list[Engine]
    unreachable: list[Unreachable]


class Device(BaseModel):
    """Something that engines run on."""

    device: str
    name: str
    memory_bytes: int
    used_bytes: int


class Items(BaseModel, Generic[T]):
    """A list."""

    items: list[T]
