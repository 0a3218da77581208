"""Which engines a call may use, in which order and with which voice: the voice's engine first, then its substitutes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from huasheng.tts.v1 import tts_pb2

from services.common.engines import EngineSet
from services.common.errors import HuashengError
from services.common.fallback import EngineFallback
from services.tts import text_rpc, voices_rpc
from services.tts.engines.base import Sampling, SpeechRequest, TtsEngine
from services.tts.voices import StoredVoice, VoiceStore


@dataclass(frozen=True)
class EngineSelection:
    """The engines of one call."""

    names: list[str]
    """In the order in which they are asked."""
    requests: dict[str, tuple[TtsEngine, SpeechRequest]]
    """What each of them is asked; ``stop`` of the request is a placeholder."""
    unavailable: dict[str, HuashengError]
    """Why some cannot speak."""
    voice_id: str
    """The voice that was asked for; empty when none was."""


async def select_engines(
    config: tts_pb2.SynthesisConfig, fallback: EngineFallback, engines: EngineSet[TtsEngine], store: VoiceStore
) -> EngineSelection:
    """The engines that may speak what ``config`` asks for.

    A substitute speaks with the voice asked for only if it has one of that name, else with its default for the text's
    language, and by its own sampling. Raises ``bad-request``, ``unknown-engine``, ``unknown-voice`` and as
    ``text_rpc.dictionary``.
    """
    if config.speed and not 0.5 <= config.speed <= 2:
        raise HuashengError("bad-request", what=f"Speed {config.speed:g} is not within 0.5 and 2.")
    first, stored = await _first(config, fallback.order(), engines, store)
    dictionary = text_rpc.dictionary(config.pronunciations)
    found = EngineSelection(fallback.order(first, config.no_fallback), {}, {}, config.voice_id)
    for name in found.names:
        if error := engines.unavailable(name):
            found.unavailable[name] = error
            continue
        engine, is_first = engines.get(name), name == found.names[0]
        voice = config.voice_id if is_first or _has(engine, config.voice_id) else ""
        cloned = await asyncio.to_thread(store.for_engine, stored) if stored and is_first else None
        sampling = voices_rpc.sampling(config.sampling, engine) if is_first else Sampling()
        if not voice and not engine.voices():
            found.unavailable[name] = HuashengError("voice-needed", engine=name)
        request = SpeechRequest(voice, config.language, config.speed or 1.0, cloned, sampling, dictionary)
        found.requests[name] = (engine, request)
    return found


def _has(engine: TtsEngine, voice_id: str) -> bool:
    return voice_id in {v.voice_id for v in engine.voices()}


async def _first(
    config: tts_pb2.SynthesisConfig, names: list[str], engines: EngineSet[TtsEngine], store: VoiceStore
) -> tuple[str, StoredVoice | None]:
    """The engine to ask first (empty: the first of the settings), and the cloned voice that it should speak with."""
    if config.engine and config.engine not in names:
        engines.get(config.engine)  # raises unknown-engine
    if not config.voice_id:
        return config.engine, None
    for name in [config.engine] if config.engine else names:
        if name in engines.loaded and _has(engines.loaded[name], config.voice_id):
            return name, None
    stored = await asyncio.to_thread(store.find, config.owner, config.voice_id)
    if config.engine and config.engine != stored.engine:
        raise HuashengError("unknown-voice", voice=config.voice_id)
    if stored.engine not in names:
        engines.get(stored.engine)  # raises unknown-engine
    return stored.engine, stored
