"""The last stage of a turn, for long videos: parts of the speech to several renderers at once, joined in order."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from pathlib import Path

from huasheng.render.v1 import render_pb2

from services.common.errors import HuashengError
from services.gateway.turn.choices import AvatarChoice
from services.gateway.turn.drawing import render_config
from services.gateway.turn.events import Media, RenderProgress, VideoHeader, VideoSummary
from services.gateway.turn.flow import Flow, items
from services.gateway.turn.joining import Joiner
from services.gateway.turn.parts import Part, Speech, parts_of, stream_of
from services.gateway.turn.pieces import Drawn, PartStore, draw_piece, wait_for_place
from services.gateway.turn.stages import SpeechQueue

AHEAD = 16
"""Parts that may wait to be joined."""


class _Parts:
    def __init__(self, flow: Flow, config: render_pb2.RenderConfig, speech: Speech, store: PartStore) -> None:
        self.flow, self.config, self.speech, self.store = flow, config, speech, store
        self.hears = bool(config.model_id) or not config.has_phonemes
        self.drawn_s: dict[int, float] = {}
        """Seconds that each part has."""
        self.joining: asyncio.Queue[tuple[Part, asyncio.Task[tuple[Path, Drawn]]] | None] = asyncio.Queue(AHEAD)

    async def draw_all(self) -> None:
        """Begin parts as renderers are free; there is always one at work."""
        running: set[asyncio.Task[tuple[Path, Drawn]]] = set()
        try:
            async with contextlib.aclosing(parts_of(self.speech, self.hears)) as parts:
                async for part in parts:
                    await wait_for_place(self.flow.clients, running)
                    task = asyncio.create_task(self._drawn(part))
                    running.add(task)
                    await self.joining.put((part, task))
            await self.joining.put(None)
            if running:
                await asyncio.wait(running)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _drawn(self, part: Part) -> tuple[Path, Drawn]:
        self.flow.timings.begin_once("render")
        requests = partial(stream_of, part, self.speech, self.config, self.hears)
        return await draw_piece(self.flow.clients, self.store, part.number, requests, self._report)

    async def _report(self, number: int, drawn_s: float) -> None:
        self.drawn_s[number] = max(self.drawn_s.get(number, 0.0), drawn_s)
        await self.flow.emit(RenderProgress(sum(self.drawn_s.values()), 0.0))

    async def join_all(self) -> None:
        """Give out the parts in their order."""
        emit, joiner, last, passthrough = self.flow.emit, None, None, 0
        while (coming := await self.joining.get()) is not None:
            _, task = coming
            path, last = await task
            passthrough += last.passthrough_frames
            if joiner is None:
                joiner = await asyncio.to_thread(Joiner, path, self.speech.fps, self.speech.rate_hz)
                await emit(
                    VideoHeader(
                        width=last.width,
                        height=last.height,
                        fps=last.fps,
                        mime_type=last.mime_type,
                        engine=last.engine,
                        start_frame=self.config.start_frame,
                        source_sha256=last.source_sha256,
                    )
                )
                await emit(Media(joiner.head, 0))
            fragments = joiner.add(path, self.speech.read())
            while (made := await asyncio.to_thread(next, fragments, None)) is not None:
                await emit(Media(*made))
                self.flow.timings.mark("render_first_frame", "render")
                self.flow.timings.mark("first_video")
            path.unlink(missing_ok=True)
        if joiner is None or last is None:
            raise HuashengError("service-down", service="render")
        for data, end_us in joiner.finish():
            await emit(Media(data, end_us))
        self.flow.timings.mark("render", "render")
        await emit(VideoSummary(joiner.frames, passthrough, joiner.frames / self.speech.fps, last.end_frame))


async def render_in_parts(flow: Flow, avatar: AvatarChoice, queue: SpeechQueue, store: PartStore, fps: float) -> None:
    """Speech, as the tts service sends it, to video; ``fps`` is the avatar's, a whole number."""
    opening = await queue.get()
    if opening is None or opening.WhichOneof("payload") != "header":
        raise HuashengError("bad-order", what="the tts service did not send its header first")
    rate_hz = opening.header.format.sample_rate_hertz
    speech = Speech(store.folder / "parts.pcm", rate_hz, fps)
    parts = _Parts(flow, render_config(avatar, opening.header), speech, store)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(parts.draw_all())
            tasks.create_task(parts.join_all())
            async for item in items(queue):
                payload = item.WhichOneof("payload")
                if payload == "phonemes":
                    speech.spans.extend(item.phonemes.spans)
                elif payload == "audio":
                    speech.add(item.audio.data)
            speech.end()
    except ExceptionGroup as group:  # the first reason: a full disk must not become an unknown error
        raise group.exceptions[0] from None
    finally:
        speech.close()
