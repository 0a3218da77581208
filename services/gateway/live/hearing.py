"""The user's side of a live session: microphone sound to the asr service, its events back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from huasheng.asr.v1 import asr_pb2
from huasheng.common.v1 import common_pb2

from services.common.audio import Samples, from_pcm16
from services.common.errors import HuashengError
from services.gateway.clients import Clients, Sent, responses_of
from services.gateway.live.messages import MICROPHONE_HZ, Listening
from services.gateway.turn.messages import pcm_format

log = logging.getLogger("huasheng.gateway.live")

WAITING = 500
"""Frames of sound that may wait, 10 s of 20 ms: what was said while the service starts, or is busy."""
END_SILENCE_MS, COMPLETE_SILENCE_MS, OPEN_SILENCE_MS = 900, 360, 1400
"""Pauses that end an utterance: any, one that sounds complete, one that sounds unfinished."""
RECENT_S = 2.5
RETRY_S = 1.0


@dataclass(frozen=True)
class HearingFailed:
    """The asr service cannot be used at the moment; it is tried again."""

    error: HuashengError


class Hearing:
    """``deliver`` gets each message of the asr service (``StreamTranscribeResponse``), or ``HearingFailed``."""

    def __init__(
        self,
        clients: Clients,
        deliver: Callable[[Any], Awaitable[None]],
        *,
        language: str,
        engine: str,
        no_fallback: bool,
        patience: float,
    ) -> None:
        self._clients, self._deliver = clients, deliver
        self._config = asr_pb2.RecognitionConfig(
            engine=engine, format=pcm_format(MICROPHONE_HZ), report_pauses=True, no_fallback=no_fallback
        )
        self._set(language, patience)
        self._is_speaking = self._is_outdated = False
        self._mode: Listening = "off"
        self._sound: asyncio.Queue[bytes | None] = asyncio.Queue(WAITING)
        self._task: asyncio.Task[None] | None = None
        self._recent: list[bytes] = []
        self.position_us = 0
        """How much of the microphone's sound the asr service was given."""

    def _set(self, language: str, patience: float) -> None:
        self._config.language = language
        self._config.end_silence_ms = round(END_SILENCE_MS * patience)
        self._config.complete_silence_ms = round(COMPLETE_SILENCE_MS * patience)
        self._config.open_silence_ms = round(OPEN_SILENCE_MS * patience)

    async def change(self, language: str, patience: float) -> None:
        """For the utterances that follow: one that is being spoken is heard to its end."""
        before = asr_pb2.RecognitionConfig.FromString(self._config.SerializeToString())
        self._set(language, patience)
        if before == self._config or self._task is None:
            return
        self._is_outdated = self._is_speaking
        if not self._is_speaking and self._mode == "auto":
            await self.stop()
            self._start()

    @property
    def mode(self) -> Listening:
        """How the microphone is used."""
        return self._mode

    def feed(self, pcm: bytes) -> None:
        """Sound of the microphone, 16-bit PCM. Dropped when nobody listens, the oldest when too much waits."""
        if self._task is None:
            return
        if self._sound.full():
            with contextlib.suppress(asyncio.QueueEmpty):
                self._sound.get_nowait()
        self._sound.put_nowait(pcm)
        self._recent.append(pcm)
        while len(self._recent) > 1 and sum(map(len, self._recent[1:])) >= RECENT_S * MICROPHONE_HZ * 2:
            self._recent.pop(0)

    def since(self, at_us: int) -> Samples:
        """The microphone's sound from ``at_us`` of the asr service's time on, at most the last ``RECENT_S``."""
        samples = from_pcm16(b"".join(self._recent)) if self._recent else np.zeros(0, np.float32)
        return samples[-max(1, (self.position_us - at_us) * MICROPHONE_HZ // 1_000_000) :]

    async def listen(self, mode: Listening) -> None:
        """Change how the microphone is used."""
        if mode == self._mode:
            return
        self._mode = mode
        await self.stop()
        if mode == "auto":
            self._start()

    async def talk(self, on: bool) -> None:
        """Push-to-talk: begin an utterance, or end it at once."""
        if self._mode != "push":
            return
        if on:
            await self.stop()
            self._start()
        elif self._task:
            await self._sound.put(None)

    async def stop(self) -> None:
        """Listen no more; what is being said is forgotten."""
        task, self._task = self._task, None
        if task:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._sound = asyncio.Queue(WAITING)
        self._recent.clear()
        self._is_speaking = self._is_outdated = False

    def _start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            try:
                if await self._stream(self._sound):
                    continue
                return  # push-to-talk: the utterance is over
            except HuashengError as e:
                log.warning("listening failed", extra={"reason": e.slug})
                await self._deliver(HearingFailed(e))
                if not e.retryable:
                    return
            await asyncio.sleep(RETRY_S)

    async def _stream(self, sound: asyncio.Queue[bytes | None]) -> bool:
        """Returns whether there is more to hear, with the configuration that has been changed."""

        async def requests() -> AsyncIterator[asr_pb2.StreamTranscribeRequest]:
            yield asr_pb2.StreamTranscribeRequest(config=self._config)
            count = 0
            while (pcm := await sound.get()) is not None:
                chunk = common_pb2.AudioChunk(data=pcm, pts_us=count * 1_000_000 // (2 * MICROPHONE_HZ))
                count += len(pcm)
                self.position_us = count * 1_000_000 // (2 * MICROPHONE_HZ)
                yield asr_pb2.StreamTranscribeRequest(audio=chunk)
            yield asr_pb2.StreamTranscribeRequest(end=common_pb2.EndOfInput())

        # as long as a session may last; keepalive notices a dead peer
        limit_s = self._clients.settings.live_total_s + 60
        await self._clients.loaded("asr")
        sent = Sent(requests())
        call = self._clients.asr.StreamTranscribe(sent, timeout=limit_s, metadata=self._clients.metadata())
        async with contextlib.aclosing(responses_of(call, "asr", sent)) as responses:
            async for response in responses:
                await self._deliver(response)
                kind = response.WhichOneof("payload")
                self._is_speaking = kind != "final" and (self._is_speaking or kind == "speech_started")
                if kind == "final" and self._is_outdated and self._mode == "auto":
                    self._is_outdated = False
                    return True
        return False
