"""The answers of the API, also for the OpenAPI page. Those that jobs keep as well are in ``jobs.records``."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from services.gateway.jobs.records import Clause, Fallback, TextWarning

AssetKind = Literal["video", "audio", "image"]
JobKind = Literal["dialogue", "dubbing", "video", "avatar", "training"]
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
    animated: bool = False
    """A moving picture (GIF, WebP …); its first picture is used."""
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
    consent_withdrawn: bool = False
    """The person whose face or voice it shows has withdrawn consent since."""
    name: str = ""
    """Of a video: what its owner calls it."""
    tags: list[str] = []


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
    is_shared: bool = False
    """Another person's, who shares it; ``id`` is that of the share."""
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


class ServiceState(BaseModel):
    """A service as the gateway sees it; ``why`` is empty while it serves."""

    service: str
    status: str
    why: str
    address: str
    since: str


class QueueState(BaseModel):
    """Jobs of one kind; ``concurrency``: how many run at once."""

    queue: str
    waiting: int
    running: int
    concurrency: int


class SystemInfo(BaseModel):
    """Versions, health of every service, limits, disk and queues."""

    version: str
    status: Literal["ok", "degraded"]
    accounts: bool
    owner: str
    libraries: dict[str, str]
    services: list[ServiceState]
    limits: dict[str, float]
    """By name: bytes, seconds, characters, pixels, jobs."""
    disk: dict[Literal["free_bytes", "total_bytes"], int]
    queues: list[QueueState]


class Conversation(BaseModel):
    """A conversation in the list."""

    id: str
    title: str
    created_at: str
    updated_at: str
    messages: int


class Message(BaseModel):
    """One message of a conversation."""

    id: int
    role: Literal["user", "assistant"]
    text: str
    interrupted: bool = False
    """The answer was broken off; ``text`` is what was heard of it."""
    rating: Literal["up", "down"] | None = None
    """What the user thinks of the answer."""
    job_id: str
    created_at: str
    audio_url: str | None
    video_url: str | None
    timings_ms: dict[str, float] | None
    clauses: list[Clause] | None
    end_frame: int | None
    fallbacks: list[Fallback] | None
    warnings: list[TextWarning] | None


class Rating(BaseModel):
    """What the user thinks of an answer; null takes it back."""

    model_config = ConfigDict(extra="forbid")

    rating: Literal["up", "down"] | None


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


class PreviewClause(BaseModel):
    """How a clause will be said: the words as written and as said, pinyin with tone numbers or IPA (empty where the
    engine cannot tell), and what is not said."""

    text: str
    spoken: str
    language: str
    pronunciation: str
    left_out: list[str]


class SpeechPreview(BaseModel):
    """How a text will be said."""

    clauses: list[PreviewClause]
    warnings: list[TextWarning]


class PreviewCue(BaseModel):
    """A subtitle as ``scenes[].cues`` takes it; times in seconds from the scene's start, lines as they are broken."""

    start_s: float
    end_s: float
    text: str
    second: str | None


class ScenePreview(BaseModel):
    """The speech of one scene, which can be heard for half an hour at least, and its subtitles."""

    audio_url: str
    duration_s: float
    voice_id: str | None
    cues: list[PreviewCue]
    clauses: list[Clause]
    warnings: list[TextWarning]
    fallbacks: list[Fallback]


class Pronunciation(BaseModel):
    """An entry of the dictionary: pinyin with tone numbers (zh), IPA between slashes or other words (en)."""

    word: str
    say: str
    language: Literal["zh", "en"]


class Imported(BaseModel):
    """How many entries a file had."""

    imported: int


class TrainingClip(BaseModel):
    """How long a clip for training is: at least, without a warning, and how much of it is used; seconds."""

    least_s: float
    short_s: float
    most_s: float


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
    cannot_train_cause: str
    breaker: Literal["closed", "open", "half-open", ""]
    breaker_reason: str
    breaker_retry_s: float
    default_steps: int
    training_clip: TrainingClip | None
    needs_model: bool
    videos_only: bool


class Unreachable(BaseModel):
    """A service that did not answer."""

    service: str
    problem: Problem


class Restorer(BaseModel):
    """The operator's face restorer, for ``restore`` of ``POST /videos``; ``problem``: why it cannot be used, or ""."""

    name: str
    licence: str
    problem: str


class Engines(BaseModel):
    """The engines of all services, and the face restorer where there is one."""

    items: list[Engine]
    unreachable: list[Unreachable]
    restorer: Restorer | None


class Device(BaseModel):
    """Something that engines run on."""

    device: str
    name: str
    memory_bytes: int
    used_bytes: int


class Items(BaseModel, Generic[T]):
    """A list."""

    items: list[T]
