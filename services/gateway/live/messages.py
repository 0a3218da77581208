"""Messages of the live protocol, version 1 (``docs/live.md``): JSON text frames; ``frames.py`` has the binary ones.

``python -m tools.live_schema`` writes their JSON schema from here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

PROTOCOL = 1
"""Version of the protocol."""
MAX_TEXT = 2000
"""Longest typed question, in characters."""
MICROPHONE_HZ = 16_000
"""Rate of the microphone's samples, 16 bits, mono, little-endian."""
Id = Annotated[str, Field(max_length=100)]
Transport = Literal["webcodecs", "mse"]
Listening = Literal["auto", "push", "off"]
Reason = Literal["speech", "hand", "text", "failed", "player"]
"""Why an answer is over; `player`: the client's player failed, and what was not heard follows in another form."""
State = Literal["queued", "listening", "hearing", "thinking", "speaking", "held"]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Played(BaseModel):
    """Where the client's player is."""

    model_config = ConfigDict(extra="forbid")
    gen: int = Field(ge=0)
    us: int = Field(ge=0, description="Media time of that generation which has been heard, in microseconds.")


# from the client


class Hello(_Message):
    """The first message. With ``session`` it goes on with a session whose connection was lost."""

    type: Literal["hello"]
    protocol: int = PROTOCOL
    token: str = Field(default="", max_length=200, description="Of a page elsewhere; others use a cookie or a header.")
    can: list[Transport] = Field(min_length=1, description="Ways to receive media, the preferred one first.")
    session: Id = Field(default="", description="Session to go on with, from `welcome`.")
    last: Played | None = Field(default=None, description="What was heard of it.")
    last_seq: int = Field(default=-1, ge=-1, description="Last frame that arrived, an event or media; -1 for none.")
    avatar_id: Id = ""
    model: Id = ""
    voice_id: Id = ""
    engines: dict[Literal["asr", "llm", "llm_model", "tts", "render"], Id] = Field(default_factory=dict)
    fallback: bool = True
    language: str = Field(default="", max_length=35, description="BCP 47; empty to detect it.")
    conversation_id: Id = Field(default="", description="Conversation to continue; empty for a new one.")
    persona: str = Field(default="", max_length=2000)
    patience: float = Field(default=1.0, ge=0.5, le=3, description="Factor on the pauses that end an utterance.")
    listening: Listening = "auto"
    greet: bool = Field(
        default=False, description="Whether the avatar greets aloud at the start of a conversation without messages."
    )
    max_side_px: int = Field(default=0, ge=0, le=4096, description="Longest side of the picture; 0: as it is.")


class Text(_Message):
    """A typed question."""

    type: Literal["text"]
    text: str = Field(min_length=1, max_length=MAX_TEXT)


class Listen(_Message):
    """How the microphone is used: all the time, while ``talk`` is on, or not at all."""

    type: Literal["listen"]
    mode: Listening


class Talk(_Message):
    """Push-to-talk: the key was pressed or let go. Letting go ends the utterance at once."""

    type: Literal["talk"]
    on: bool


class Interrupt(_Message):
    """The user stops the answer by hand."""

    type: Literal["interrupt"]
    gen: int = Field(ge=0, description="0 for an answer that is being thought of: its generation is not known yet.")
    heard_us: int = Field(ge=0)


class PlayedMessage(Played):
    """Sent every 200 ms while a generation plays, and when it has ended."""

    type: Literal["played"]
    is_end: bool = False


class Idle(_Message):
    """Which frame of the idle loop is on the screen; sent before an answer is expected."""

    type: Literal["idle"]
    frame: int = Field(ge=0)


class Again(_Message):
    """Say the rest of an interrupted answer (``continue``), or answer the last question anew (``ask``)."""

    type: Literal["again"]
    what: Literal["continue", "ask"]


class ChangeTransport(_Message):
    """The client's player failed: media comes in another form from now on. The answer that it played is broken off, and
    what was not heard of it is said in the new form."""

    type: Literal["transport"]
    can: list[Transport] = Field(
        max_length=2, description="What is left, the preferred one first; empty: nothing, and the client leaves."
    )
    gen: int = Field(default=0, ge=0, description="Generation that was played; 0 for none.")
    heard_us: int = Field(default=0, ge=0, description="What was heard of it.")
    reason: Literal["failed", "stalled"] = Field(
        default="failed", description="Whether the player gave an error, or nothing at all."
    )


class ChangeSettings(_Message):
    """What is given is changed, and ``settings`` tells what is used: the voice and the persona from the next answer on,
    language and patience from the user's next utterance on."""

    type: Literal["settings"]
    voice_id: Id | None = Field(default=None, description="Empty: the avatar's own, else that of the language.")
    language: str | None = Field(default=None, max_length=35, description="BCP 47; empty to detect it.")
    patience: float | None = Field(default=None, ge=0.5, le=3)
    persona: str | None = Field(default=None, max_length=2000)


class Ping(_Message):
    """Asks for ``pong``; ``at`` comes back."""

    type: Literal["ping"]
    at: float


class Bye(_Message):
    """The end."""

    type: Literal["bye"]


_Change = ChangeTransport | ChangeSettings
ClientMessage = Annotated[
    Hello | Text | Listen | Talk | Interrupt | PlayedMessage | Idle | Again | _Change | Ping | Bye,
    Field(discriminator="type"),
]
CLIENT: TypeAdapter[ClientMessage] = TypeAdapter(ClientMessage)

