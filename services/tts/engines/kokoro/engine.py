"""The embedded engine: Kokoro-82M (int8, onnxruntime), English and Chinese, with the phoneme timing it predicts."""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from services.common import weights
from services.common.engines import load_failure
from services.common.errors import HuashengError
from services.common.script import has_words
from services.common.settings import SharedSettings
from services.tts.engines.base import FairLock, Piece, SpeechRequest, TextClause, TtsEngine, VoiceInfo
from services.tts.engines.kokoro.model import SAMPLE_RATE, KokoroModel
from services.tts.engines.kokoro.settings import Settings
from services.tts.engines.kokoro.shaping import shape
from services.tts.engines.kokoro.text.lts import LetterToSound
from services.tts.engines.kokoro.text.pronounce import Pronouncer
from services.tts.settings import TtsSettings
from services.tts.text import clauses as splitting
from services.tts.text.prepare import PreviewClause, prepare, preview
from services.tts.text.script import is_speakable

log = logging.getLogger("huasheng.tts")

MAX_RUN = 320
"""Symbols in one run: more make the run's memory pass 1 GB and hold up the other callers."""


class KokoroEngine(TtsEngine):
    """Speaks clause by clause. Callers take turns, one stretch of speech each."""

    name = "kokoro"
    license = "Apache-2.0"
    description = "Kokoro-82M on the CPU, English and Chinese; built in"
    languages = ("en-US", "en-GB", "zh-CN")
    sample_rate = SAMPLE_RATE

    def __init__(self, settings: Settings, shared: SharedSettings, service: TtsSettings) -> None:
        super().__init__(settings, shared, service)
        self._lock = FairLock()
        self._defaults = {"en": settings.voice_en, "zh": settings.voice_zh}
        for voice in self._defaults.values():
            if voice not in self._table:
                raise HuashengError("unknown-voice", voice=voice)

    @cached_property
    def _table(self) -> dict[str, dict[str, str | float]]:
        path = Path(__file__).with_name("voices.toml")
        table: dict[str, dict[str, str | float]] = tomllib.loads(path.read_text(encoding="utf-8"))["voices"]
        return table

    @cached_property
    def _samples(self) -> dict[str, str]:
        path = Path(__file__).with_name("voices.toml")
        samples: dict[str, str] = tomllib.loads(path.read_text(encoding="utf-8"))["sample_text"]
        return samples

    def load(self) -> None:
        """Load the weights and speak a word in each language, so that the first caller need not wait."""
        try:
            kokoro = weights.folder("kokoro", self.shared.weights_dir)
            letters = weights.folder("g2p-en", self.shared.weights_dir)
        except weights.WeightsError as e:
            raise HuashengError("engine-unavailable", engine=self.name, **load_failure(e)) from e
        self._model = KokoroModel(kokoro, self.shared.threads)
        self._pronounce = Pronouncer(LetterToSound(letters / "checkpoint20.npz"))
        for language, word in (("en", "Ready."), ("zh", "好了。")):
            for _ in self.synthesize(iter([TextClause(0, word)]), SpeechRequest(self._defaults[language])):
                pass

    def voices(self) -> list[VoiceInfo]:
        """The voices of the table, those used by default first."""
        order = sorted(self._table, key=lambda v: (v not in self._defaults.values(), list(self._table).index(v)))
        return [
            VoiceInfo(v, str(t["name"]), str(t["language"]), str(t["gender"]), self._samples[str(t["language"])[:2]])
            for v, t in ((v, self._table[v]) for v in order)
        ]

    def preview(self, text: str, request: SpeechRequest) -> list[PreviewClause]:
        """See ``TtsEngine``; with pinyin and IPA."""
        dictionary, out = request.dictionary, []
        british = str(self._table.get(request.voice_id, {}).get("language")) == "en-GB"
        for clause in preview(text, _supported(request.language), dictionary, self._language(request.voice_id)):
            said = self._pronounce.show(clause.marked, british, dictionary)
            out.append(replace(clause, pronunciation=said))
        return out

    def synthesize(self, clauses: Iterator[TextClause], request: SpeechRequest) -> Iterator[Piece]:
        """See ``TtsEngine``. The voice follows the language of the first clause that can be spoken."""
        language = _supported(request.language)
        voice = request.voice_id
        if voice and voice not in self._table:
            raise HuashengError("unknown-voice", voice=voice)
        before = ""
        spoken, words, pace = False, False, splitting.Pace()
        for clause in clauses:
            words = words or has_words(clause.text)
            said = prepare(clause.text, language, request.dictionary, self._language(voice), before)
            request.left_out.extend(said.left_out)
            if not is_speakable(said.marked):
                continue
            before = said.language
            voice = voice or self._defaults[before]
            for stretch in splitting.split(clause.text, pace):
                for piece in self._recall(clause.index, stretch, before, voice=voice, request=request):
                    spoken = True
                    yield piece
                if request.stop.is_set():
                    return
        if not spoken and not request.stop.is_set():
            raise HuashengError("unspeakable-text" if words else "empty-text")

    def _language(self, voice: str) -> str:
        """``en`` or ``zh``; empty without a voice."""
        return str(self._table[voice]["language"])[:2] if voice else ""

    def repeats(self, _request: SpeechRequest) -> bool:
        """See ``TtsEngine``; nothing is sampled."""
        return True

    def _recall(
        self, index: int, stretch: splitting.Stretch, language: str, *, voice: str, request: SpeechRequest
    ) -> Iterator[Piece]:
        """``_speak``, from memory where that can be."""
        key = (voice, stretch, language, request.language, request.speed, request.dictionary.key)
        return self.recall(
            key, index, lambda: self._speak(index, stretch, language, voice=voice, request=request), request
        )

    def _speak(
        self, index: int, stretch: splitting.Stretch, language: str, *, voice: str, request: SpeechRequest
    ) -> Iterator[Piece]:
        """One stretch, in one piece, or in more when it has too many symbols."""
        stop, speed = request.stop, request.speed
        with self._lock.hold(stop) as has_lock:
            if not has_lock or stop.is_set():
                return
            british = self._table[voice]["language"] == "en-GB"
            said = prepare(stretch.text, request.language, request.dictionary, rules=language)
            symbols = self._model.symbols(self._pronounce(said.marked, british, request.dictionary))
            if not symbols:
                return
            if len(symbols) <= MAX_RUN or len(stretch.text) == 1:
                symbols = symbols[:MAX_RUN]
                samples, lengths = self._model.run(symbols, voice, speed, stop)
                if stop.is_set():
                    return
                gain = 10 ** (float(self._table[voice]["gain_db"]) / 20)
                samples, spans = shape(
                    samples, lengths, symbols, rate=SAMPLE_RATE, end=stretch.end, speed=speed, gain=gain
                )
                whole = Piece(index, stretch.text, voice, samples, spans)
            else:
                whole = None
        if whole:
            yield whole
        else:
            for half in splitting.halves(stretch):
                yield from self._speak(index, half, language, voice=voice, request=request)


def _supported(language: str) -> str:
    """``en``, ``zh`` or empty. Raises ``bad-request`` for another language."""
    short = language.replace("_", "-").split("-")[0].lower()
    known = {"": "", "en": "en", "zh": "zh", "cmn": "zh", "auto": ""}
    if short not in known:
        raise HuashengError("bad-request", what=f"The kokoro engine speaks English and Chinese, not {language}.")
    return known[short]
