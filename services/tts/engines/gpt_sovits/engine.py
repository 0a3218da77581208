"""GPT-SoVITS through its ``api_v2.py``: cloned voices in Chinese, English, Japanese, Korean and Cantonese."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import numpy as np

from services.common import markup
from services.common.audio import Samples
from services.common.errors import HuashengError
from services.common.script import has_words, is_japanese, main_language
from services.common.settings import SharedSettings
from services.tts.engines.base import (
    ClonedVoice,
    Piece,
    Sampling,
    SpeechRequest,
    Stop,
    TextClause,
    TtsEngine,
    VoiceInfo,
)
from services.tts.engines.gpt_sovits.failures import unreachable
from services.tts.engines.gpt_sovits.pool import Pool
from services.tts.engines.gpt_sovits.request import PendingRequest
from services.tts.engines.gpt_sovits.settings import Settings
from services.tts.engines.gpt_sovits.wire import RATES, SUPER_RATE
from services.tts.settings import TtsSettings
from services.tts.text import clauses as splitting
from services.tts.text.prepare import PreviewClause, prepare, split_clauses
from services.tts.text.samples import SAMPLES

log = logging.getLogger("huasheng.tts.sovits")

DEFAULT_VOICE = "default"
EDGE_S = 0.005
"""Sound begins and ends over this time: some versions click."""
LEAST_S = 0.1
"""Sound is given out in pieces of at least this length."""
SUBSTITUTED_S = 10.0
"""Longest wait for a first process at start while another engine can be used instead."""
_HANGUL = re.compile(r"[\uac00-\ud7a3]")
_SPOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7a3A-Za-z\uff21-\uff5a]")


class GptSovitsEngine(TtsEngine):
    """Each stretch of text is one request to a process of the pool. No phonemes are known."""

    name = "gpt_sovits"
    license = "MIT"
    description = "GPT-SoVITS: speaks with voices cloned from 3 to 10 s of speech; runs beside the service"
    languages = ("zh-CN", "en-US", "ja-JP", "ko-KR", "yue-HK")
    has_phonemes = False
    can_clone = True
    sampling = tuple(f.name for f in fields(Sampling))

    def __init__(self, settings: Settings, shared: SharedSettings, service: TtsSettings) -> None:
        super().__init__(settings, shared, service)
        self._s = s = settings
        self.sample_rate = s.rate
        version = next(iter(s.models.values())).version if s.models else s.version
        if s.media_type == "raw" and not version:
            self._refuse("sovits-raw", variable="TTS_GPT_SOVITS_VERSION")
        folder = s.checkout
        if folder is not None and not (folder / "api_v2.py").is_file():
            self._refuse("sovits-no-api", variable="TTS_GPT_SOVITS_CHECKOUT", path=folder)
        self._warm()  # a reference that cannot be used is an error now
        self._pool = Pool(s, self._warm)

    def _refuse(self, cause: str, **params: object) -> None:
        raise HuashengError("engine-unavailable", engine=self.name, cause=cause, **params)

    def load(self) -> None:
        """Start the processes and wait for the first; without one the engine is loaded and has a problem.

        Where another engine can be used meanwhile, the wait is short: a process needs a minute and more to load.
        """
        self._pool.start()
        names = self.service.engine_names()
        is_alone = self.name not in names or len(names) == 1
        if not self._pool.wait(self._s.start_s if is_alone else min(SUBSTITUTED_S, self._s.start_s)):
            log.warning("no GPT-SoVITS process is ready yet", extra={"why": self._pool.problem()})

    def clone_models(self) -> list[str]:
        """Names of the operator's pairs of weights."""
        return list(self._s.models)

    def problem(self) -> HuashengError | None:
        """``tts-unreachable`` while no process is ready."""
        problem = self._pool.problem()
        return unreachable(problem) if problem else None

    def close(self) -> None:
        """End requests at work and the processes started here."""
        self._pool.close()

    def voices(self) -> list[VoiceInfo]:
        """The operator's reference, if there is one."""
        s = self._s
        if not s.reference:
            return []
        return [
            VoiceInfo(
                DEFAULT_VOICE,
                "GPT-SoVITS",
                s.reference_language,
                "",
                SAMPLES[language(s.reference_language)],
            )
        ]

    def synthesize(self, clauses: Iterator[TextClause], request: SpeechRequest) -> Iterator[Piece]:
        """See ``TtsEngine``. Also raises ``tts-unreachable``, ``tts-slow``, ``tts-bad-audio`` and ``voice-needed``."""
        voice = self._voice(request)
        wanted = language(request.language) if request.language not in ("", "auto") else ""
        spoken, words, pace = False, False, splitting.Pace()
        for clause in clauses:
            words = words or has_words(clause.text)
            if not any(_SPOKEN.match(c) or c.isdecimal() for c in clause.text):
                if has_words(clause.text):
                    log.warning("a clause in no language that is spoken was left out", extra={"index": clause.index})
                continue
            text_language = wanted or script_language(clause.text)
            whole = _in_words(clause.text, text_language, request)
            request.left_out.extend(whole.left_out)
            request.ignored.extend(whole.ignored)
            for stretch in splitting.split(clause.text, pace):
                words_only = _in_words(stretch.text, text_language, request).spoken
                if not words_only.strip():
                    continue
                pending = self._build_request(words_only, text_language, voice, request.speed, request.sampling)
                key = (stretch.text, voice, pending.model, json.dumps(pending.body, sort_keys=True))
                pieces = partial(self._pieces, clause.index, stretch.text, voice.voice_id, pending, request.stop)
                for piece in self.recall(key, clause.index, pieces, request):
                    spoken = True
                    yield piece
                if request.stop.is_set():
                    return
        if not spoken and not request.stop.is_set():
            raise HuashengError("unspeakable-text" if words else "empty-text")

    def _pieces(self, index: int, text: str, voice_id: str, pending: PendingRequest, stop: Stop) -> Iterator[Piece]:
        for samples in self._speak(pending, stop):
            yield Piece(index, text, voice_id, samples, [])
            text = ""

    def repeats(self, request: SpeechRequest) -> bool:
        """See ``TtsEngine``: only with a fixed seed."""
        return (self._s.seed if request.sampling.seed is None else request.sampling.seed) >= 0

    def preview_words(self, text: str, request: SpeechRequest) -> list[PreviewClause]:
        """See ``TtsEngine``; there is no more to tell, since GPT-SoVITS keeps the pronunciation to itself."""
        wanted = language(request.language) if request.language not in ("", "auto") else ""
        return [_in_words(c, wanted or script_language(c), request) for c in split_clauses(text)]

    def _voice(self, request: SpeechRequest) -> ClonedVoice:
        if request.cloned:
            return request.cloned
        if request.voice_id not in ("", DEFAULT_VOICE) or (request.voice_id and not self._s.reference):
            raise HuashengError("unknown-voice", voice=request.voice_id)
        if not self._s.reference:
            raise HuashengError("voice-needed", engine=self.name)
        return self._default()

    def _default(self) -> ClonedVoice:
        s = self._s
        clip = (Path(s.reference),)
        return ClonedVoice(DEFAULT_VOICE, s.reference_language, s.reference_text, clip)

    def _warm(self) -> PendingRequest | None:
        """First words, since the first request is slow."""
        if not self._s.reference:
            return None
        voice = self._default()
        text_language = language(voice.language)
        return self._build_request(
            SAMPLES[text_language].split("。")[0].split(".")[0], text_language, voice, 1.0, Sampling()
        )

    def _build_request(
        self, text: str, text_language: str, voice: ClonedVoice, speed: float, sampling: Sampling
    ) -> PendingRequest:
        """The request. Raises ``bad-request``."""
        s, models = self._s, self._s.models
        model = voice.model or next(iter(models), "")
        if model and model not in models:
            raise HuashengError("bad-request", what=f"The operator does not offer the weights {model!r}.")
        version = models[model].version if model else s.version
        if version == "v1" and text_language in ("ko", "yue"):
            raise HuashengError("bad-request", what=f"GPT-SoVITS v1 does not speak {text_language}.")
        rates = frozenset({RATES[version]} if version else {*RATES.values()})
        if s.super_sampling and version in ("", "v3"):
            rates = frozenset({SUPER_RATE})
        if version in ("v3", "v4") and not voice.transcript:
            raise HuashengError("voice-no-transcript", name=voice.voice_id)
        chosen = {
            "seed": s.seed if sampling.seed is None else sampling.seed,
            "temperature": sampling.temperature or s.temperature,
            "top_k": sampling.top_k or s.top_k,
            "top_p": sampling.top_p or s.top_p,
            "repetition_penalty": sampling.repetition_penalty or s.repetition_penalty,
        }
        body = {
            "text": text.strip(),
            "text_lang": text_language,
            "ref_audio_path": str(voice.clips[0]),
            "aux_ref_audio_paths": [str(c) for c in voice.clips[1:]],
            "prompt_text": voice.transcript,
            "prompt_lang": language(voice.language),
            "text_split_method": sampling.split or s.split,
            "batch_size": s.batch_size,
            "speed_factor": speed,
            "fragment_interval": s.pause_s,
            "parallel_infer": s.parallel,
            "sample_steps": s.steps,
            "super_sampling": s.super_sampling,
            "media_type": s.media_type,
            "streaming_mode": s.streaming,
            "min_chunk_length": s.chunk_tokens,
            "overlap_length": s.overlap_tokens,
            **chosen,
        }
        return PendingRequest(body, model, rates, self.sample_rate)

    def _speak(self, pending: PendingRequest, stop: Stop) -> Iterator[Samples]:
        """Sound as it comes, its two ends softened; ends at once when ``stop`` is set."""
        edge, least = round(EDGE_S * self.sample_rate), round(LEAST_S * self.sample_rate)
        held = np.zeros(0, np.float32)
        is_first = True
        self._pool.submit(pending)
        try:
            with stop.on_set(lambda: pending.out.put(None)):
                while (got := pending.out.get()) is not None and not stop.is_set():
                    if isinstance(got, HuashengError):
                        raise got
                    part, is_last = got
                    held = np.concatenate((held, part))
                    if held.size < least and not is_last:
                        continue
                    if is_first:
                        held[:edge] *= np.linspace(0, 1, held[:edge].size, dtype=np.float32)
                        is_first = False
                    if is_last:
                        held[-edge:] *= np.linspace(1, 0, held[-edge:].size, dtype=np.float32)
                        yield held
                        return
                    ready, held = held[:-edge], held[-edge:]
                    yield ready
        finally:
            self._pool.abandon(pending)


