"""What every speech engine offers."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import ClassVar, Protocol

from services.common.audio import Samples
from services.common.engines import Engine
from services.common.pronunciation import Pronunciation
from services.tts.settings import TtsSettings
from services.tts.text.dictionary import Dictionary
from services.tts.text.prepare import PreviewClause, preview
from services.tts.text.script import LeftOut


@dataclass(frozen=True)
class VoiceInfo:
    """A voice as people choose it."""

    voice_id: str
    name: str
    language: str
    """BCP 47: ``en-US``, ``en-GB`` or ``zh-CN``."""
    gender: str
    """``female``, ``male`` or empty when that is not known."""
    sample_text: str


@dataclass(frozen=True)
class TextClause:
    """Text to speak; ``index`` is the caller's and comes back with the audio."""

    index: int
    text: str


@dataclass(frozen=True)
class Span:
    """A phoneme from sample ``start`` to ``end`` (excluded) of its piece. The empty phoneme is silence."""

    phoneme: str
    start: int
    end: int


@dataclass(frozen=True)
class Piece:
    """A stretch of speech. Its spans, if there are any, cover all of ``samples`` in order, without gaps."""

    index: int
    text: str
    """The words as the caller wrote them; empty when the piece continues those of the piece before."""
    voice_id: str
    samples: Samples
    spans: list[Span]
    """None from an engine without phonemes."""
    cached: bool = False
    """Whether it was made before and only taken from memory."""


class Stop:
    """Ends a synthesis from another thread, also in the middle of a model run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_set = False
        self._actions: list[Callable[[], None]] = []

    def set(self) -> None:
        """Request the end; never blocks for long, may be called again."""
        with self._lock:
            self._is_set = True
            for action in self._actions:
                action()

    def is_set(self) -> bool:
        """Whether the end was asked for."""
        return self._is_set

    @contextmanager
    def on_set(self, action: Callable[[], None]) -> Iterator[None]:
        """Call ``action`` when the end is asked for within this block, at once if it was already."""
        with self._lock:
            self._actions.append(action)
            if self._is_set:
                action()
        try:
            yield
        finally:
            with self._lock:
                self._actions.remove(action)


class FairLock:
    """A lock that serves its callers in the order they came, so that dialogues interleave clause by clause."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._is_held = False

    @contextmanager
    def hold(self, stop: Stop) -> Iterator[bool]:
        """Hold the lock for the block. Yields False, without the lock, when ``stop`` is set first."""
        mine = threading.Event()
        with self._lock:
            if not self._is_held:
                self._is_held = True
                mine.set()
                has_it = True
            else:
                self._waiting.append(mine)
                has_it = False
        if not has_it:
            with stop.on_set(mine.set):
                mine.wait()
            with self._lock:
                # stop and the lock can come together: a caller that is no longer queued has been given the lock
                if mine in self._waiting:
                    self._waiting.remove(mine)
                else:
                    has_it = True
        try:
            yield has_it
        finally:
            if has_it:
                with self._lock:
                    if self._waiting:
                        self._waiting.popleft().set()
                    else:
                        self._is_held = False


@dataclass(frozen=True)
class ClonedVoice:
    """A voice made from recordings, as an engine needs it."""

    voice_id: str
    language: str
    """BCP 47, of the recordings."""
    transcript: str
    """What is said in the first."""
    clips: tuple[Path, ...]
    """The recordings; the first gives speaking style and timbre, the others timbre only."""
    model: str = ""
    """Name of the weights it goes with, in the operator's list."""


@dataclass(frozen=True)
class Sampling:
    """How speech is sampled; None leaves it to the settings. Ranges are those of the settings."""

    seed: int | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float | None = None
    split: str | None = None

    def given(self) -> list[str]:
        """Names of the fields that are not left to the settings."""
        return [f.name for f in fields(self) if getattr(self, f.name) is not None]


