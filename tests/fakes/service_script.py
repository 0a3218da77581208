"""What the fake services share: how one behaves, and what it saw."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from huasheng.common.v1 import common_pb2

from services.common.errors import HuashengError


@dataclass
class Script:
    """How a fake behaves, and what it saw."""

    delay_s: float = 0.0
    """Pause before every piece of output."""
    error: HuashengError | None = None
    """Raised by the next calls, ``error_times`` of them."""
    error_times: int = 1_000_000
    calls: int = 0
    cancelled: int = 0
    active: int = 0
    seen: list[Any] = field(default_factory=list)
    fallbacks: list[Any] = field(default_factory=list)
    """Engines that it says it passed over."""
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    """Streaming stops half-way until this is set."""

    def __post_init__(self) -> None:
        self.hold.set()

    def enter(self) -> None:
        self.calls += 1
        if self.error and self.error_times > 0:
            self.error_times -= 1
            raise self.error

    async def pause(self) -> None:
        await self.hold.wait()
        await asyncio.sleep(self.delay_s)


def pcm(rate: int) -> common_pb2.AudioFormat:
    return common_pb2.AudioFormat(encoding=common_pb2.AUDIO_ENCODING_PCM_S16LE, sample_rate_hertz=rate, channels=1)


def engine(name: str, **fields: Any) -> common_pb2.EngineInfo:
    return common_pb2.EngineInfo(
        name=name,
        available=True,
        is_default=True,
        languages=["zh", "en"],
        license="MIT",
        breaker=common_pb2.BREAKER_STATE_CLOSED,
        **fields,
    )
