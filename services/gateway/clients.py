"""The gateway's gRPC clients: the replicas of each service, a deadline on every call."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeVar

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from huasheng.asr.v1 import asr_pb2_grpc
from huasheng.llm.v1 import llm_pb2_grpc
from huasheng.render.v1 import render_pb2, render_pb2_grpc
from huasheng.tts.v1 import tts_pb2, tts_pb2_grpc

from services.common import logs, tracing
from services.common.access.callers import OPEN, ServiceAccess
from services.common.errors import HuashengError, from_rpc
from services.gateway.pool import Health, Pool, Replica
from services.gateway.settings import GatewaySettings
from services.gateway.turn.moderation import Moderation

log = logging.getLogger("huasheng.gateway.clients")
T = TypeVar("T")

RENEW_S = 10.0
"""How often the files of the certificates are looked at."""
LOADING_POLL_S = 0.25
"""How often a service that is loading is asked again."""
READS = ("List", "Get")
"""How the names of calls begin that change nothing."""
GAP_S = 3.0
"""How long such a call waits for the successor of a replica that has just gone: connecting to it takes two seconds."""
FULL_NAMES = {
    "asr": "huasheng.asr.v1.AsrService",
    "llm": "huasheng.llm.v1.LlmService",
    "tts": "huasheng.tts.v1.TtsService",
    "render": "huasheng.render.v1.RenderService",
}


def error_of(error: grpc.aio.AioRpcError, service: str) -> HuashengError:
    """The error of a failed call. A transport error that we did not cause means that the service went away."""
    found = from_rpc(error, service)
    known = any(k == "grpc-status-details-bin" for k, _ in error.trailing_metadata() or ())
    if not known and error.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL):
        return HuashengError("service-down", service=service)
    return found


class Sent(AsyncIterator[T]):
    """The messages that a call sends, as they are made. ``error`` is why one could not be made: it ends the call."""

    def __init__(self, source: AsyncIterator[T]) -> None:
        self._source = source
        self.error: Exception | None = None

    async def __anext__(self) -> T:
        try:
            return await anext(self._source)
        except StopAsyncIteration:
            raise
        except Exception as e:
            self.error = e
            raise


@contextlib.contextmanager
def mapped(service: str, sent: Sent[Any] | None = None) -> Iterator[None]:
    """Turns gRPC failures of calls to ``service`` into ``HuashengError``, or raises what went wrong with ``sent``."""
    try:
        yield
    except grpc.aio.AioRpcError as e:
        raise (sent and sent.error) or error_of(e, service) from e
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task and task.cancelling():
            raise
        # nobody cancelled this task: grpcio cancels a call by itself when a message cannot be made or written as bytes
        raise (sent and sent.error) or HuashengError("internal", service="gateway") from None


async def responses_of(call: Any, service: str, sent: Sent[Any] | None = None) -> AsyncGenerator[Any, None]:
    """The responses of a streaming call; leaving early cancels the call. Raises as ``mapped``."""
    try:
        with mapped(service, sent):
            async for response in call:
                yield response
    finally:
        call.cancel()


class Clients:
    """The four engine services. Must be made on the event loop."""

    def __init__(self, settings: GatewaySettings, access: ServiceAccess = OPEN) -> None:
        self.settings, self.access = settings, access
        self.moderation = Moderation(settings)
        """Asked before anything is said."""
        self.health = {s: Health(s, a) for s, a in settings.addresses().items()}
        self._pem = access.pem()
        self._renewing: asyncio.Task[None] | None = None
        self.pools = {
            "asr": self._pool("asr", asr_pb2_grpc.AsrServiceStub),
            "llm": self._pool("llm", llm_pb2_grpc.LlmServiceStub),
            "tts": self._pool("tts", tts_pb2_grpc.TtsServiceStub, tts_pb2.GetCapacityRequest()),
            "render": self._pool("render", render_pb2_grpc.RenderServiceStub, render_pb2.GetCapacityRequest()),
        }
        # used as stubs: each call goes to one replica
        self.asr: Any = self.pools["asr"]
        self.llm: Any = self.pools["llm"]
        self.tts: Any = self.pools["tts"]
        self.render: Any = self.pools["render"]

    def _pool(self, service: str, stub: Callable[[Any], Any], capacity_request: Any = None) -> Pool:
        return Pool(
            self.health[service], FULL_NAMES[service], self.access, stub, capacity_request, self.access.metadata
        )

    def metadata(self) -> list[tuple[str, str]]:
        """The token, the trace, and ids of the job and turn at work for the called service. Every call carries it."""
        ids = (("x-job-id", logs.job_id.get()), ("x-turn-id", logs.turn_id.get()))
        return self.access.metadata() + [(k, v) for k, v in ids if v] + tracing.carried()

    async def call(
        self, service: str, method: str, request: Any, timeout: float | None = None, *, waits: bool = True
    ) -> Any:
        """A unary call, e.g. ``call("tts", "ListVoices", request)``, at most ``timeout`` seconds long (``rpc_s``).

        A service that is loading is waited for within that time: until then it knows no voice and no avatar. Raises
        ``service-loading`` when it takes longer, or at once unless it ``waits``, and what the service raises.
        """
        began = time.monotonic()
        until = began + (timeout or self.settings.rpc_s)
        tried: frozenset[Replica] = frozenset()
        while True:
            left = max(0.1, until - time.monotonic())
            replica = self.pools[service].pick(tried)
            try:
                with mapped(service):
                    answer: Awaitable[Any] = replica.call(method, request, timeout=left, metadata=self.metadata())
                    return await answer
            except HuashengError as e:
                # a replica that goes away: what only reads may be asked of each of the others, and of its successor
                if e.slug == "service-down" and method.startswith(READS) and replica not in tried:
                    tried |= {replica}
                    if len(tried) < len(self.pools[service].replicas):
                        continue
                is_gap = bool(tried) and self.health[service].served_lately and time.monotonic() < began + GAP_S
                if not waits or left <= 2 * LOADING_POLL_S or not (is_gap or e.slug == "service-loading"):
                    raise
                tried = frozenset()
            await asyncio.sleep(LOADING_POLL_S)

    async def call_all(self, service: str, method: str, request: Any) -> None:
        """A unary call to every replica that serves, for what each keeps for itself. Raises as ``call``."""
        for replica in self.pools[service].serving or [self.pools[service].pick()]:
            with mapped(service):
                answer: Awaitable[Any] = replica.call(
                    method, request, timeout=self.settings.rpc_s, metadata=self.metadata()
                )
                await answer

    async def loaded(self, *services: str) -> None:
        """Wait for services that are loading, within ``rpc_s``; costs nothing while they serve.

        For calls that stream, which cannot be made twice: what they have sent by the refusal is gone. A service that
        is down, or loads for longer, is left to the call itself.
        """
        until = time.monotonic() + self.settings.rpc_s
        await asyncio.gather(*(self._loaded(s, until) for s in services))

    async def _loaded(self, service: str, until: float) -> None:
        request = health_pb2.HealthCheckRequest(service=FULL_NAMES[service])
        while self.health[service].status != "serving" and (left := until - time.monotonic()) > 0:
            try:
                stub: Any = health_pb2_grpc.HealthStub(self.pools[service].pick().channel)
                found = await stub.Check(request, timeout=left)
            except (grpc.aio.AioRpcError, HuashengError):
                return
            if found.status == health_pb2.HealthCheckResponse.SERVING:
                return
            await asyncio.sleep(LOADING_POLL_S)

    def watch(self) -> None:
        """Start to watch all services, and the certificates."""
        for pool in self.pools.values():
            pool.watch()
        if self._pem and not self._renewing:
            self._renewing = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        """Connect anew when the certificates have changed: a channel shows those it was made with to the end."""
        while True:
            await asyncio.sleep(RENEW_S)
            pem = await asyncio.to_thread(self.access.pem)
            if pem != self._pem:
                self._pem = pem
                for pool in self.pools.values():
                    pool.renew(pem)

    async def close(self) -> None:
        """Stop watching and close the channels."""
        if self._renewing:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        await asyncio.gather(*(p.close() for p in self.pools.values()))
