"""A scripted live conversation, spoken in real time: a question, and an interruption of its answer."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from pathlib import Path
from typing import Any

from huasheng import AsyncHuasheng, live

from services.common import audio
from tools.system import SystemError_

INTERRUPTION = "等一下，换个话题。你能做什么？"
SPEAK_AFTER_US = 1_500_000
"""How much of the answer is heard before it is interrupted."""
FRAME_S = 0.02
LIMIT_S = 180.0


class Microphone:
    """Sends silence, and what is to be said, at the pace of speech."""

    def __init__(self, talk: Any) -> None:
        self._talk = talk
        self._waiting: deque[bytes] = deque()
        self.ended_at = 0.0
        """When the last utterance was said (``time.monotonic()``)."""

    def say(self, pcm: bytes) -> None:
        """Say it now: 16-bit samples at 16 kHz."""
        step = round(FRAME_S * live.MICROPHONE_HZ) * 2
        self._waiting.extend(pcm[i : i + step] for i in range(0, len(pcm), step))

    async def run(self) -> None:
        """Until cancelled."""
        silence = bytes(round(FRAME_S * live.MICROPHONE_HZ) * 2)
        due = time.monotonic()
        while True:
            frame = self._waiting.popleft() if self._waiting else silence
            await self._talk.microphone(frame)
            if frame is not silence and not self._waiting:
                self.ended_at = time.monotonic()
            due += FRAME_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))


def spoken(source: Path | bytes, name: str) -> bytes:
    """Sound as the microphone sends it, without the silence at its ends."""
    samples = audio.decode(source, live.MICROPHONE_HZ, name=name)
    loud = (abs(samples) > 0.02).nonzero()[0]
    return audio.to_pcm16(samples[loud[0] : loud[-1] + 1])


async def _converse(url: str, question: Path) -> None:
    async with AsyncHuasheng(url) as hs:
        print("preparing the interruption …", flush=True)
        second = spoken((await hs.speech.create(INTERRUPTION, language="zh")).wav, "interruption")
        async with hs.live.connect(listening="auto") as talk:
            microphone = Microphone(talk)
            sending = asyncio.create_task(microphone.run())
            try:
                async with asyncio.timeout(LIMIT_S):
                    await _follow(talk, microphone, spoken(question, question.name), second)
            except TimeoutError:
                raise SystemError_(f"the conversation was not over in {LIMIT_S:g} s") from None
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)


async def _follow(talk: Any, microphone: Microphone, first: bytes, second: bytes) -> None:
    has_interrupted, gen, began = False, 0, 0.0
    async for item in talk.items():
        match item:
            case live.Welcome():
                print("asking …", flush=True)
                microphone.say(first)
            case live.Final():
                print(f"  you     {item.text}", flush=True)
            case live.Clause():
                print(f"  avatar  {item.text}{'  (from memory)' if item.cached else ''}", flush=True)
            case live.Picture() if item.pts_us >= 0 and item.gen != gen:
                gen = item.gen
                print(f"          first picture {_ms(microphone.ended_at)} after your last sound", flush=True)
            case live.Hold():
                print(f"          silent after {_ms(began)}", flush=True)
            case live.Interrupted():
                print(f"          interrupted after {_ms(began)}; heard: {item.heard}", flush=True)
            case live.Timings():
                print("          " + ", ".join(f"{k} {v:.0f} ms" for k, v in item.ms.items()), flush=True)
                if has_interrupted:
                    return
            case live.Error():
                raise SystemError_(f"{item.problem.title}: {item.problem.detail} {item.problem.hint}")
        if gen and not has_interrupted and talk.position_us > SPEAK_AFTER_US:
            print("interrupting …", flush=True)
            has_interrupted, began = True, time.monotonic()
            microphone.say(second)
    raise SystemError_("the gateway ended the conversation")


def _ms(since: float) -> str:
    return f"{(time.monotonic() - since) * 1000:.0f} ms"


def converse(url: str, question: Path) -> None:
    """Talk with the gateway at ``url``, and print what is said and how long it took. Raises ``SystemError_``."""
    asyncio.run(_converse(url, question))
