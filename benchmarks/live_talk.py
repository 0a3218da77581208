"""A live conversation over its protocol, spoken to in real time: what benchmarks of listening share."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from huasheng import AsyncHuasheng, live

from services.common import audio
from services.common.audio import Samples
from tools.system import System, free_ports

RATE_HZ = live.MICROPHONE_HZ
FRAME = RATE_HZ // 50
NOISE = 0.0008
"""Amplitude of the room in which nobody speaks, about -65 dB."""
ROOM = np.where(np.arange(960) % 137 == 0, 0.7 ** (np.arange(960) / 137), 0).astype(np.float32)
"""A loudspeaker, and its reflections for 60 ms."""


@dataclass(frozen=True)
class Seen:
    """Something that came, and when (``time.monotonic()``)."""

    at: float
    item: live.LiveEvent | live.Media


@dataclass(frozen=True)
class Echo:
    """The avatar's sound as the microphone hears it: so loud, so late."""

    gain: float
    delay_s: float


@dataclass
class Talk:
    """A conversation that is recorded. ``position_us`` is a player's that plays what comes."""

    conversation: Any
    seen: list[Seen] = field(default_factory=list)
    _said: asyncio.Queue[Samples] = field(default_factory=asyncio.Queue)
    _is_quiet: asyncio.Event = field(default_factory=asyncio.Event)
    said_at: float = 0.0
    """When the last sample of what was said left the microphone."""
    echo: Echo | None = None
    work: list[asyncio.Task[None]] = field(default_factory=list)
    turn: live.Turn | None = None
    _played: Samples = field(default_factory=lambda: np.zeros(0, np.float32))
    """The sound of the answer of the moment, in a small room."""

    async def say(self, samples: Samples) -> None:
        """Speak (16 kHz), and return when it is said."""
        self._is_quiet.clear()
        self._said.put_nowait(samples)
        await self._is_quiet.wait()

    def since(self, at: float) -> list[live.LiveEvent | live.Media]:
        """What came since then."""
        return [s.item for s in self.seen if s.at >= at]

    async def until(self, kind: type[Any], since: float, limit_s: float) -> Any:
        """The first of a kind that came since then; None when none comes in time."""
        end = time.monotonic() + limit_s
        while True:
            if failed := next((t for t in self.work if t.done()), None):
                failed.result()
                raise ConnectionError("the conversation is over")
            found = next((i for i in self.since(since) if isinstance(i, kind)), None)
            if found is not None or time.monotonic() > end:
                return found
            await asyncio.sleep(0.02)

    async def quiet(self, since: float, pause_s: float, limit_s: float = 30) -> None:
        """Wait until nothing has come for a while."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            last = max((s.at for s in self.seen), default=since)
            if time.monotonic() - max(last, since) > pause_s:
                return
            await asyncio.sleep(0.05)

    async def send_microphone(self) -> None:
        """The microphone's sound at the pace of speech: a quiet room, and what is said."""
        rng = np.random.default_rng(0)
        due, waiting = time.monotonic(), np.zeros(0, np.float32)
        while True:
            while not self._said.empty():
                waiting = np.concatenate([waiting, self._said.get_nowait()])
            frame = rng.normal(0, NOISE, FRAME).astype(np.float32)
            now, waiting = waiting[:FRAME], waiting[FRAME:]
            frame[: now.size] += now
            if self.echo:
                at = round((self.conversation.position_us / 1e6 - self.echo.delay_s) * RATE_HZ)
                heard = self._played[max(at - FRAME, 0) : max(at, 0)]
                frame[: heard.size] += heard * np.float32(self.echo.gain)
            await self.conversation.microphone(audio.to_pcm16(frame))
            if now.size and not waiting.size:
                self.said_at = time.monotonic()
            if not waiting.size:
                self._is_quiet.set()
            due += FRAME / RATE_HZ
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def record(self) -> None:
        """Keep all that comes."""
        async for item in self.conversation.items():
            self.seen.append(Seen(time.monotonic(), item))
            if isinstance(item, live.Turn):
                self.turn, self._played = item, np.zeros(0, np.float32)
            elif isinstance(item, live.Sound) and self.turn and item.gen == self.turn.gen:
                dry = audio.resample(audio.from_pcm16(item.data), self.turn.sample_rate_hz, RATE_HZ)
                start, wet = round(item.pts_us * RATE_HZ / 1e6), np.convolve(dry, ROOM).astype(np.float32)
                whole = np.zeros(max(self._played.size, start + wet.size), np.float32)
                whole[: self._played.size] = self._played
                whole[start : start + wet.size] += wet
                self._played = whole


@asynccontextmanager
async def talking(hs: AsyncHuasheng, **options: Any) -> AsyncIterator[Talk]:
    """A conversation that listens."""
    async with hs.live.connect(listening="auto", **options) as conversation:
        talk = Talk(conversation)
        talk.work = [asyncio.create_task(talk.record()), asyncio.create_task(talk.send_microphone())]
        try:
            if await talk.until(live.Welcome, 0.0, 30) is None:
                raise TimeoutError("the conversation did not begin")
            yield talk
        finally:
            for task in talk.work:
                task.cancel()
            await asyncio.gather(*talk.work, return_exceptions=True)


@contextmanager
def real_services(env: dict[str, str] | None = None) -> Iterator[System]:
    """The five services with embedded engines, on ports and in a folder of their own; ``env`` has more settings."""
    ports = free_ports(["asr", "llm", "tts", "render", "gateway", "http"])
    with tempfile.TemporaryDirectory() as data, System(Path(data), ports=ports, metrics=False, env=env or {}) as system:
        system.start()
        system.wait_ready()
        yield system


async def spoken(hs: AsyncHuasheng, text: str, language: str, voice_id: str | None) -> Samples:
    """A text in an embedded voice at 16 kHz, without the silence at its ends."""
    wav = (await hs.speech.create(text, language=language, voice_id=voice_id)).wav
    samples = audio.decode(wav, RATE_HZ, name="speech")
    loud = (abs(samples) > 0.02).nonzero()[0]
    return samples[loud[0] : loud[-1] + 1]


async def voices_of(hs: AsyncHuasheng, language: str) -> list[str]:
    """Voices of a language."""
    return [v.voice_id for v in await hs.voices.list() if v.language.startswith(language)]
