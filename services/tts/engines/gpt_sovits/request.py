"""One request to GPT-SoVITS on its way through the pool."""

from __future__ import annotations

import asyncio
import queue
from dataclasses import dataclass, field
from typing import Any

from services.common.audio import Samples
from services.common.errors import HuashengError
from services.tts.engines.gpt_sovits.wire import Decoder


@dataclass
class PendingRequest:
    """What to speak, and the speech as it comes. Made in the engine's thread, used in the pool's loop."""

    body: dict[str, Any]
    """The JSON of ``POST /tts``."""
    model: str
    """Name of the weights in the operator's list; empty for those loaded at start."""
    rates: frozenset[int]
    """Rates that the model may speak at."""
    rate: int
    """Rate of the speech that is given out."""
    out: queue.SimpleQueue[tuple[Samples, bool] | HuashengError | None] = field(default_factory=queue.SimpleQueue)
    """Speech, each part with whether it is the last; None for an end without one."""
    has_given: bool = False
    """Whether speech was given out: then it is too late for another attempt."""
    is_abandoned: bool = False
    """The caller does not wait any more."""
    failed_at: str = ""
    """Address of the process that failed to speak it: another is asked next if one is free."""
    waiter: asyncio.Future[Any] | None = None

    def decoder(self) -> Decoder:
        """For one attempt."""
        return Decoder(self.body["media_type"], self.body["streaming_mode"] != 0, self.rates, self.rate)

    def give(self, samples: Samples, is_last: bool = False) -> None:
        """Hand out speech."""
        if samples.size or is_last:
            self.has_given = True
            self.out.put((samples, is_last))

    def abandon(self) -> None:
        """The answer is not wanted any more. A wait for a process ends; one that speaks already finishes first."""
        self.is_abandoned = True
        if self.waiter and not self.waiter.done():
            self.waiter.cancel()
