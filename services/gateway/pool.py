"""The replicas of one engine service: found by name, watched, and chosen for each call by how much they have to do.

gRPC's own balancing looks a name up again after 30 s at the earliest, so a new replica stays idle that long and a
replaced one is still called; and it goes round without regard for work, which for videos of minutes means two on one
replica and none on the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.common.access.callers import ServiceAccess
from services.common.access.tls import Pem
from services.common.errors import HuashengError
from services.common.serving import CHANNEL_OPTIONS
from services.gateway.addresses import Endpoint, fixed, look_up
from services.gateway.channels import Channel

log = logging.getLogger("huasheng.gateway.clients")

LOOKUP_EVERY_S = 2.0
CAPACITY_EVERY_S = 1.0
RECONNECT_S = 0.5
LATELY_S = 5.0
_STATES = ("serving", "loading", "down")


@dataclass
class Health:
    """State of a service: that of its best replica."""

    service: str
    address: str
    status: str = "down"
    """``serving``, ``loading`` or ``down``."""
    since: float = field(default_factory=time.time)

    def set(self, status: str) -> None:
        """Set the status and, when it changed, the time of the change."""
        if status != self.status:
            log.info("service %s is %s", self.service, status)
            self.status, self.since = status, time.time()

    @property
    def served_lately(self) -> bool:
        """Whether it serves, or did a moment ago: then a replica is being replaced."""
        return self.status == "serving" or time.time() - self.since < LATELY_S

    def problem(self) -> HuashengError | None:
        """Why it cannot be used; None when it can."""
        if self.status == "serving":
            return None
        return HuashengError("service-loading" if self.status == "loading" else "service-down", service=self.service)


class Replica:
    """One process of the service."""

    def __init__(self, endpoint: Endpoint, channel: Channel, stub: Any) -> None:
        self.endpoint, self.channel, self.stub = endpoint, channel, stub
        self.status = "down"
        self.slots, self.used = 1, 0
        self.frames_per_second = 0.0
        self.active = 0
        """Our own calls at work."""
        self.reported_active = 0
        """Those of them that ``used`` knows of."""
        self.chosen_at = 0
        """Number of the last choice that fell on it: of those with as much to do, the next in turn."""
        self.tasks: list[asyncio.Task[None]] = []

    @property
    def load(self) -> float:
        """Work for each slot: what the replica has by its own count, and what we have begun since."""
        return (self.used + max(0, self.active - self.reported_active)) / self.slots

    def call(self, method: str, *args: Any, **options: Any) -> Any:
        """Begin a call, e.g. ``call("GetAvatar", request, timeout=5)``."""
        begun = getattr(self.stub, method)(*args, **options)
        self.active += 1
        begun.add_done_callback(self._ended)
        return begun

    def _ended(self, _: Any) -> None:
        self.active -= 1

    def stop_watching(self) -> None:
        """Called when it is left."""
        for task in self.tasks:
            task.cancel()


class Pool:
    """All replicas of a service. Calls on it as on a stub go to the replica that has least to do."""

    def __init__(
        self,
        health: Health,
        full_name: str,
        access: ServiceAccess,
        make_stub: Callable[[Any], Any],
        capacity_request: Any = None,
        metadata: Callable[[], list[tuple[str, str]]] = list,
    ) -> None:
        """``capacity_request``: asked of each replica again and again, where the service has ``GetCapacity``."""
        self.health, self._full_name, self._access = health, full_name, access
        self._make_stub, self._capacity_request, self._metadata = make_stub, capacity_request, metadata
        self.replicas: dict[Endpoint, Replica] = {}
        self._pem: Pem | None = access.pem()
        self._watching: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._choices = itertools.count(1)
        for endpoint in fixed(health.address):
            self._add(endpoint)

    def __getattr__(self, method: str) -> Callable[..., Any]:
        if method.startswith("_"):
            raise AttributeError(method)

        def call(*args: Any, **options: Any) -> Any:
            return self.pick().call(method, *args, **options)

        return call

    def pick(self, but: frozenset[Replica] = frozenset()) -> Replica:
        """The replica with least work, of those that serve if any does; not one of ``but`` if there are others.

        Raises ``service-down`` when there is none.
        """
        if not self.replicas:
            raise HuashengError("service-down", service=self.health.service)
        some = [r for r in self.replicas.values() if r not in but] or list(self.replicas.values())
        best = min(_STATES.index(r.status) for r in some)
        ready = [r for r in some if _STATES.index(r.status) == best]
        chosen = min(ready, key=lambda r: (r.load, r.chosen_at))
        chosen.chosen_at = next(self._choices)
        return chosen

    @property
    def serving(self) -> list[Replica]:
        """The replicas that serve."""
        return [r for r in self.replicas.values() if r.status == "serving"]

    def watch(self) -> None:
        """Start to look for replicas and to watch them."""
        for replica in self.replicas.values():
            self._begin_watching(replica)
        self._watching = asyncio.create_task(self._look_for_replicas())

    def renew(self, pem: Pem | None) -> None:
        """Connect anew, with other certificates; calls at work end on the connections they began on."""
        self._pem = pem
        for endpoint in list(self.replicas):
            self._remove(endpoint)
            self._add(endpoint)

    async def close(self) -> None:
        """Stop watching and close all channels."""
        tasks = [t for r in self.replicas.values() for t in r.tasks] + list(self._leaving)
        tasks += [self._watching] if self._watching else []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(r.channel.close() for r in self.replicas.values()))

    def _add(self, endpoint: Endpoint) -> None:
        options = [*CHANNEL_OPTIONS, *endpoint.options]
        channel = Channel(self._access.channel(endpoint.target, options, self._pem))
        self.replicas[endpoint] = replica = Replica(endpoint, channel, self._make_stub(channel))
        if self._watching:
            self._begin_watching(replica)

    def _remove(self, endpoint: Endpoint) -> None:
        replica = self.replicas.pop(endpoint)
        replica.stop_watching()
        leaving = asyncio.create_task(replica.channel.leave())
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def _look_for_replicas(self) -> None:
        is_known = True
        while True:
            try:
                found = await look_up(self.health.address)
            except OSError as e:  # those that are known go on
                if is_known:
                    log.warning("no address of %s", self.health.service, extra={"why": str(e)})
                is_known = False
            else:
                is_known = True
                for endpoint in found - set(self.replicas):
                    self._add(endpoint)
                for endpoint in set(self.replicas) - found:
                    self._remove(endpoint)
                self._update_health()
            await asyncio.sleep(LOOKUP_EVERY_S)

    def _begin_watching(self, replica: Replica) -> None:
        replica.tasks = [asyncio.create_task(self._watch_health(replica))]
        if self._capacity_request is not None:
            replica.tasks.append(asyncio.create_task(self._watch_capacity(replica)))

    async def _watch_health(self, replica: Replica) -> None:
        stub: Any = health_pb2_grpc.HealthStub(replica.channel)
        request = health_pb2.HealthCheckRequest(service=self._full_name)
        while True:
            call = stub.Watch(request)  # endless by design; keepalive notices a dead peer
            try:
                async for response in call:
                    is_serving = response.status == health_pb2.HealthCheckResponse.SERVING
                    replica.status = "serving" if is_serving else "loading"
                    self._update_health()
            except grpc.aio.AioRpcError:
                pass  # the status below says so
            finally:
                call.cancel()
            replica.status = "down"
            self._update_health()
            await asyncio.sleep(RECONNECT_S)

    def _update_health(self) -> None:
        states = {r.status for r in self.replicas.values()}
        self.health.set(next((s for s in _STATES if s in states), "down"))

    async def _watch_capacity(self, replica: Replica) -> None:
        while True:
            if replica.status == "serving":
                with contextlib.suppress(grpc.aio.AioRpcError):  # an older release, or one that is going away
                    asking: Awaitable[Any] = replica.stub.GetCapacity(
                        self._capacity_request, timeout=5 * CAPACITY_EVERY_S, metadata=self._metadata()
                    )
                    before = replica.active
                    told = (await asking).capacity
                    replica.slots, replica.used = max(1, told.slots), told.used
                    replica.reported_active, replica.frames_per_second = before, told.frames_per_second
            await asyncio.sleep(CAPACITY_EVERY_S)
