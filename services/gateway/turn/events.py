"""What the stages of a turn hand out, in order, as they get it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fallback:
    """An engine was passed over, another did its work. Comes before what that one made."""

    service: str
    wanted: str
    used: str
    reason: str
    """As in ``errors.toml``."""
    wanted_voice: str = ""
    """The voice that was asked for, where the engine that speaks does not have it."""
    used_voice: str = ""


@dataclass(frozen=True)
class Transcript:
    """What was heard. ``segments``: (text, start s, end s)."""

    text: str
    language: str
    engine: str
    duration_s: float
    language_probability: float = 0.0
    segments: list[tuple[str, float, float]] = field(default_factory=list)
    fallbacks: list[Fallback] = field(default_factory=list)


@dataclass(frozen=True)
class Reply:
    """A piece of the answer; ``is_last`` comes once, with empty text and the engine that answered."""

    text: str
    is_last: bool = False
    engine: str = ""


@dataclass(frozen=True)
class Spoken:
    """A stretch of speech, as written, and when it sounds."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class VoiceHeader:
    """How the speech comes: sample rate, engine and voice."""

    rate: int
    engine: str
    voice_id: str


@dataclass(frozen=True)
class Sound:
    """16-bit mono PCM of the speech, in order."""

    pcm: bytes


@dataclass(frozen=True)
class VideoHeader:
    """What the video is."""

    width: int
    height: int
    fps: float
    mime_type: str
    engine: str
    start_frame: int = 0
    """Of the idle loop; may count on past the loop's end."""


@dataclass(frozen=True)
class Media:
    """Bytes of the fragmented MP4, in order; ``end_us`` is 0 for the initialisation."""

    data: bytes
    end_us: int


@dataclass(frozen=True)
class Drawn:
    """How far the drawing is, in seconds of video."""

    seconds: float


@dataclass(frozen=True)
class Summary:
    """The video is complete."""

    frames: int
    passthrough_frames: int
    duration_s: float
    end_frame: int = 0
    """Of the idle loop."""


Event = Fallback | Transcript | Reply | Spoken | VoiceHeader | Sound | VideoHeader | Media | Drawn | Summary
