"""Text to speech without a video."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from functools import partial
from pathlib import Path

from huasheng import _wav
from huasheng._async._io import blocking
from huasheng._async.transport import AsyncTransport
from huasheng._files import write_whole
from huasheng._protocol import LONG_S, Call, Deadline, Raw, at, given
from huasheng.models import Fallback, Speech, SpeechChunk, TextWarning
from huasheng.requests import Synthesis


class AsyncTextToSpeech:
    """Speech. A text that fails half-way is tried again from the start, except by ``stream``."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(
        self,
        text: str,
        *,
        voice_id: str | None = None,
        language: str | None = None,
        speed: float | None = None,
        synthesis: Synthesis | None = None,
        engine: str | None = None,
        fallback: bool | None = None,
        timeout: float = LONG_S,
    ) -> Speech:
        """The text as a WAV file.

        ``speed``: 0.5–2; ``synthesis``: of what ``voice.synthesis`` names. ``engine`` is asked first;
        ``fallback=False``: fail rather than let another engine, in another voice, speak (``fallbacks`` tells). Raises
        ``RefusedError``: ``empty-text``, ``long-text``, ``unspeakable-text``; ``NotFoundError`` ``unknown-voice``.
        """
        call = _call(text, voice_id, language, speed, synthesis, engine, fallback, timeout)
        return await self._transport.call(call)

    async def save(
        self,
        text: str,
        path: str | Path,
        *,
        voice_id: str | None = None,
        language: str | None = None,
        speed: float | None = None,
        synthesis: Synthesis | None = None,
        engine: str | None = None,
        fallback: bool | None = None,
        timeout: float = LONG_S,
    ) -> Speech:
        """As ``create``, and written to a WAV file that is there whole or not at all. Raises ``OSError`` besides."""
        call = _call(text, voice_id, language, speed, synthesis, engine, fallback, timeout)
        speech = await self._transport.call(call)
        await blocking(partial(write_whole, Path(path), speech.wav))
        return speech

    async def stream(
        self,
        text: str,
        *,
        voice_id: str | None = None,
        language: str | None = None,
        speed: float | None = None,
        synthesis: Synthesis | None = None,
        engine: str | None = None,
        fallback: bool | None = None,
        timeout: float = LONG_S,
    ) -> AsyncGenerator[SpeechChunk]:
        """The sound as it is spoken, to be played at once. Raises as ``create`` does, also half-way."""
        call = _call(text, voice_id, language, speed, synthesis, engine, fallback, timeout)
        deadline = Deadline(timeout, call.name)
        header, rest = None, b""
        async with self._transport.stream(call, deadline) as response:
            passed = _fallbacks(response.headers)
            async for piece in self._transport.pieces(response, call.name, deadline):
                rest += piece
                if header is None:
                    header = _wav.read_header(rest)
                    rest = rest[header.size :] if header else rest
                even = len(rest) // 2 * 2  # a sample is two bytes, wherever the network cut
                if header and even:
                    yield SpeechChunk(pcm=rest[:even], sample_rate_hz=header.sample_rate_hz, fallbacks=passed)
                    rest = rest[even:]


def _call(
    text: str,
    voice_id: str | None,
    language: str | None,
    speed: float | None,
    synthesis: Synthesis | None,
    engine: str | None,
    fallback: bool | None,
    timeout_s: float,
) -> Call[Speech]:
    body = given(
        text=text,
        voice_id=voice_id,
        language=language,
        speed=speed,
        synthesis=synthesis,
        engine=engine,
        fallback=fallback,
    )
    return Call("POST", at("speech"), _whole, body=body, timeout_s=timeout_s, is_raw=True)


def _whole(answer: Raw) -> Speech:
    wav, rate, seconds = _wav.whole(answer.data)
    return Speech(
        wav=wav,
        sample_rate_hz=rate,
        duration_s=seconds,
        fallbacks=_fallbacks(answer.headers),
        warnings=_warnings(answer.headers),
    )


def _warnings(headers: Mapping[str, str]) -> list[TextWarning]:
    return [TextWarning.model_validate(w) for w in json.loads(headers.get("x-warnings", "[]"))]


def _fallbacks(headers: Mapping[str, str]) -> list[Fallback]:
    """In a header, since the body is sound."""
    return [Fallback.model_validate(f) for f in json.loads(headers.get("x-fallbacks", "[]"))]
