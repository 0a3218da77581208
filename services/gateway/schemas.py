"""What requests and answers look like; the source of the OpenAPI page."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

AssetKind = Literal["video", "audio", "image"]
JobKind = Literal["dialogue", "video", "avatar", "training"]
T = TypeVar("T")
Id = Field(default=None, max_length=80)


class Body(BaseModel):
    """A request; fields that we do not know are refused rather than ignored."""

    model_config = ConfigDict(extra="forbid")


class AvatarRequest(Body):
    """Prepare a person from an uploaded video or portrait."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"asset_id": "a_01m3…", "name": "我"}]})
    asset_id: str = Field(max_length=80)
    name: str = Field(min_length=1, max_length=80)
    engine: str | None = Id


class TrainingRequest(Body):
    """Train a model of the person in a video. 3000 to 10000 steps are advised; the same again goes on where it was."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"video_asset_id": "a_01m3…", "steps": 5000}]})
    video_asset_id: str = Field(max_length=80)
    engine: str | None = Id
    steps: int = Field(default=5000, ge=100, le=100_000)
    device: str | None = Id
    name: str | None = Field(default=None, min_length=1, max_length=80)


class _Speech(Body):
    audio_asset_id: str | None = Id
    text: str | None = None

    @model_validator(mode="after")
    def _one_of(self) -> _Speech:
        if (self.audio_asset_id is None) == (self.text is None):
            raise ValueError("give either audio_asset_id or text")
        return self


class VideoRequest(_Speech):
    """Make the avatar say a text or a recording."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"avatar_id": "builtin", "text": "大家好，我是画声。", "subtitles": True}]}
    )
    avatar_id: str | None = Id
    voice_id: str | None = Id
    engine: str | None = Id
    model: str | None = Id
    device: str | None = Id
    language: str | None = Field(default=None, max_length=16)
    subtitles: bool = False
    max_side_px: int | None = Field(default=None, ge=64, le=4096)


class DialogueRequest(_Speech):
    """Ask a question, typed or recorded."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "你是谁？"}, {"audio_asset_id": "a_01m3…"}]})
    avatar_id: str | None = Id
    voice_id: str | None = Id
    conversation_id: str | None = Id
    engine: str | None = Id
    model: str | None = Id
    language: str | None = Field(default=None, max_length=16)
    persona: str | None = Field(default=None, max_length=2000)
    idle_frame: int | None = Field(default=None, ge=0, le=1_000_000)


class SpeechRequest(Body):
    """Say a text."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Hello there.", "voice_id": None}]})
    text: str
    voice_id: str | None = Id
    language: str | None = Field(default=None, max_length=16)
    speed: float = Field(default=1.0, ge=0.5, le=2.0)


class VoiceName(Body):
    """Rename a voice."""

    name: str = Field(min_length=1, max_length=80)


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
    can_train: bool
    cannot_train_reason: str


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
