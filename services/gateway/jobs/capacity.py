"""How many jobs of each queue run at once: as many as the engines have slots for, live conversations first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from prometheus_client import Gauge

from services.gateway.clients import Clients
from services.gateway.jobs import durable
from services.gateway.jobs.lease import Lease
from services.gateway.settings import GatewaySettings
from services.gateway.store.jobs import JobStore

log = logging.getLogger("huasheng.gateway.jobs")

UPDATE_S = 1.0

RENDER_SLOTS = Gauge("huasheng_render_slots", "Slots of the render replicas that serve", ["state"])
QUEUE_SLOTS = Gauge("huasheng_queue_slots", "Jobs that may run at once, over all gateways", ["queue"])


class Capacity:
    """The sum of the replicas' slots, shared out."""

    def __init__(
        self, settings: GatewaySettings, clients: Clients, lease: Lease, on_slots: Callable[[float], None]
    ) -> None:
        """``on_slots`` gets how many of render's slots are this gateway's share, for live conversations."""
        self._settings, self._clients, self._lease, self._on_slots = settings, clients, lease, on_slots
        self.limits = self._shared_out(0)
        """Jobs at once by queue, as ``update`` found last."""

    def update(self, dialogues: int) -> dict[str, int]:
        """The limits of now, of which each is at least 1. ``dialogues`` are at work; videos get what they leave."""
        self.limits = self._shared_out(dialogues)
        render = self._clients.pools["render"].serving
        self._on_slots(max(1, sum(r.slots for r in render)) / (1 + len(self._lease.others)))
        RENDER_SLOTS.labels("total").set(sum(r.slots for r in render))
        RENDER_SLOTS.labels("used").set(sum(r.used for r in render))
        for queue, limit in self.limits.items():
            QUEUE_SLOTS.labels(queue).set(limit)
        return self.limits

    async def keep(self, store: JobStore) -> None:
        """Let as many jobs run as the engines can take; one replica decides for all."""
        written: dict[str, int] = {}
        while True:
            await asyncio.sleep(UPDATE_S)
            try:
                counts = await asyncio.to_thread(store.queue_counts)
                limits = self.update(counts.get(("dialogue", "running"), 0))
                if not self._lease.leads:
                    written.clear()  # whatever another writes meanwhile
                    continue
                for queue, limit in limits.items():
                    if written.get(queue) != limit:
                        await durable.set_limit(queue, limit)
                        written[queue] = limit
            except Exception as e:  # the database is away
                log.warning("the queues' limits stay as they are", extra={"why": type(e).__name__})

    def _shared_out(self, dialogues: int) -> dict[str, int]:
        s, pools = self._settings, self._clients.pools
        drawing = sum(r.slots for r in pools["render"].serving)
        speaking = sum(r.slots for r in pools["tts"].serving)
        free = drawing - self._lease.live_slots
        return {
            "dialogue": s.dialogue_concurrency or max(1, min(free, speaking)),
            "render": s.render_concurrency or max(1, free - dialogues),
            "training": s.training_concurrency or max(1, len(pools["render"].serving)),
        }
