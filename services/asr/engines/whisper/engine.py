"""Whisper base (MIT) through faster-whisper / CTranslate2, int8 on the CPU: Chinese and English by default.

One encoder pass serves language detection and decoding. The encoder is given only as many frames as the speech needs
(at least 10 s), not the usual 30 s: about a quarter of the time (``benchmarks/asr.py`` shows both texts). A doubtful
text is worked out again on the usual 30 s (``attempt.py``; ``benchmarks/telephone.py`` says what that costs and saves).
CTranslate2 queues the requests of several threads first come, first served, so one model serves all callers.
"""

from __future__ import annotations

import importlib.util
import logging
import threading
from typing import Any, ClassVar

import numpy as np

from services.asr.engines.base import SAMPLE_RATE_HZ, AsrEngine, Recognition, primary
from services.asr.engines.whisper.attempt import (
    HINT,
    HOME,
    SURE,
    Attempt,
    best,
    choose_language,
    is_doubtful,
    is_repetitive,
    may_be_shown,
)
from services.asr.engines.whisper.script import simplified, tidy
from services.asr.engines.whisper.settings import Settings
from services.common.audio import Samples
from services.common.engines import package_missing
from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.common.weights import WeightsError, folder

log = logging.getLogger("huasheng.asr.whisper")

_MIN_FRAMES = 1000  # 10 s; as right as 15 s, shorter costs words in noise: whisper was trained on 30 s
_MARGIN_FRAMES = 200
_ALL_FRAMES = 3000
_TOKENS_PER_S = 14  # the fastest speech stays well below this; bounds what a runaway decoding costs


class WhisperEngine(AsrEngine):
    """The embedded default."""

    name: ClassVar[str] = "whisper"
    languages: ClassVar[tuple[str, ...]] = HOME
    license: ClassVar[str] = "MIT"
    description = "OpenAI Whisper base on the CPU, no account needed"
    window_s: ClassVar[float] = 20.0
    settings: Settings

    @classmethod
    def unavailable(cls, _settings: Settings, shared: SharedSettings, _service: Any) -> HuashengError | None:
        """Missing package or weights."""
        for module, package in (("faster_whisper", "faster-whisper"), ("opencc", "OpenCC")):
            if importlib.util.find_spec(module) is None:
                return package_missing(cls.name, package, "asr")
        try:
            folder("whisper-base", shared.weights_dir)
        except WeightsError as e:
            return HuashengError("engine-unavailable", engine=cls.name, **e.cause)
        return None

    def load(self) -> None:
        """Load the model and run it once, so that the first question is not slower than the second."""
        from faster_whisper import WhisperModel
        from faster_whisper.tokenizer import Tokenizer

        super().load()
        self._model: Any = WhisperModel(
            str(folder("whisper-base", self.shared.weights_dir)),
            device="cpu",
            compute_type="int8",
            cpu_threads=self.shared.threads,
            local_files_only=True,
        )
        self._make_tokenizer = Tokenizer
        self._tokenizers: dict[str, Any] = {lang: self._tokenizer(lang) for lang in HOME}
        noise = np.random.default_rng(0).normal(0, 0.01, SAMPLE_RATE_HZ * 2).astype(np.float32)
        self._first(noise, None)
        simplified("")

    def _tokenizer(self, language: str) -> Any:
        return self._make_tokenizer(self._model.hf_tokenizer, True, task="transcribe", language=language)

    def recognise(
        self, samples: Samples, language: str | None, cancelled: threading.Event | None = None
    ) -> Recognition:
        """The words of one window, at most 20 s. A doubtful text is worked out again on the whole window."""
        named = self._named(language)
        features, first, probability = self._first(samples, named)
        seconds = samples.size / SAMPLE_RATE_HZ
        if not is_doubtful(first, None if named else probability, seconds):
            return Recognition(first.text, first.language, probability)
        if cancelled and cancelled.is_set():
            return Recognition("", first.language, probability)
        return self._again(features, first, None if named else probability, seconds)

    def draft(self, samples: Samples, language: str | None, _cancelled: threading.Event | None = None) -> Recognition:
        """The words of one window, worked out once; none where they could be the hint."""
        _, first, probability = self._first(samples, self._named(language))
        return Recognition(first.text if may_be_shown(first) else "", first.language, probability)

    def _named(self, language: str | None) -> str | None:
        named = primary(language) if language else None
        if named is not None and named not in self._model.supported_languages:
            raise HuashengError("bad-request", what=f"whisper does not know the language {named}.")
        return named

    def _first(self, samples: Samples, named: str | None) -> tuple[Any, Attempt, float]:
        """Features, the text on the short window, and the probability of its language (0 when it was named)."""
        features = self._model.feature_extractor(samples)[:, : samples.size // 160 + 1]
        encoded = self._encode(features, _MIN_FRAMES)
        found, probability = (named, 0.0) if named else self._languages(encoded)
        first = self._decode(encoded, found, samples.size / SAMPLE_RATE_HZ, hinted=found in HINT)
        return features, first, probability

    def _again(self, features: Any, first: Attempt, probability: float | None, seconds: float) -> Recognition:
        """The words of a window whose first text is doubtful, from the window that whisper was trained on.

        ``probability`` of the first text's language; None when the caller named it. Of the languages of both windows
        the surer one counts.
        """
        encoded = self._encode(features, _ALL_FRAMES)
        found, sure = first.language, probability or 0.0
        if probability is not None:
            found, sure = max((found, sure), self._languages(encoded), key=lambda language: language[1])
        tried = [self._decode(encoded, found, seconds, hinted=False)]
        if first.language == found:
            tried.append(first)
        if tried[0].score < SURE:  # the short window without the hint is seldom better, but then much
            tried.append(self._decode(self._encode(features, _MIN_FRAMES), found, seconds, hinted=False))
        chosen = best(tried)
        if chosen.text and not chosen.hinted and found in HINT:  # for its punctuation
            chosen = best([*tried, self._decode(encoded, found, seconds, hinted=True)])
        return Recognition(chosen.text, found, sure)

    def _encode(self, features: Any, frames: int) -> Any:
        frames = max(frames, features.shape[1] + _MARGIN_FRAMES)
        return self._model.encode(np.pad(features, ((0, 0), (0, frames - features.shape[1]))))

    def _languages(self, encoded: Any) -> tuple[str, float]:
        return choose_language({token[2:-2]: p for token, p in self._model.model.detect_language(encoded)[0]})

    def _decode(self, encoded: Any, language: str, seconds: float, *, hinted: bool) -> Attempt:
        tokenizer = self._tokenizers.get(language) or self._tokenizer(language)
        prompt: list[int] = [tokenizer.sot_prev, *tokenizer.encode(" " + HINT[language])] if hinted else []
        prompt += [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        for penalty in (1.0,) if hinted else (1.0, 1.3):  # a loop is decoded again with repetition made costly
            result = self._model.model.generate(
                encoded,
                [prompt],
                beam_size=self.settings.beam_size,
                max_length=min(448, len(prompt) + 16 + int(seconds * _TOKENS_PER_S)),
                repetition_penalty=penalty,
                return_scores=True,
                return_no_speech_prob=True,
            )[0]
            text = tidy(str(tokenizer.decode(result.sequences_ids[0])).strip(), language)
            if not is_repetitive(text):
                break
        return Attempt(text, language, result.scores[0], result.no_speech_prob, hinted)
