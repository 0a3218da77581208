"""A speech engine for tests: every character is a tone of 40 ms, clauses are cut at full stops."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator
from functools import partial

import numpy as np

from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.tts.engines.base import Piece, Span, SpeechRequest, TextClause, TtsEngine, VoiceInfo
from services.tts.settings import TtsSettings

RATE = 24_000
PER_CHARACTER = RATE // 25


class FakeTts(TtsEngine):
    name = "fake"
    license = "Apache-2.0"
    description = "tones"
    languages = ("en-US", "zh-CN")
    sample_rate = RATE
    default_voice = "one"

    def __init__(self, settings: None, shared: SharedSettings, service: TtsSettings) -> None:
        super().__init__(settings, shared, service)
        self.delay_s = 0.0
        self.broken = False
        self.trouble = ""
        self.is_repeating = True
        """Whether it says the same every time; its speech is kept then."""
        self.at_work = 0
        self.spoken: list[str] = []
        self._lock = threading.Lock()

    def load(self) -> None:
        pass

    def voices(self) -> list[VoiceInfo]:
        return [VoiceInfo("one", "One", "en-US", "female", "Hello."), VoiceInfo("two", "二", "zh-CN", "male", "你好。")]

    def problem(self) -> HuashengError | None:
        return HuashengError("tts-unreachable", engine=self.name, why=self.trouble) if self.trouble else None

    def synthesize(self, clauses: Iterator[TextClause], request: SpeechRequest) -> Iterator[Piece]:
        with self._lock:
            self.at_work += 1
        try:
            yield from self._synthesize(clauses, request)
        finally:
            with self._lock:
                self.at_work -= 1

    def _synthesize(self, clauses: Iterator[TextClause], request: SpeechRequest) -> Iterator[Piece]:
        said = False
        for clause in clauses:
            for text in [t for t in clause.text.split(".") if t.strip()]:
                key = (text, request.voice_id, request.language, request.speed, request.dictionary.key)
                for piece in self.recall(key, clause.index, partial(self._make, clause.index, text, request), request):
                    said = True
                    yield piece
                if request.stop.is_set():
                    return
        if not said:
            raise HuashengError("empty-text")

    def repeats(self, _request: SpeechRequest) -> bool:
        return self.is_repeating

    def _make(self, index: int, text: str, request: SpeechRequest) -> Iterator[Piece]:
        until = time.monotonic() + self.delay_s
        while time.monotonic() < until and not request.stop.is_set():
            time.sleep(0.005)
        if request.stop.is_set():
            return
        if self.broken:
            raise HuashengError("engine-failed", engine=self.name, why="told to")
        self.spoken.append(text)
        yield self._piece(index, text, request)

    def _piece(self, index: int, text: str, request: SpeechRequest) -> Piece:
        size = round(PER_CHARACTER / request.speed)
        x = (0.5 * np.sin(np.arange(size * len(text)) * 0.1)).astype(np.float32)
        spans = [Span("" if c == " " else c, i * size, (i + 1) * size) for i, c in enumerate(text)]
        return Piece(index, text, request.voice_id or self.default_voice, x, spans)


class SpareTts(FakeTts):
    """Another one, with another voice, that knows no phonemes."""

    name = "spare"
    default_voice = "three"
    has_phonemes = False

    def voices(self) -> list[VoiceInfo]:
        return [VoiceInfo("three", "Three", "en-US", "female", "Hello.")]

    def _piece(self, index: int, text: str, request: SpeechRequest) -> Piece:
        return dataclasses.replace(super()._piece(index, text, request), spans=[])


class GoneTts(FakeTts):
    """One that is not set up."""

    name = "gone"

    def load(self) -> None:
        raise HuashengError("engine-unavailable", engine=self.name, why="it was taken away")
