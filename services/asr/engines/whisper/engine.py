"""Whisper base (MIT) through faster-whisper / CTranslate2, int8 on the CPU: Chinese and English by default.

One encoder pass serves language detection and decoding. The encoder is given only as many frames as the speech needs
(at least 15 s), not the usual 30 s: about a third of the time (``benchmarks/asr.py`` shows both texts).
CTranslate2 queues the requests of several threads first come, first served, so one model serves all callers.
"""

from __future__ import annotations

import importlib.util
import logging
import re
import threading
import zlib
from typing import Any, ClassVar

import numpy as np

from services.asr.engines.base import SAMPLE_RATE_HZ, AsrEngine, Recognition, primary
from services.asr.engines.whisper.settings import Settings
from services.common.audio import Samples
from services.common.engines import package_missing
from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.common.weights import WeightsError, folder

log = logging.getLogger("huasheng.asr.whisper")

_HOME = ("zh", "en")
_OTHER_LANGUAGE = 0.8  # a short clip is taken as neither Chinese nor English only when the model is this sure
_MIN_FRAMES = 1500  # 15 s; shorter is quicker still, but costs words: whisper was trained on 30 s
_MARGIN_FRAMES = 200
_PROMPT = {"zh": "以下是普通话的句子。"}  # makes whisper write simplified characters with punctuation
_REPETITIVE = 2.4  # zlib ratio above which a text repeats itself (whisper's own threshold)
_NO_SPEECH = 0.6
_UNSURE = -1.0  # mean log probability under which a window that whisper doubts to be speech is dropped
_TOKENS_PER_S = 14  # the fastest speech stays well below this; bounds what a runaway decoding costs
_FULL_WIDTH = str.maketrans(",?!;:", "，？！；：")
_BETWEEN_HAN = re.compile(r"(?<=[㐀-鿿])\s*([,?!;:])\s*|\s*([,?!;:])\s*(?=[㐀-鿿])")


class WhisperEngine(AsrEngine):
    """The embedded default."""

    name: ClassVar[str] = "whisper"
    languages: ClassVar[tuple[str, ...]] = _HOME
    license: ClassVar[str] = "MIT"
    description = "OpenAI Whisper base on the CPU, no account needed"
    window_s: ClassVar[float] = 20.0
    settings: Settings

    @classmethod
    def unavailable(cls, _settings: Settings, shared: SharedSettings, _service: Any) -> HuashengError | None:
        """Missing package or weights."""
        if importlib.util.find_spec("faster_whisper") is None:
            return package_missing(cls.name, "faster-whisper", "asr")
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
        self._tokenizers: dict[str, Any] = {lang: self._tokenizer(lang) for lang in _HOME}
        noise = np.random.default_rng(0).normal(0, 0.01, SAMPLE_RATE_HZ * 2).astype(np.float32)
        self.recognise(noise, None)

    def _tokenizer(self, language: str) -> Any:
        return self._make_tokenizer(self._model.hf_tokenizer, True, task="transcribe", language=language)

    def recognise(
        self, samples: Samples, language: str | None, _cancelled: threading.Event | None = None
    ) -> Recognition:
        """The words of one window, at most 20 s."""
        language = primary(language) if language else None
        if language is not None and language not in self._model.supported_languages:
            raise HuashengError("bad-request", what=f"whisper does not know the language {language}.")
        features = self._model.feature_extractor(samples)[:, : samples.size // 160 + 1]
        frames = max(_MIN_FRAMES, features.shape[1] + _MARGIN_FRAMES)
        encoded = self._model.encode(np.pad(features, ((0, 0), (0, frames - features.shape[1]))))
        probability = 0.0
        if language is None:
            language, probability = choose_language(
                {token[2:-2]: p for token, p in self._model.model.detect_language(encoded)[0]}
            )
        tokenizer = self._tokenizers.get(language) or self._tokenizer(language)
        text = self._decode(encoded, tokenizer, samples.size / SAMPLE_RATE_HZ)
        return Recognition(tidy(text, language), language, probability)

    def _decode(self, encoded: Any, tokenizer: Any, seconds: float) -> str:
        prompt: list[int] = []
        hint = _PROMPT.get(tokenizer.language_code, "")
        if hint:
            prompt += [tokenizer.sot_prev, *tokenizer.encode(" " + hint)]
        prompt += [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        # a window that repeats itself is decoded again with repetition made costly
        for penalty in (1.0, 1.3):
            result = self._model.model.generate(
                encoded,
                [prompt],
                beam_size=self.settings.beam_size,
                max_length=min(448, len(prompt) + 16 + int(seconds * _TOKENS_PER_S)),
                repetition_penalty=penalty,
                return_scores=True,
                return_no_speech_prob=True,
            )[0]
            text = str(tokenizer.decode(result.sequences_ids[0])).strip()
            if not is_repetitive(text):
                break
        else:
            log.warning("a window was dropped: its text repeats itself")
            return ""
        if text == hint or (result.no_speech_prob > _NO_SPEECH and result.scores[0] < _UNSURE):
            return ""
        return text


def choose_language(probabilities: dict[str, float]) -> tuple[str, float]:
    """The language of a window: Chinese or English unless the model is very sure of another one."""
    best = max(probabilities, key=lambda k: probabilities[k])
    if probabilities[best] < _OTHER_LANGUAGE:
        best = max(_HOME, key=lambda k: probabilities.get(k, 0.0))
    return best, probabilities.get(best, 0.0)


def is_repetitive(text: str) -> bool:
    """Whether a text is a loop: it compresses much better than speech does."""
    data = text.encode()
    return len(data) > 40 and len(data) / len(zlib.compress(data)) > _REPETITIVE


def tidy(text: str, language: str) -> str:
    """Chinese gets full-width punctuation next to Chinese characters; a text without any word becomes empty."""
    if not re.search(r"\w", text):
        return ""
    if language == "zh":
        return _BETWEEN_HAN.sub(lambda m: (m[1] or m[2]).translate(_FULL_WIDTH), text)
    return text
