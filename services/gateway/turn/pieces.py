"""One piece of a video, drawn by any renderer that is free, or taken from those that are kept."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from huasheng.render.v1 import render_pb2
from prometheus_client import Counter

from services.common import tracing
from services.common.errors import HuashengError
from services.gateway.clients import Clients, responses_of
from services.gateway.turn.drawing import video_event
from services.gateway.turn.events import Media, RenderProgress, VideoHeader, VideoSummary

log = logging.getLogger("huasheng.gateway.turn")

REPEATED = Counter("huasheng_video_parts_repeated_total", "Parts of long videos that were drawn again elsewhere")
WAITABLE = ("service-down", "service-loading", "busy")
MOST_TRIES = 4
"""How often one piece is tried: one that kills its renderer must not be tried for ever."""
RETRY_S = 1.0
PLACE_POLL_S = 0.5

Requests = Callable[[], Iterable[render_pb2.StreamRenderRequest]]
"""Makes what is sent to a renderer, each time anew: a long piece is never in memory as a whole."""
OnDrawn = Callable[[int, float], Awaitable[None]]
"""Gets the number of a piece and how many seconds of it are drawn."""


@dataclass(frozen=True)
class Drawn:
    """A finished part."""

    width: int
    height: int
    fps: float
    mime_type: str
    engine: str
    source_sha256: str
    frames: int
    passthrough_frames: int
    end_frame: int


class PartStore(Protocol):
    """Keeps finished parts until the video is whole, so that whoever continues the job has them."""

    folder: Path
    """For files in the making."""

    def find(self, key: str) -> tuple[Path, dict[str, object]] | None:
        """The file of a part and what is known of it."""

    def keep(self, key: str, path: Path, facts: dict[str, object]) -> None:
        """Keep a part, whole or not at all; the file at ``path`` stays."""


async def wait_for_place(clients: Clients, running: set[asyncio.Task[tuple[Path, Drawn]]]) -> None:
    """Wait until a renderer has a place, or nothing is at work: there is always one piece that is drawn."""
    while running and not any(r.load < 1 for r in clients.pools["render"].serving):
        await asyncio.wait(running, timeout=PLACE_POLL_S, return_when=asyncio.FIRST_COMPLETED)
        running -= {t for t in running if t.done()}


def key_of(requests: Iterable[render_pb2.StreamRenderRequest], restorer: str = "") -> str:
    """What a piece is known by: all that its pictures depend on. ``restorer``: which the requests do not name."""
    digest = hashlib.sha256(restorer.encode())
    for request in requests:
        digest.update(request.SerializeToString(deterministic=True))
    return digest.hexdigest()


async def draw_piece(
    clients: Clients, store: PartStore, number: int, requests: Requests, on_drawn: OnDrawn, restorer: str = ""
) -> tuple[Path, Drawn]:
    """The file of a piece and what is known of it. ``restorer``: name of the one that goes over the face.

    Raises ``HuashengError``; ``OSError`` when the disk is full."""
    key = await asyncio.to_thread(lambda: key_of(requests(), restorer))
    if found := await asyncio.to_thread(store.find, key):
        path, facts = found
        drawn = Drawn(**facts)  # type: ignore[arg-type]  # as ``keep`` got them
        await on_drawn(number, drawn.frames / drawn.fps)
        return path, drawn
    for tries in range(1, MOST_TRIES + 1):
        try:
            with tracing.span("part", number=number, tries=tries):
                path, drawn = await _draw(clients, store.folder / f"part-{number}.mp4", number, requests(), on_drawn)
            break
        except HuashengError as e:
            if e.slug not in WAITABLE or tries == MOST_TRIES:
                raise
            log.warning("a part is drawn again", extra={"part": number, "reason": e.slug})
            REPEATED.inc()
            await asyncio.sleep(RETRY_S * tries)
    await asyncio.to_thread(store.keep, key, path, asdict(drawn))
    return path, drawn


async def _draw(
    clients: Clients,
    path: Path,
    number: int,
    requests: Iterable[render_pb2.StreamRenderRequest],
    on_drawn: OnDrawn,
) -> tuple[Path, Drawn]:
    header, summary = None, None

    async def sent() -> AsyncIterator[render_pb2.StreamRenderRequest]:
        for request in requests:
            yield request

    call = clients.render.StreamRender(sent(), timeout=clients.settings.render_s, metadata=clients.metadata())
    with path.open("wb", buffering=0) as file:
        async with contextlib.aclosing(responses_of(call, "render")) as responses:
            async for response in responses:
                match event := video_event(response, 0):
                    case VideoHeader():
                        header = event
                    case Media():
                        file.write(event.data)
                        await on_drawn(number, event.end_us / 1e6)
                    case RenderProgress():
                        await on_drawn(number, event.rendered_s)
                    case VideoSummary():
                        summary = event
    if header is None or summary is None:
        raise HuashengError("service-down", service="render")
    return path, Drawn(
        header.width,
        header.height,
        header.fps,
        header.mime_type,
        header.engine,
        header.source_sha256,
        summary.frames,
        summary.passthrough_frames,
        summary.end_frame,
    )
