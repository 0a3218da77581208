"""What cannot be the same in both clients."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeVar

import anyio
from anyio import to_thread
from websockets.asyncio.client import ClientConnection as Socket
from websockets.asyncio.client import connect

__all__ = ["Socket", "blocking", "open_socket", "receive", "sleep"]

T = TypeVar("T")


async def sleep(seconds: float) -> None:
    """Wait."""
    await anyio.sleep(seconds)


async def blocking(work: Callable[[], T]) -> T:
    """Do what touches the disk off the event loop."""
    return await to_thread.run_sync(work)


async def open_socket(url: str, headers: Mapping[str, str], timeout_s: float) -> Socket:
    """A WebSocket. Raises ``OSError``, ``WebSocketException``."""
    return await connect(url, additional_headers=headers, compression=None, max_size=None, open_timeout=timeout_s)


async def receive(socket: Socket, timeout_s: float) -> str | bytes | None:
    """The next message, or None when none came in time. Raises ``ConnectionClosed``."""
    try:
        async with asyncio.timeout(timeout_s):
            return await socket.recv()
    except TimeoutError:
        return None
