"""Waiting for what is to come true, for as long as a busy machine may need, and never longer than it takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

PATIENCE_S = 60.0
T = TypeVar("T")


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.01)


async def until_answered(ask: Callable[[], Awaitable[T]]) -> T:
    """What ``ask`` answers, once that is true."""
    async with asyncio.timeout(PATIENCE_S):
        while not (answer := await ask()):
            await asyncio.sleep(0.05)
    return answer


def wait_until(holds: Callable[[], object]) -> None:
    """The same for tests that have no event loop."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)
