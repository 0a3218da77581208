"""What comes in a live conversation (``hs.live.connect``): media, and events, one class each.

The protocol is the gateway's ``WS /api/v1/live``, version 1; ``docs/live.md`` describes it.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, ValidationError

from huasheng.errors import AnswerError, not_understood
from huasheng.models import Answer, Problem

PROTOCOL = 1
MICROPHONE_HZ = 16_000
"""Rate of the microphone's samples: 16 bits, mono, little-endian."""
HEAD = struct.Struct("<BBHIIq")
"""Head of a binary frame: kind, flags, 0, generation, sequence number, presentation time in microseconds."""
FINAL = (1000, 1008, 1011, 1013)
"""Close codes after which there is nothing to come back to: the end, refused, failed, full."""
_MICROPHONE, _PICTURE, _SOUND, _MP4 = 0x01, 0x11, 0x12, 0x13

Transport = Literal["webcodecs", "mse"]
Listening = Literal["auto", "push", "off"]


@dataclass(frozen=True)
class Media:
    """A piece of an answer. ``pts_us``: when it is due, in microseconds of the answer's own time; negative for
    pictures that lead from the idle loop to the answer."""

    gen: int
    pts_us: int
    data: bytes
    sequence: int


class Picture(Media):
    """An H.264 access unit (NAL units behind lengths of 4 bytes), of the transport ``webcodecs``."""


class KeyPicture(Picture):
    """One that can be decoded without those before it."""


class Sound(Media):
    """16-bit samples, mono, little-endian, at the ``sample_rate_hz`` of ``Turn``, of the transport ``webcodecs``."""


class Mp4(Media):
    """A piece of one fragmented MP4 file with picture and sound, of the transport ``mse``."""


class LiveEvent(Answer):
    """Base of all events. ``seq`` counts what the conversation sends, media included; -1 where it does not count."""

    seq: int = -1


class Welcome(LiveEvent):
    """The conversation can begin; ``resumed``: it goes on after a lost connection."""

    protocol: int
    session: str
    resumed: bool
    conversation_id: str
    transport: str
    resume_s: float
    idle_limit_s: float
    total_limit_s: float


class Queue(LiveEvent):
    """Others are served first."""

    position: int


class State(LiveEvent):
    """What the avatar does: ``queued``, ``listening``, ``hearing``, ``thinking``, ``speaking`` or ``held``."""

    state: str


class SpeechStarted(LiveEvent):
    """The user began to speak; ``at_us`` of the microphone's sound."""

    at_us: int


class SpeechEnded(LiveEvent):
    """The user has finished."""

    at_us: int


class Partial(LiveEvent):
    """The user's words so far."""

    text: str


class Final(LiveEvent):
    """The user's words; empty when nothing was understood. ``joined``: they replace the question before."""

    text: str
    language: str
    joined: bool


class Video(Answer):
    """Format of an answer's pictures."""

    width: int
    height: int
    fps: float
    codec: str
    description: str
    mime_type: str


class Turn(LiveEvent):
    """An answer begins."""

    gen: int
    turn: str
    question: str
    video: Video
    sample_rate_hz: int
    start_frame: int


class Reply(LiveEvent):
    """Text of the answer as it is thought of; it may be cut off before it is said."""

    gen: int
    text: str
    is_last: bool
    engine: str


class Clause(LiveEvent):
    """Words of the answer, and when they are said in its own time."""

    gen: int
    text: str
    start_us: int
    end_us: int
    cached: bool


class End(LiveEvent):
    """All media of the answer has come."""

    gen: int
    duration_us: int
    end_frame: int


class Hold(LiveEvent):
    """The user seems to speak: be silent where you are, and keep what you have."""

    gen: int


class Resume(LiveEvent):
    """It was nothing: go on where you were."""

    gen: int


class Interrupted(LiveEvent):
    """The answer is over; ``heard`` of it stays in the conversation. ``reason``: speech, hand, text, failed, player."""

    gen: int
    heard_us: int
    heard: str
    reason: str
    ms: dict[str, float] = Field(default_factory=dict)
    """As in ``Timings``, which does not follow: what had not happened by then is missing."""


class Settings(LiveEvent):
    """What is used from now on, after ``change``; ``problem``: why nothing was changed."""

    voice_id: str
    language: str
    patience: float
    problem: Problem | None = None


class Timings(LiveEvent):
    """Milliseconds of the turn by stage, from the end of the user's speech, or from the typed question."""

    gen: int
    ms: dict[str, float]


class Fallback(LiveEvent):
    """Another engine did the work of the one that was wanted."""

    service: str
    wanted: str
    used: str
    reason: str


class Warning(LiveEvent):
    """Words of the answer that could not be said, or not as your dictionary has them; fields as in ``TextWarning``."""

    gen: int
    reason: str
    text: str
    script: str = ""


class Error(LiveEvent):
    """Something failed and the conversation goes on; what ends it is raised."""

    fatal: bool
    problem: Problem


class Pong(LiveEvent):
    """The answer to a ping."""

    at: float


class Reconnecting(LiveEvent):
    """Made by the client: the connection was lost and is tried again; ``Welcome`` follows."""

    why: str


class OtherLiveEvent(LiveEvent):
    """An event of a newer gateway."""

    name: str
    data: dict[str, Any]


NAMES: dict[str, type[LiveEvent]] = {
    "welcome": Welcome,
    "queue": Queue,
    "state": State,
    "speech_started": SpeechStarted,
    "speech_ended": SpeechEnded,
    "partial": Partial,
    "final": Final,
    "turn": Turn,
    "reply": Reply,
    "clause": Clause,
    "end": End,
    "hold": Hold,
    "resume": Resume,
    "interrupted": Interrupted,
    "settings": Settings,
    "timings": Timings,
    "fallback": Fallback,
    "warning": Warning,
    "error": Error,
    "pong": Pong,
}


def parse_message(message: str | bytes) -> LiveEvent | Media:
    """What came over the socket. Raises ``AnswerError``."""
    try:
        return _parse_media(message) if isinstance(message, bytes) else _parse_text(json.loads(message))
    except ValidationError as e:
        raise not_understood(e) from None
    except (ValueError, KeyError, TypeError, AttributeError, struct.error) as e:
        raise AnswerError("what came over the socket is not of Huasheng's live protocol") from e


def _parse_text(data: dict[str, Any]) -> LiveEvent:
    name = data.pop("type")
    found = NAMES.get(name)
    return found.model_validate(data) if found else OtherLiveEvent(name=name, data=data)


def _parse_media(frame: bytes) -> Media:
    kind, flags, _, gen, sequence, pts_us = HEAD.unpack_from(frame)
    classes = {_PICTURE: KeyPicture if flags & 1 else Picture, _SOUND: Sound, _MP4: Mp4}
    return classes[kind](gen, pts_us, frame[HEAD.size :], sequence)


def microphone_frames(pcm: bytes) -> list[bytes]:
    """Binary frames for sound of the microphone, 100 ms each. Raises ``ValueError`` for half a sample."""
    if len(pcm) % 2:
        raise ValueError("a sample has two bytes")
    step = MICROPHONE_HZ // 10 * 2
    head = HEAD.pack(_MICROPHONE, 0, 0, 0, 0, 0)
    return [head + pcm[i : i + step] for i in range(0, len(pcm), step)]
