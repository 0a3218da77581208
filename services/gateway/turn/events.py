"""What the stages of a turn emit, in order, as it becomes available."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fallback:
    """Another engine did the work of the one that was wanted. Comes before the output of that other engine."""

    service: str
    wanted: str
    used: str
    reason: str
    """As in ``errors.toml``."""
    wanted_voice: str = ""
    """The voice that was asked for, when the engine that speaks does not have it."""
    used_voice: str = ""


@dataclass(frozen=True)
class Transcript:
    """Recognised speech. ``segments``: (text, start in s, end in s)."""

    text: str
    language: str
    engine: str
    duration_s: float
    language_probability: float = 0.0
    segments: list[tuple[str, float, float]] = field(default_factory=list)
    fallbacks: list[Fallback] = field(default_factory=list)


@dataclass(frozen=True)
class Reply:
    """A piece of the answer. ``is_last`` comes once, with empty text and the engine that answered."""

    text: str
    is_last: bool = False
    engine: str = ""


@dataclass(frozen=True)
class SpeechHeader:
    """Format of the speech: sample rate in Hz, engine and voice."""

    sample_rate_hz: int
    engine: str
    voice_id: str


@dataclass(frozen=True)
class SpokenClause:
    """A stretch of the answer as written, and when it is spoken. An empty text extends the stretch before."""

    text: str
    start_s: float
    end_s: float
    is_cached: bool = False
    """Whether it was synthesised before."""


@dataclass(frozen=True)
class TextWarning:
    """Words of the text that were not said, or not as wanted; comes after the speech."""

    reason: str
    text: str
    """As written."""
    script: str
    """In English."""


@dataclass(frozen=True)
class SpeechAudio:
    """16-bit mono PCM of the speech, in order."""

    pcm: bytes


@dataclass(frozen=True)
class VideoHeader:
    """Format of the video."""

    width: int
    height: int
    fps: float
    mime_type: str
    engine: str
    start_frame: int = 0
    """First frame, counted in the idle loop; may count on past the loop's end."""
    codec: str = ""
    """Of single pictures, as in RFC 6381; empty for fragmented MP4."""
    description: bytes = b""
    """AVCDecoderConfigurationRecord of single pictures."""
    source_sha256: str = ""
    """Of the clip or portrait that the avatar was prepared from."""


@dataclass(frozen=True)
class Media:
    """Bytes of the fragmented MP4, in order; ``end_us`` is 0 for the initialisation."""

    data: bytes
    end_us: int


@dataclass(frozen=True)
class Picture:
    """One H.264 access unit and the media time at which it is shown."""

    data: bytes
    pts_us: int
    is_key: bool


@dataclass(frozen=True)
class RenderProgress:
    """How much video is rendered, in seconds."""

    rendered_s: float
    frames_per_second: float = 0.0
    """Of work; waiting for speech or for the reader is not counted."""


@dataclass(frozen=True)
class VideoSummary:
    """The video is complete."""

    frames: int
    passthrough_frames: int
    duration_s: float
    end_frame: int = 0
    """Last frame, counted in the idle loop."""


Event = (
    Fallback
    | Transcript
    | Reply
    | SpeechHeader
    | SpokenClause
    | TextWarning
    | SpeechAudio
    | VideoHeader
    | Media
    | Picture
    | RenderProgress
    | VideoSummary
)