def _in_words(text: str, text_language: str, request: SpeechRequest) -> PreviewClause:
    """Chinese and English in words; other languages are GPT-SoVITS' own to read, without markup.

    Its API takes text alone: an entry in pinyin or IPA cannot be followed, and the word is read as it stands.
    """
    dictionary = request.dictionary
    if text_language in ("zh", "en"):
        said = prepare(text, text_language, dictionary)
        return replace(said, ignored=dictionary.unspelt(said.marked))
    marked = dictionary.mark(markup.plain(text))
    shown = dictionary.unmark(marked)
    return PreviewClause(text, shown, text_language, marked, ignored=dictionary.unspelt(marked))


def language(tag: str) -> str:
    """GPT-SoVITS' name of a BCP 47 language. Raises ``bad-request`` for one that it does not speak."""
    first, _, rest = tag.replace("_", "-").lower().partition("-")
    if first == "yue" or (first == "zh" and rest.split("-")[-1] in ("hk", "mo")):
        return "yue"
    known = {"zh": "zh", "cmn": "zh", "en": "en", "ja": "ja", "ko": "ko"}
    if first not in known:
        raise HuashengError("bad-request", what=f"GPT-SoVITS speaks Chinese, English, Japanese and Korean, not {tag}.")
    return known[first]


def script_language(text: str) -> str:
    """The language of a text by its script; ``zh`` is Chinese with English words in it."""
    if _HANGUL.search(text):
        return "ko"
    return "ja" if is_japanese(text) else main_language(text)
