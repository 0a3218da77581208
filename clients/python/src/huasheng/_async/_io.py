"""What cannot be the same in both clients."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio
from anyio import to_thread

T = TypeVar("T")


async def sleep(seconds: float) -> None:
    """Wait."""
    await anyio.sleep(seconds)


async def blocking(work: Callable[[], T]) -> T:
    """Do what touches the disk off the event loop."""
    return await to_thread.run_sync(work)
