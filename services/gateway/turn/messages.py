"""Parts of messages that several stages send or receive."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable

from huasheng.common.v1 import common_pb2
from huasheng.tts.v1 import tts_pb2

from services.common.pronunciation import Pronunciation
from services.gateway.turn.events import Fallback


def pcm_format(sample_rate_hz: int) -> common_pb2.AudioFormat:
    """The format that services exchange: 16-bit mono PCM."""
    return common_pb2.AudioFormat(
        encoding=common_pb2.AUDIO_ENCODING_PCM_S16LE, sample_rate_hertz=sample_rate_hz, channels=1
    )


async def audio_chunks(pcm: AsyncIterable[bytes], sample_rate_hz: int) -> AsyncIterator[common_pb2.AudioChunk]:
    """16-bit mono PCM as messages with times."""
    sent = 0
    async for data in pcm:
        yield common_pb2.AudioChunk(data=data, pts_us=sent * 1_000_000 // (2 * sample_rate_hz))
        sent += len(data)


def fallbacks_of(messages: Iterable[common_pb2.Fallback]) -> list[Fallback]:
    """The fallbacks in a service's answer."""
    return [
        Fallback(
            service=f.service,
            wanted=f.wanted,
            used=f.used,
            reason=f.reason,
            wanted_voice=f.wanted_voice,
            used_voice=f.used_voice,
        )
        for f in messages
    ]


def pronunciations_of(entries: Iterable[Pronunciation]) -> list[tts_pb2.Pronunciation]:
    """A dictionary as the tts service takes it."""
    return [tts_pb2.Pronunciation(word=e.word, say=e.say, language=e.language) for e in entries]
