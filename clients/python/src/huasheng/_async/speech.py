"""Text to speech without a video."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from functools import partial
from pathlib import Path

from huasheng import _wav
from huasheng._async._io import blocking
from huasheng._async.transport import AsyncTransport
from huasheng._files import write_whole
from huasheng._protocol import LONG_S, READ_S, Call, Deadline, T, at, given
from huasheng.models import SpeechChunk
from huasheng.requests import Synthesis


class AsyncSpeech:
    """Speech."""

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
        timeout: float = LONG_S,
    ) -> bytes:
        """The text as a WAV file, 16-bit mono. ``speed``: 0.5–2; ``synthesis``: of what
        ``voice.synthesis`` names. Half-way failures are tried again from the start.

        Raises ``RefusedError``: ``empty-text``, ``long-text``, ``unspeakable-text``; ``NotFoundError``
        ``unknown-voice``.
        """
        return await self._transport.call(_call(_wav.whole, text, voice_id, language, speed, synthesis, timeout))

    async def save(
        self,
        text: str,
        path: str | Path,
        *,
        voice_id: str | None = None,
        language: str | None = None,
        speed: float | None = None,
        synthesis: Synthesis | None = None,
        timeout: float = LONG_S,
    ) -> Path:
        """As ``create``, into a WAV file that is there whole or not at all."""
        data = await self.create(
            text, voice_id=voice_id, language=language, speed=speed, synthesis=synthesis, timeout=timeout
        )
        await blocking(partial(write_whole, Path(path), data))
        return Path(path)

    async def stream(
        self,
        text: str,
        *,
        voice_id: str | None = None,
        language: str | None = None,
        speed: float | None = None,
        synthesis: Synthesis | None = None,
        timeout: float = LONG_S,
    ) -> AsyncGenerator[SpeechChunk]:
        """The sound as it is spoken, to be played at once. Raises as ``create`` does, also half-way."""
        call = _call(bytes, text, voice_id, language, speed, synthesis, timeout)
        deadline = Deadline(timeout, call.name)
        header, rest = None, b""
        async with self._transport.stream(call, deadline, READ_S) as response:
            async for piece in self._transport.pieces(response, call.name, deadline):
                rest += piece
                if header is None:
                    header = _wav.read_header(rest)
                    rest = rest[header.size :] if header else rest
                even = len(rest) // 2 * 2  # a sample is two bytes, wherever the network cut
                if header and even:
                    yield SpeechChunk(pcm=rest[:even], sample_rate_hz=header.sample_rate_hz)
                    rest = rest[even:]


def _call(
    parse: Callable[[bytes], T],
    text: str,
    voice_id: str | None,
    language: str | None,
    speed: float | None,
    synthesis: Synthesis | None,
    timeout_s: float,
) -> Call[T]:
    body = given(text=text, voice_id=voice_id, language=language, speed=speed, synthesis=synthesis)
    return Call("POST", at("speech"), parse, body=body, timeout_s=timeout_s, is_json=False)