# from the server


class Event(_Message):
    """What every event has."""

    seq: int = Field(
        default=-1, description="Counts what the session sends, media included; -1 where it does not count."
    )


class Welcome(Event):
    """The session is set up."""

    type: Literal["welcome"] = "welcome"
    protocol: int = PROTOCOL
    session: str
    resumed: bool
    conversation_id: str
    transport: Transport
    resume_s: float = Field(description="How long a lost connection can be taken up again.")
    idle_limit_s: float
    total_limit_s: float


class Queue(Event):
    """Others are served first."""

    type: Literal["queue"] = "queue"
    position: int = Field(ge=1)


class StateMessage(Event):
    """What the avatar does."""

    type: Literal["state"] = "state"
    state: State


class SpeechStarted(Event):
    """The user began to speak."""

    type: Literal["speech_started"] = "speech_started"
    at_us: int


class SpeechEnded(Event):
    """The user has finished."""

    type: Literal["speech_ended"] = "speech_ended"
    at_us: int


class Partial(Event):
    """The user's words so far."""

    type: Literal["partial"] = "partial"
    text: str


class Final(Event):
    """The user's words. Empty: nothing was understood. ``joined``: they replace the question before."""

    type: Literal["final"] = "final"
    text: str
    language: str = ""
    joined: bool = False


class VideoFormat(BaseModel):
    """Of the pictures of a generation."""

    width: int
    height: int
    fps: float
    codec: str = Field(default="", description="For VideoDecoder (webcodecs).")
    description: str = Field(default="", description="AVCDecoderConfigurationRecord, base64 (webcodecs).")
    mime_type: str = Field(default="", description="For MediaSource (mse).")


class Turn(Event):
    """An answer begins: media of this generation follows, older ones are dropped."""

    type: Literal["turn"] = "turn"
    gen: int
    turn: str
    question: str
    video: VideoFormat
    sample_rate_hz: int = Field(description="Of the sound frames: 16 bits, mono, little-endian (webcodecs).")
    start_frame: int = Field(description="Frame of the idle loop that the first picture shows.")


class Reply(Event):
    """Text of the answer as it is thought of; it may be cut off before it is said."""

    type: Literal["reply"] = "reply"
    gen: int
    text: str
    is_last: bool = False
    engine: str = ""


class Clause(Event):
    """Words of the answer and when they are heard, in media time of the generation."""

    type: Literal["clause"] = "clause"
    gen: int
    text: str
    start_us: int
    end_us: int
    cached: bool = False


class End(Event):
    """All media of the generation was sent."""

    type: Literal["end"] = "end"
    gen: int
    duration_us: int
    end_frame: int


class Hold(Event):
    """The user seems to speak: the client falls silent where it is and keeps what it has."""

    type: Literal["hold"] = "hold"
    gen: int


class Resume(Event):
    """It was nothing (a cough, a yes, an echo): the client goes on where it was."""

    type: Literal["resume"] = "resume"
    gen: int


class Interrupted(Event):
    """The generation is over; what was heard of it stays in the conversation."""

    type: Literal["interrupted"] = "interrupted"
    gen: int
    heard_us: int
    heard: str
    reason: Reason
    ms: dict[str, float] = Field(
        default_factory=dict, description="As in `timings`, of what had happened by then; no `timings` follows."
    )


class TransportChanged(Event):
    """Media of the generations that follow comes in this form."""

    type: Literal["transport"] = "transport"
    transport: Transport


class SettingsChanged(Event):
    """What is used from now on."""

    type: Literal["settings"] = "settings"
    voice_id: str
    language: str
    patience: float
    problem: dict[str, Any] | None = Field(default=None, description="Why nothing was changed (RFC 9457).")


class Timings(Event):
    """Milliseconds of a turn by stage, counted from the end of the user's speech, or from the typed question."""

    type: Literal["timings"] = "timings"
    gen: int
    ms: dict[str, float]


class Fallback(Event):
    """Another engine did the work of the one that was wanted."""

    type: Literal["fallback"] = "fallback"
    service: str
    wanted: str
    used: str
    reason: str


class Warn(Event):
    """Words of the answer that could not be said, or not as the user's dictionary has them; after their sound."""

    type: Literal["warning"] = "warning"
    gen: int
    reason: str = Field(description="`left-out`: not said. `entry-ignored`: not said as the dictionary has it.")
    text: str
    script: str = Field(default="", description="Of what was left out, in English: `Hiragana`; empty for others.")


class Error(Event):
    """What went wrong (RFC 9457). ``fatal``: the session ends."""

    type: Literal["error"] = "error"
    fatal: bool
    problem: dict[str, Any]


class Pong(Event):
    """Answer to ``ping``."""

    type: Literal["pong"] = "pong"
    at: float


ServerMessage = Annotated[
    Welcome
    | Queue
    | StateMessage
    | SpeechStarted
    | SpeechEnded
    | Partial
    | Final
    | Turn
    | Reply
    | Clause
    | End
    | Hold
    | Resume
    | Interrupted
    | TransportChanged
    | SettingsChanged
    | Timings
    | Fallback
    | Warn
    | Error
    | Pong,
    Field(discriminator="type"),
]
SERVER: TypeAdapter[ServerMessage] = TypeAdapter(ServerMessage)
