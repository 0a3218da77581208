"""What is said in requests beside plain values."""

from __future__ import annotations

from typing import Literal, Required, TypedDict

from huasheng.accounts import Statement

Framing = Literal["auto", "head", "bust", "whole"]


class Synthesis(TypedDict, total=False):
    """How to speak; what is left out is as the operator set it. A voice follows what its ``synthesis`` names.

    ``speed`` 0.5–2; ``seed`` -1 for a new one each time; ``temperature`` 0.01–2, lower is steadier, higher livelier;
    ``top_k`` 1–100; ``top_p`` 0.01–1; ``repetition_penalty`` 1–2; ``split``: where the engine cuts the text again.
    """

    speed: float
    seed: int
    temperature: float
    top_k: int
    top_p: float
    repetition_penalty: float
    split: Literal["cut0", "cut1", "cut2", "cut3", "cut4", "cut5"]


class EngineChoice(TypedDict, total=False):
    """Engines that are asked first, by service; what is left out is as the operator set it, or the voice's."""

    asr: str
    llm: str
    llm_model: str
    """A language model of that engine: one of its ``models`` in ``system.engines()``."""
    tts: str


class ConsentRequest(TypedDict, total=False):
    """What one states about the person in a file, with a consent clip: a film in which they say the challenge's number.

    ``challenge_id``: of ``consents.challenge()``; ``clip_asset_id``: the film, uploaded. Both or neither.
    """

    statement: Statement
    challenge_id: str
    clip_asset_id: str


class Background(TypedDict, total=False):
    """What is behind a person.

    ``kind``: ``keep`` (the source's own), ``blur`` (with ``strength``, 0–1), ``colour`` (with ``colour``, ``#rrggbb``),
    ``picture`` or ``film`` (with ``asset_id``), ``transparent``. ``key``: the person stands before a ground of one
    colour, ``auto`` or ``#rrggbb``, which is taken out.
    """

    kind: Required[Literal["keep", "blur", "colour", "picture", "film", "transparent"]]
    strength: float
    colour: str
    asset_id: str
    key: str


class CueText(TypedDict, total=False):
    """One subtitle; times in seconds from the start of its scene."""

    start_s: Required[float]
    end_s: Required[float]
    text: Required[str]
    second: str | None


class Scene(TypedDict, total=False):
    """One avatar that says one ``text`` or recording (``audio_asset_id``), then is silent for ``pause_s``.

    What is left out is as the whole video has it. ``cues``: subtitles as edited.
    """

    text: str
    audio_asset_id: str
    avatar_id: str
    model: str
    voice_id: str
    language: str
    synthesis: Synthesis
    background: Background
    framing: Framing
    pause_s: float
    cues: list[CueText]


class Format(TypedDict, total=False):
    """Size, rate and container of a video: ``width`` and ``height``, or ``ratio`` and ``resolution`` (short side)."""

    ratio: Literal["source", "9:16", "1:1", "16:9", "4:5"]
    width: int
    height: int
    resolution: int
    fps: float
    quality: Literal["draft", "standard", "high"]
    container: Literal["mp4", "webm", "mov"]


class Subtitles(TypedDict, total=False):
    """Files of subtitles, and words in the picture. ``second_language`` (BCP 47) needs a language model."""

    files: list[Literal["srt", "vtt", "ass"]]
    burn: bool
    size: Literal["small", "medium", "large"]
    place: Literal["auto", "bottom", "top"]
    highlight: bool
    second_language: str


class Music(TypedDict, total=False):
    """Music beneath the speech; levels in dB against it."""

    asset_id: Required[str]
    level_db: float
    duck_db: float
    fade_in_s: float
    fade_out_s: float


class Sound(TypedDict, total=False):
    """The sound of a whole video. ``loudness_lufs`` None: as spoken."""

    loudness_lufs: float | None
    music: Music


class Term(TypedDict):
    """A name or term, and how it is translated."""

    source: str
    target: str


class DubbedSentence(TypedDict, total=False):
    """A sentence of a script, as corrected; an empty translation is left silent."""

    start_s: Required[float]
    end_s: Required[float]
    text: str
    translation: Required[str]


class Dubbing(TypedDict, total=False):
    """A film that speaks the script of the job ``job_id``; without ``sentences`` as the script has them.

    ``background``: ``keep`` or ``drop`` what else is heard; ``second``: subtitles show the original beneath.
    """

    job_id: Required[str]
    sentences: list[DubbedSentence] | None
    voice_id: str | None
    background: Literal["keep", "drop"]
    second: bool


class Logo(TypedDict, total=False):
    """A picture in a corner; ``width`` as a share of the video's."""

    asset_id: Required[str]
    corner: Literal["top-left", "top-right", "bottom-left", "bottom-right"]
    width: float
    opacity: float
