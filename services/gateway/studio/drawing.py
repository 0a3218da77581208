"""Draws the scenes of a video: each is one piece or several, on any renderers that are free, all at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from huasheng.tts.v1 import tts_pb2

from services.common.errors import HuashengError
from services.gateway.clients import Clients
from services.gateway.studio.joining import MOST_OFF
from services.gateway.studio.scenes import Scene, of_scene
from services.gateway.turn.drawing import render_config
from services.gateway.turn.messages import pcm_format
from services.gateway.turn.parts import LONG_S, Part, Speech, parts_of, stream_of
from services.gateway.turn.pieces import Drawn, PartStore, Requests, draw_piece, wait_for_place

MARKED_S = 2.5
"""The visible mark is at the start of a video for so long: a shorter first scene leaves the rest to the next."""


@dataclass(frozen=True)
class Piece:
    """A stretch of a scene's pictures."""

    scene: Scene
    frames: int
    """How many it must have."""
    spare: int
    """How many more or fewer it may have."""
    is_last: bool
    """Of its scene."""
    drawn: asyncio.Task[tuple[Path, Drawn]]


class Drawing:
    """Puts pieces, in the order of the video, into ``pieces`` as they are begun; None after the last one."""

    def __init__(
        self,
        clients: Clients,
        store: PartStore,
        tasks: asyncio.TaskGroup,
        fps: float,
        begun: Callable[[Scene], None],
        reported: Callable[[float], Awaitable[None]],
        restorer: str,
    ) -> None:
        """``tasks``: where pieces are drawn. ``begun`` is told of each scene that is drawn from now on, ``reported`` of
        the seconds of video drawn. ``restorer``: name of the face restorer that is used, if any."""
        self._clients, self._store, self._tasks, self._fps = clients, store, tasks, fps
        self._begun, self._reported, self._restorer = begun, reported, restorer
        self.pieces: asyncio.Queue[Piece | None] = asyncio.Queue()
        self.count = 0
        """Pieces begun."""
        self._drawn_s: dict[int, float] = {}

    async def draw(self, scenes: list[Scene]) -> None:
        """Begin all scenes, each once it is spoken. What goes wrong ends the group, with the number of the scene."""
        running: set[asyncio.Task[tuple[Path, Drawn]]] = set()
        frames = 0
        for scene in scenes:
            await scene.spoken
            mark = scene.choice.mark
            if mark and not mark.throughout and frames >= MARKED_S * self._fps:
                scene.choice = replace(scene.choice, mark=None)
            await self._begin(scene, running)
            frames += scene.frames
        await self.pieces.put(None)

    async def _begin(self, scene: Scene, running: set[asyncio.Task[tuple[Path, Drawn]]]) -> None:
        spoken = scene.spoken.result()
        speech = Speech(spoken.pcm, spoken.rate_hz, scene.avatar.fps, is_whole=True)
        speech.end()
        speech.spans = list(spoken.spans)
        header = tts_pb2.SynthesisHeader(format=pcm_format(spoken.rate_hz), has_phonemes=bool(spoken.spans))
        config = render_config(scene.choice, header)
        config.composition.CopyFrom(scene.composition)
        hears = bool(config.model_id) or not config.has_phonemes
        parts = [Part(0, 0, None)]
        if scene.draws_parts and speech.seconds >= LONG_S:
            parts = [part async for part in parts_of(speech, hears)]
        self._begun(scene)
        for part in parts:
            await wait_for_place(self._clients, running)
            number, self.count = self.count, self.count + 1
            requests = partial(stream_of, part, speech, config, hears)
            task = self._tasks.create_task(self._piece(scene, number, requests))
            running.add(task)
            frames = part.count or scene.frames - part.first
            spare = 0 if scene.avatar.fps == self._fps else MOST_OFF
            await self.pieces.put(Piece(scene, frames, spare, part is parts[-1], task))

    async def _piece(self, scene: Scene, number: int, requests: Requests) -> tuple[Path, Drawn]:
        try:
            return await draw_piece(self._clients, self._store, number, requests, self._report, self._restorer)
        except HuashengError as e:
            raise of_scene(e, scene.index) from e

    async def _report(self, number: int, drawn_s: float) -> None:
        self._drawn_s[number] = max(self._drawn_s.get(number, 0.0), drawn_s)
        await self._reported(sum(self._drawn_s.values()))
