"""The input side of StreamRender: checks the messages and queues them for the drawing thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from huasheng.common.v1 import common_pb2
from huasheng.render.v1 import render_pb2 as pb

from services.common.aio import Inbox
from services.common.errors import HuashengError
from services.render import messages
from services.render.composition import checks as composition
from services.render.session import AudioIn, EndIn, Input, InterruptIn, PhonemesIn

MAX_CHUNK = 1 << 20
INBOX_BYTES = 8 << 20
"""Sound of one caller that may wait, 175 s of it at 24 kHz; then the stream's flow control holds the caller back. It is
much, since an interrupt behind a message that nobody has read is not seen."""
MESSAGE_BYTES = 1000
"""What a message weighs beside its samples: some callers send very short ones."""


def _weight(item: Input) -> int:
    return MESSAGE_BYTES + (len(item.pcm) if isinstance(item, AudioIn) else 0)


async def read_config(requests: AsyncIterator[pb.StreamRenderRequest]) -> pb.RenderConfig:
    """The first message, checked. Raises ``bad-order`` and ``bad-request``."""
    first = await anext(aiter(requests), None)
    if first is None or first.WhichOneof("payload") != "config":
        raise HuashengError("bad-order", what="the first message must be config")
    form = first.config.format
    if form.encoding != common_pb2.AUDIO_ENCODING_PCM_S16LE or form.channels != 1:
        raise HuashengError("bad-request", what="audio must be 16-bit PCM with one channel")
    if not 8000 <= form.sample_rate_hertz <= 48000:
        raise HuashengError("bad-request", what="sample_rate_hertz must be 8000 to 48000")
    if first.config.start_frame < 0 or first.config.max_side_px < 0:
        raise HuashengError("bad-request", what="start_frame and max_side_px must not be negative")
    if first.config.restore and first.config.live:
        raise HuashengError("bad-request", what="restore is not for live")
    if first.config.HasField("composition"):
        composition.check(first.config)
    return first.config


class Intake:
    """Reads one caller's messages into ``inbox`` in a task of its own."""

    def __init__(self) -> None:
        self.inbox: Inbox[Input] = Inbox(INBOX_BYTES, _weight)
        self.interrupts = 0
        """Interrupts that arrived; the drawing thread compares it with those it has answered."""
        self._task: asyncio.Task[None] | None = None

    def start(self, requests: AsyncIterator[pb.StreamRenderRequest]) -> None:
        """Begin to read."""
        self._task = asyncio.create_task(self._read(requests))

    def close(self) -> None:
        """Stop reading and release a thread that waits for input."""
        self.inbox.close(abandoned=True)
        if self._task:
            self._task.cancel()

    def check(self) -> None:
        """Raises what was wrong with the input, if anything was."""
        if self._task and self._task.done() and not self._task.cancelled():
            self._task.result()

    async def _read(self, requests: AsyncIterator[pb.StreamRenderRequest]) -> None:
        ended = False
        try:
            async for request in requests:
                match request.WhichOneof("payload"):
                    case "audio":
                        data = request.audio.data
                        if len(data) > MAX_CHUNK or len(data) % 2:
                            what = "an audio chunk must be whole 16-bit samples, at most 1 MiB"
                            raise HuashengError("bad-request", what=what)
                        await self.inbox.put(AudioIn(data, request.audio.pts_us))
                    case "phonemes":
                        await self.inbox.put(PhonemesIn(messages.spans(request.phonemes)))
                    case "interrupt":
                        self.interrupts += 1
                        self.inbox.clear()
                        await self.inbox.put(InterruptIn(request.interrupt.generation, self.interrupts))
                    case "end":
                        await self.inbox.put(EndIn())
                        ended = True
                        return
                    case _:
                        raise HuashengError("bad-order", what="after config come phonemes, audio, interrupt or end")
        finally:
            self.inbox.close(abandoned=not ended)
