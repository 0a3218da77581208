"""What the gateway tells about its resources, field by field as in its OpenAPI document (``/docs``).

Times are aware ``datetime``s in UTC. ``*_url`` are paths on the gateway, signed and good for a week: hand them to
``download`` and do not store them. Fields that a newer gateway adds are kept (``model_extra``), not refused.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from huasheng._answer import Answer as Answer
from huasheng._answer import Problem as Problem
from huasheng.restorer import Restorer


class Asset(Answer):
    """An uploaded file. ``kind``: ``video``, ``audio`` or ``image``; what does not apply is None."""

    id: str
    kind: str
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
    created_at: datetime
    url: str


class FaceBox(Answer):
    """Where the face is, forehead to chin, in shares of the picture's width and height."""

    left: float
    top: float
    right: float
    bottom: float


class AvatarReport(Answer):
    """What preparing a person found in the source."""

    face_fraction: float
    face_width_px: float
    mouth_coverage: float
    warnings: list[str]
    missing_shapes: list[str]
    mouth_pictures: int
    covered_frames: int
    blurred_frames: int
    face_box: FaceBox | None


class Stated(Answer):
    """What was stated about the person in a file: by whom and when; all of it is in ``consents.list``."""

    id: str
    statement: str
    given_by: str
    recorded_at: datetime


class Avatar(Answer):
    """A prepared person. ``voice_id`` speaks where a request names none; ``lost_voice`` names one that was deleted.

    ``is_shared``: another person's; here as in ``Model`` and ``Voice``.
    """

    id: str
    avatar_id: str
    name: str
    owner: str
    is_builtin: bool
    is_shared: bool = False
    engine: str
    kind: str
    width: int
    height: int
    fps: float
    frames: int
    thumbnail_url: str | None
    idle_url: str | None
    created_at: datetime
    voice_id: str | None
    lost_voice: str | None
    report: AvatarReport
    consent: Stated | None = None


class Curve(Answer):
    """Mouth opening over the part of a clip that is kept back, in distances between the eyes."""

    rate_hz: float
    start_s: float
    real: list[float]
    before: list[float]
    after: list[float]


class Model(Answer):
    """A model that draws, built-in or trained. ``before`` and ``after``: figures on the part kept back."""

    id: str
    model_id: str
    name: str
    owner: str
    is_builtin: bool
    is_shared: bool = False
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
    before_video_url: str | None = None
    after_video_url: str | None = None
    created_at: datetime


class VoiceClip(Answer):
    """A recording that a cloned voice is made of; ``snr_db``: how far the speech stands above the noise."""

    clip_id: str
    seconds: float
    snr_db: float
    transcript: str
    url: str


class Consent(Answer):
    """Who agreed to the cloning of a voice, and when."""

    statement: str
    given_by: str
    recorded_at: datetime


class Voice(Answer):
    """A voice that can speak. ``gender``: ``female``, ``male`` or empty. ``synthesis``: settings its engine follows."""

    id: str
    voice_id: str
    name: str
    language: str
    gender: str
    engine: str
    is_cloned: bool
    is_shared: bool = False
    is_default: bool
    sample_text: str
    sample_url: str
    synthesis: list[str]
    weights: str | None = None
    clips: list[VoiceClip]
    consent: Consent | None
    created_at: datetime | None


class VoiceList(Answer):
    """The voices; why none can be cloned here, None when that works; the weights that a new one may go with."""

    items: list[Voice]
    cloning_problem: Problem | None
    cloning_weights: list[str] = Field(default_factory=list)


class Clause(Answer):
    """A stretch of speech, as written, and when it sounds."""

    index: int
    text: str
    start_s: float
    end_s: float


class Conversation(Answer):
    """A conversation in the list; ``messages`` is their number."""

    id: str
    title: str
    created_at: datetime
    updated_at: datetime
    messages: int


class Fallback(Answer):
    """An engine that was passed over, why (a problem's ``reason``), and the one that did its work."""

    service: str
    wanted: str
    used: str
    reason: str
    wanted_voice: str | None
    used_voice: str | None


class TextWarning(Answer):
    """Words that were not said, since the voice does not speak their script. ``reason``: ``left-out``.

    Or ``entry-ignored``: the engine cannot follow the dictionary's entry for this word. Or ``not-checked``: what was
    left out of this speech is not known. ``pause-clamped``, ``rate-clamped``: out of range as written, brought into it.
    ``ssml-unknown``: SSML that is not followed; its words are said. ``not-shown``: characters that captions in the
    picture leave out. ``enlarged``: an avatar that is shown at more than twice the size of its own pixels.
    ``voice-removed``, ``background-ducked``: what became of the own sound of a film that is dubbed.
    """

    reason: str
    text: str
    script: str