class Memory(Protocol):
    """Speech that was made before."""

    def recall(self, key: Hashable, index: int, make: Callable[[], Iterator[Piece]], stop: Stop) -> Iterator[Piece]:
        """The pieces of a stretch: remembered under ``key``, with the caller's ``index``; else made, and remembered.

        The key holds all that shapes them. Nothing is remembered of what ``stop`` cut short.
        """


@dataclass(frozen=True)
class SpeechRequest:
    """How to speak."""

    voice_id: str = ""
    """Empty for the default voice of the text's language."""
    language: str = ""
    """BCP 47; empty to choose by script."""
    speed: float = 1.0
    """0.5 to 2."""
    cloned: ClonedVoice | None = None
    """What ``voice_id`` means when it names a cloned voice."""
    sampling: Sampling = field(default_factory=Sampling)
    """For engines that sample."""
    dictionary: Dictionary = field(default_factory=Dictionary)
    """How the user wants words said."""
    left_out: list[LeftOut] = field(default_factory=list)
    """The engine adds what it does not say."""
    ignored: list[Pronunciation] = field(default_factory=list)
    """The engine adds entries of the dictionary that stand in the text and that it cannot follow."""
    stop: Stop = field(default_factory=Stop)
    memory: Memory | None = None
    """None to make everything anew."""


class TtsEngine(Engine):
    """A speech engine: loads once, then speaks for many callers."""

    sample_rate: int
    """Of all samples, in Hz."""
    has_phonemes: ClassVar[bool] = True
    """Whether pieces carry spans."""
    can_clone: ClassVar[bool] = False
    """Whether it speaks with cloned voices."""
    sampling: ClassVar[tuple[str, ...]] = ()
    """Fields of ``Sampling`` that it follows; others are refused before it is asked."""
    service: TtsSettings

    @abstractmethod
    def voices(self) -> list[VoiceInfo]:
        """All voices of its own (cloned ones are kept elsewhere), default voices first. Works before ``load``."""

    def clone_models(self) -> list[str]:
        """Names of the weights that a cloned voice may go with; empty when there is nothing to choose."""
        return []

    def preview(self, text: str, request: SpeechRequest) -> list[PreviewClause]:
        """How a text would be said, without saying it; the texts of the clauses joined give the text."""
        return self.preview_words(text, request)

    def preview_words(self, text: str, request: SpeechRequest) -> list[PreviewClause]:
        """The same without the pronunciation, which may take its time."""
        return preview(text, primary(request.language), request.dictionary, self.language_of(request))

    def language_of(self, request: SpeechRequest) -> str:
        """The primary language of the voice that is asked for; empty where none is."""
        if request.cloned:
            return primary(request.cloned.language)
        return next((primary(v.language) for v in self.voices() if v.voice_id == request.voice_id), "")

    def repeats(self, _request: SpeechRequest) -> bool:
        """Whether a text is said in the same way every time, so that its speech may be used again."""
        return False

    def recall(
        self, key: tuple[Hashable, ...], index: int, make: Callable[[], Iterator[Piece]], request: SpeechRequest
    ) -> Iterator[Piece]:
        """The pieces of a stretch, from the memory of the request where that can be; see ``Memory``."""
        if request.memory is None or not self.repeats(request):
            return make()
        return request.memory.recall((self.name, *key), index, make, request.stop)

    @abstractmethod
    def synthesize(self, clauses: Iterator[TextClause], request: SpeechRequest) -> Iterator[Piece]:
        """Speak the clauses as they come, each in one or more pieces, the first as early as can be.

        Once speech is chosen without a voice, the voice stays the same to the end. Ends early, without an error, when
        ``request.stop`` is set. Raises ``unknown-voice``; and when all clauses have ended without anything to speak,
        ``empty-text`` or ``unspeakable-text``.
        """


def primary(language: str) -> str:
    """``en`` for ``en-US``; empty for none and ``auto``."""
    first = language.replace("_", "-").split("-")[0].lower()
    return {"auto": "", "cmn": "zh"}.get(first, first)
