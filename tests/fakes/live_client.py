"""A client of the live protocol that plays what it gets: slowly, quickly or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import websockets

from services.gateway.live.frames import HEADER, MICROPHONE, PICTURE, SOUND, MediaFrame

LIMIT_S = 60.0


class LiveClient:
    """Collects events and media; ``until`` waits for an event."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket
        self.events: list[dict[str, Any]] = []
        self.frames: list[MediaFrame] = []
        self.plays = True
        """Whether it reports what comes as played at once."""
        self.closed: int | None = None
        self._seen = 0
        self._changed = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for message in self.socket:
                if isinstance(message, bytes):
                    self.frames.append(MediaFrame.decoded(message))
                    frame = self.frames[-1]
                    if self.plays and frame.kind == PICTURE:
                        await self.send("played", gen=frame.generation, us=max(0, frame.pts_us))
                else:
                    event = json.loads(message)
                    self.events.append(event)
                    if self.plays and event["type"] == "end":
                        await self.send("played", gen=event["gen"], us=event["duration_us"], is_end=True)
                self._changed.set()
        self.closed = self.socket.close_code
        self._changed.set()

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def speak(self, pcm: bytes) -> None:
        await self.socket.send(HEADER.pack(MICROPHONE, 0, 0, 0, 0, 0) + pcm)

    async def until(self, kind: str, where: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        """The next event of a kind, after those that were waited for before."""

        async def find() -> dict[str, Any]:
            while True:
                for i, event in enumerate(self.events[self._seen :], self._seen):
                    if event["type"] == kind and where(event):
                        self._seen = i + 1
                        return event
                assert self.closed is None, f"closed {self.closed}: {self.events[-3:]}"
                self._changed.clear()
                await self._changed.wait()

        try:
            return await asyncio.wait_for(find(), LIMIT_S)
        except TimeoutError:
            raise AssertionError(f"no {kind}: {self.events}") from None

    async def until_frames(self, count: int, kind: int = PICTURE) -> None:
        """Until so many media frames have come."""

        async def enough() -> None:
            while sum(f.kind == kind for f in self.frames) < count:
                self._changed.clear()
                await self._changed.wait()

        await asyncio.wait_for(enough(), LIMIT_S)

    async def until_closed(self) -> int | None:
        async def end() -> None:
            while self.closed is None:
                self._changed.clear()
                await self._changed.wait()

        await asyncio.wait_for(end(), LIMIT_S)
        return self.closed

    def pictures(self, gen: int) -> list[int]:
        """Numbers of the pictures of a generation, as the fake renderer writes them."""
        return [int.from_bytes(f.data, "little") for f in self.frames if f.generation == gen and f.kind == PICTURE]

    def sound_bytes(self, gen: int) -> int:
        return sum(len(f.data) for f in self.frames if f.generation == gen and f.kind == SOUND)

    async def lose(self) -> None:
        """The connection breaks without a word."""
        self.socket.transport.abort()
        await self.until_closed()


@contextlib.asynccontextmanager
async def live_client(url: str, hello: dict[str, Any] | None = None, **headers: str) -> AsyncIterator[LiveClient]:
    """Connected, and ``hello`` sent unless it is ``{}``."""
    address = url.replace("http", "ws", 1) + "/api/v1/live"
    async with websockets.connect(address, additional_headers=headers, compression=None, max_size=None) as socket:
        client = LiveClient(socket)
        if hello is None or hello:
            await client.send("hello", **({"can": ["webcodecs", "mse"], "listening": "auto"} | (hello or {})))
        try:
            yield client
        finally:
            client._reading.cancel()
