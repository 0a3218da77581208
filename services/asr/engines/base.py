"""What a recognition engine is: one window of speech in, its words out; long clips are cut at pauses for it."""

from __future__ import annotations

import re
import threading
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from services.asr import turn_end
from services.asr.settings import AsrSettings
from services.asr.vad import Vad
from services.common.audio import Samples
from services.common.engines import Engine

SAMPLE_RATE_HZ = 16_000
"""Of all audio that an engine is given."""

# scripts written without spaces: Thai, Lao, Burmese, Khmer; kana, Han, and punctuation that goes with them
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2014\u2018-\u201d\u2026\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff00-\uffef]"
)


@dataclass(frozen=True)
class Recognition:
    """The words of one window; ``text`` is empty when there were none. ``language_probability`` is 0 when unknown.

    ``language`` is a primary language: ``zh``, whatever kind of Chinese was asked for.
    """

    text: str
    language: str
    language_probability: float = 0.0


@dataclass(frozen=True)
class Segment:
    """Words and when they were said, in seconds from the start of the clip."""

    recognition: Recognition
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Transcript:
    """Everything that was said in a clip."""

    text: str
    language: str
    language_probability: float
    segments: list[Segment]


class AsrEngine(Engine):
    """Shared by all callers: ``recognise`` may be called from several threads at once.

    ``languages`` are the BCP 47 primary languages that it is made for.
    """

    window_s: ClassVar[float]
    """Longest window that ``recognise`` is given."""
    works_ahead: ClassVar[bool] = True
    """Cheap enough to be run on a live utterance before it has ended (partial texts, final text at a pause)."""

    service: AsrSettings

    def load(self) -> None:
        """Load weights and warm up."""
        self.vad = Vad()
        turn_end.load()

    @abstractmethod
    def recognise(
        self, samples: Samples, language: str | None, cancelled: threading.Event | None = None
    ) -> Recognition:
        """The words of one window of speech: 16 kHz, at most ``window_s`` long; language detected when not given.

        ``language`` is a BCP 47 tag such as ``en`` or ``zh-TW``. An engine that waits for a server returns early, with
        no words, when ``cancelled`` is set. Raises ``bad-request`` (a language it does not know), the ``asr-*`` errors,
        ``engine-failed``.
        """

    def draft(self, samples: Samples, language: str | None, cancelled: threading.Event | None = None) -> Recognition:
        """As ``recognise``, for words that are shown while somebody still speaks: an engine may be quicker here, and
        less right, and leave out what it doubts."""
        return self.recognise(samples, language, cancelled)

    def segments(
        self,
        samples: Samples,
        language: str | None = None,
        cancelled: threading.Event | None = None,
        draft: bool = False,
    ) -> Iterator[Segment]:
        """The words of a clip of any length (16 kHz), window by window; closing the iterator stops the work."""
        recognise = self.draft if draft else self.recognise
        for start, end in self.vad.windows(samples, self.window_s):
            recognition = recognise(samples[start:end], language, cancelled)
            if cancelled and cancelled.is_set():
                return
            if recognition.text:
                yield Segment(recognition, start / SAMPLE_RATE_HZ, end / SAMPLE_RATE_HZ)

    def transcribe(
        self,
        samples: Samples,
        language: str | None = None,
        cancelled: threading.Event | None = None,
        draft: bool = False,
    ) -> Transcript:
        """The words of a clip of any length (16 kHz)."""
        return join(list(self.segments(samples, language, cancelled, draft)), language)


def primary(language: str) -> str:
    """The primary language of a BCP 47 tag: ``zh`` of ``zh-TW``."""
    return language.split("-")[0].lower()


def join(segments: list[Segment], language: str | None) -> Transcript:
    """Segments as one text; the language is the one most was said in."""
    spoken: dict[str, float] = {}
    for s in segments:
        spoken[s.recognition.language] = spoken.get(s.recognition.language, 0) + s.end_s - s.start_s
    if not spoken:
        return Transcript("", primary(language or ""), 0.0, [])
    most = max(spoken, key=lambda k: spoken[k])
    sure = [s.recognition.language_probability for s in segments if s.recognition.language == most]
    text = ""
    for s in segments:
        # Chinese is written without spaces, but a word of another script at the seam needs one
        space = bool(text) and not (_UNSPACED.match(text[-1]) and _UNSPACED.match(s.recognition.text[0]))
        text += (" " if space else "") + s.recognition.text
    return Transcript(text, most, sum(sure) / len(sure), segments)
