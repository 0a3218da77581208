"""A gRPC channel that is left without cutting the calls on it."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc


class Channel:
    """What stubs need of ``grpc.aio.Channel``. It counts its calls: grpcio's ``close`` misses some that are at work."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self._calls: set[Any] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def _made(self, make: Any, *args: Any, **options: Any) -> Any:
        start = make(*args, **options)

        def call(*args: Any, **options: Any) -> Any:
            begun = start(*args, **options)
            self._calls.add(begun)
            self._idle.clear()
            begun.add_done_callback(self._ended)
            return begun

        return call

    @property
    def active(self) -> int:
        """Calls at work."""
        return len(self._calls)

    def _ended(self, call: Any) -> None:
        self._calls.discard(call)
        if not self._calls:
            self._idle.set()

    def unary_unary(self, *args: Any, **options: Any) -> Any:
        """As grpcio's; so are the three below."""
        return self._made(self._channel.unary_unary, *args, **options)

    def unary_stream(self, *args: Any, **options: Any) -> Any:
        """One request, many answers."""
        return self._made(self._channel.unary_stream, *args, **options)

    def stream_unary(self, *args: Any, **options: Any) -> Any:
        """Many requests, one answer."""
        return self._made(self._channel.stream_unary, *args, **options)

    def stream_stream(self, *args: Any, **options: Any) -> Any:
        """Many requests, many answers."""
        return self._made(self._channel.stream_stream, *args, **options)

    async def leave(self) -> None:
        """Close when the last call has ended; each has a deadline."""
        try:
            await self._idle.wait()
        finally:
            await self._channel.close()

    async def close(self) -> None:
        """Close now; calls at work are cut."""
        await self._channel.close()