class Message(Answer):
    """One message of a conversation. ``role``: ``user`` or ``assistant``."""

    id: int
    role: str
    text: str
    interrupted: bool = False
    rating: str | None = None
    job_id: str
    created_at: datetime
    audio_url: str | None
    video_url: str | None
    timings_ms: dict[str, float] | None
    clauses: list[Clause] | None
    end_frame: int | None
    fallbacks: list[Fallback] | None = None
    warnings: list[TextWarning] | None = None


class ConversationDetail(Answer):
    """A conversation with its messages."""

    id: str
    title: str
    created_at: datetime
    updated_at: datetime
    messages: list[Message]


class Segment(Answer):
    """A stretch of recognised speech."""

    text: str
    start_s: float
    end_s: float


class Transcription(Answer):
    """Recognised speech."""

    text: str
    language: str
    language_probability: float
    duration_s: float
    engine: str
    segments: list[Segment]
    fallbacks: list[Fallback] = Field(default_factory=list)


class TrainingClip(Answer):
    """How long a clip for training is, in seconds: at least, without a warning, and how much of it is used."""

    least_s: float
    short_s: float
    most_s: float


class Engine(Answer):
    """An engine of a service, and whether and why not it can be used.

    ``breaker``: ``open`` while it rests after a failure (``breaker_reason``) for ``breaker_retry_s`` more seconds,
    ``half-open`` when the next request tries it again, else ``closed``. ``models``: the language models that a request
    may name, the default first. ``default_steps``: of a training that names none. ``needs_model``: it draws a person
    only with a model trained on that person. ``videos_only``: no live conversation.
    """

    service: str
    name: str
    available: bool
    reason: str
    is_default: bool
    languages: list[str]
    license: str
    description: str
    models: list[str] = Field(default_factory=list)
    can_train: bool
    cannot_train_reason: str
    cannot_train_cause: str
    breaker: str = ""
    breaker_reason: str = ""
    breaker_retry_s: float = 0.0
    default_steps: int = 0
    training_clip: TrainingClip | None = None
    needs_model: bool = False
    videos_only: bool = False


class Unreachable(Answer):
    """A service that did not answer, and why."""

    service: str
    problem: Problem


class Engines(Answer):
    """The engines of all services, and the face restorer where there is one."""

    items: list[Engine]
    unreachable: list[Unreachable]
    restorer: Restorer | None = None


class Device(Answer):
    """Something that engines run on."""

    device: str
    name: str
    memory_bytes: int
    used_bytes: int


class PreviewClause(Answer):
    """How a clause will be said; ``pronunciation``: pinyin or IPA, empty where the engine cannot tell."""

    text: str
    spoken: str
    language: str
    pronunciation: str
    left_out: list[str]


class SpeechPreview(Answer):
    """How a text will be said."""

    clauses: list[PreviewClause]
    warnings: list[TextWarning]


class Pronunciation(Answer):
    """An entry of the dictionary. ``language``: ``zh`` or ``en``."""

    word: str
    say: str
    language: str


class Imported(Answer):
    """How many entries a file had."""

    imported: int


class SystemInfo(Answer):
    """Versions, health of every service, limits, disk and queues; see docs/api.md for what is in the dictionaries."""

    version: str
    status: str
    accounts: bool
    owner: str = ""
    libraries: dict[str, str] = Field(default_factory=dict)
    services: list[dict[str, Any]]
    limits: dict[str, Any]
    disk: dict[str, Any]
    queues: list[dict[str, Any]]


class Speech(Answer):
    """Speech as a WAV file, 16-bit mono.

    ``fallbacks`` tells when another engine or voice spoke than the one wanted, ``warnings`` what was not said.
    """

    wav: bytes = Field(repr=False)
    sample_rate_hz: int
    duration_s: float
    fallbacks: list[Fallback]
    warnings: list[TextWarning] = Field(default_factory=list)


class SpeechChunk(Answer):
    """Some speech: 16-bit little-endian mono samples. ``fallbacks`` as in ``Speech``, the same in all of a text."""

    pcm: bytes = Field(repr=False)
    sample_rate_hz: int
    fallbacks: list[Fallback]
