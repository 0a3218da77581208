"""Which replicas of the gateway are alive, and whether this one may work.

Each replica counts its beats in a table. The others watch the counts and never a clock, since the clocks of two hosts
differ: whoever has not beaten in ``DEAD_AFTER`` readings in a row is removed, by one statement that does nothing if it
has beaten meanwhile, and its jobs go back to their queues. A replica that cannot beat stops its own work before
that (``FENCE_S``), one that was only paused finds itself removed and goes on under a new id: so a job is never at work
twice, whatever stops and comes back. (Leases with fencing: Gray and Cheriton, "Leases", SOSP 1989.)
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence

from prometheus_client import Gauge

from services.common.errors import HuashengError
from services.gateway.store.replicas import Replica, ReplicaStore

log = logging.getLogger("huasheng.gateway.jobs")

GATEWAYS = Gauge("huasheng_gateways", "Replicas of the gateway that this one knows to be alive, itself included")
BEAT_S = 1.0
DEAD_AFTER = 8
"""Readings, a beat apart."""
FENCE_S = 5.0
"""Without a beat for this long, others may soon take over: less than ``DEAD_AFTER`` beats, with time to stop in."""


UNKNOWN_AFTER = 30
"""Looks, one with each pass over the ends of jobs."""


class Lease:
    """This replica's place among the others. For one event loop."""

    def __init__(self, store: ReplicaStore, name: str, live_slots: Callable[[], int]) -> None:
        """``live_slots`` tells how many of render's slots the live conversations of this replica need."""
        self._store, self._name, self._live_slots = store, name[:50], live_slots
        self.id = self._new_id()
        self.is_held = self.has_left = False
        """Whether this replica may begin work; whether it has given its place up for good."""
        self.others: list[Replica] = []
        self._unmoved: Counter[tuple[str, int]] = Counter()
        self._unknown: Counter[str] = Counter()
        self._beaten_at = 0.0

    def _new_id(self) -> str:
        return f"{self._name}.{secrets.token_hex(4)}"

    @property
    def leads(self) -> bool:
        """Whether this replica decides what one of them has to decide."""
        return self.is_held and all(self.id < r.id for r in self.others)

    @property
    def live_slots(self) -> int:
        """What the live conversations of all replicas need."""
        return self._live_slots() + sum(r.live_slots for r in self.others)

    async def join(self) -> list[str]:
        """Take a place at start. Returns the ids under which processes of this name worked before: it is ours now."""
        before = await asyncio.to_thread(self._store.remove_named, self._name)
        await self._begin()
        return [self._name, *before]  # releases before this table had the name alone

    async def _rejoin(self) -> list[str]:
        """Take another place after the first was lost. Returns the id of that one, whose work is to begin again.

        Others of the same name stay: two that were given one name by mistake would else drive each other out for ever.
        """
        before, self.id = self.id, self._new_id()
        await asyncio.to_thread(self._store.forget, before)
        await self._begin()
        return [before]

    async def _begin(self) -> None:
        await asyncio.to_thread(self._store.join, self.id, self._name)
        self._beaten_at, self.is_held = time.monotonic(), True

    def unknown(self, executors: Iterable[str]) -> list[str]:
        """Those of ``executors`` that no living replica is, for ``UNKNOWN_AFTER`` calls in a row.

        A replica that removes a dead one and dies before it has taken its work over leaves such work behind. Only the
        replica that leads looks for it, so long after that a gateway of a release without this table has ended.
        """
        living = {self.id, *(r.id for r in self.others)}
        found = set(executors) - living if self.leads else set()
        self._unknown = Counter({e: self._unknown[e] + 1 for e in found})
        return [e for e in found if self._unknown[e] >= UNKNOWN_AFTER]

    async def leave(self) -> None:
        """Give the place up; the others take what is left at once."""
        self.is_held, self.has_left = False, True
        await asyncio.to_thread(self._store.leave, self.id)

    async def keep(
        self, lost: Callable[[], Awaitable[None]], take_over: Callable[[Sequence[str]], Awaitable[None]]
    ) -> None:
        """Beat until ``leave``. ``lost``: stop all work now. ``take_over``: the work of these processes is free."""
        while True:
            await asyncio.sleep(BEAT_S)
            if self.has_left:
                return
            try:
                await self._beat(lost, take_over)
            except HuashengError as e:  # the database is away
                log.warning("no beat of this replica", extra={"reason": e.slug})
            except Exception:
                log.exception("no beat of this replica")

    async def _beat(
        self, lost: Callable[[], Awaitable[None]], take_over: Callable[[Sequence[str]], Awaitable[None]]
    ) -> None:
        began = time.monotonic()
        beating = asyncio.ensure_future(asyncio.to_thread(self._store.beat, self.id, self._live_slots()))
        while not beating.done():  # a network that is cut lets it hang
            await asyncio.wait({beating}, timeout=BEAT_S)
            if self.is_held and self.others and time.monotonic() - self._beaten_at > FENCE_S:
                await self._stop_work("this replica cannot beat and stops its work", lost)
        everyone = beating.result()
        if self.has_left:  # meanwhile
            return
        if self.is_held and all(r.id != self.id for r in everyone):
            await self._stop_work("this replica was given up for dead and stops its work", lost)
        if not self.is_held:
            await take_over(await self._rejoin())
            return
        self._beaten_at = began
        self.others = [r for r in everyone if r.id != self.id]
        GATEWAYS.set(len(everyone))
        if dead := await self._dead():
            await take_over(dead)

    async def _stop_work(self, why: str, lost: Callable[[], Awaitable[None]]) -> None:
        log.warning(why)
        self.is_held = False
        await lost()

    async def _dead(self) -> list[str]:
        """Replicas that this reading shows to be dead, removed."""
        self._unmoved = Counter({(r.id, r.beats): self._unmoved[r.id, r.beats] + 1 for r in self.others})
        found = [r for r in self.others if r.has_left or self._unmoved[r.id, r.beats] > DEAD_AFTER]
        return [r.id for r in found if await asyncio.to_thread(self._store.remove, r)]
