"""The gateway's gRPC clients: one channel a service, balanced over its replicas, a deadline on every call."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from huasheng.asr.v1 import asr_pb2_grpc
from huasheng.llm.v1 import llm_pb2_grpc
from huasheng.render.v1 import render_pb2_grpc
from huasheng.tts.v1 import tts_pb2_grpc

from services.common import logs
from services.common.errors import HuashengError, from_rpc
from services.common.serving import CHANNEL_OPTIONS
from services.gateway.settings import GatewaySettings

log = logging.getLogger("huasheng.gateway.clients")
T = TypeVar("T")

LOADING_POLL_S = 0.25
"""How often a service that is loading is asked again."""
FULL_NAMES = {
    "asr": "huasheng.asr.v1.AsrService",
    "llm": "huasheng.llm.v1.LlmService",
    "tts": "huasheng.tts.v1.TtsService",
    "render": "huasheng.render.v1.RenderService",
}


@dataclass
class Health:
    """State of a service, from its health stream."""

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

    def problem(self) -> HuashengError | None:
        """Why it cannot be used; None when it can."""
        if self.status == "serving":
            return None
        return HuashengError("service-loading" if self.status == "loading" else "service-down", service=self.service)


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


def metadata() -> list[tuple[str, str]]:
    """Ids of the job and turn at work, for the logs of the called service."""
    ids = (("x-job-id", logs.job_id.get()), ("x-turn-id", logs.turn_id.get()))
    return [(k, v) for k, v in ids if v]


class Clients:
    """Stubs and health of the four engine services. Must be made on the event loop."""

    def __init__(self, settings: GatewaySettings) -> None:
        self.settings = settings
        addresses = settings.addresses()
        self.channels = {s: grpc.aio.insecure_channel(a, options=CHANNEL_OPTIONS) for s, a in addresses.items()}
        self.asr: Any = asr_pb2_grpc.AsrServiceStub(self.channels["asr"])
        self.llm: Any = llm_pb2_grpc.LlmServiceStub(self.channels["llm"])
        self.tts: Any = tts_pb2_grpc.TtsServiceStub(self.channels["tts"])
        self.render: Any = render_pb2_grpc.RenderServiceStub(self.channels["render"])
        self.health = {s: Health(s, a) for s, a in addresses.items()}
        self._watchers: list[asyncio.Task[None]] = []

    async def call(
        self, service: str, method: str, request: Any, timeout: float | None = None, *, waits: bool = True
    ) -> Any:
        """A unary call, e.g. ``call("tts", "ListVoices", request)``, at most ``timeout`` seconds long (``rpc_s``).

        A service that is loading is waited for within that time: until then it knows no voice and no avatar. Raises
        ``service-loading`` when it takes longer, or at once unless it ``waits``, and what the service raises.
        """
        until = time.monotonic() + (timeout or self.settings.rpc_s)
        while True:
            left = max(0.1, until - time.monotonic())
            try:
                with mapped(service):
                    answer: Awaitable[Any] = getattr(getattr(self, service), method)(
                        request, timeout=left, metadata=metadata()
                    )
                    return await answer
            except HuashengError as e:
                if not waits or e.slug != "service-loading" or left <= 2 * LOADING_POLL_S:
                    raise
            await asyncio.sleep(LOADING_POLL_S)

    async def loaded(self, *services: str) -> None:
        """Wait for services that are loading, within ``rpc_s``; costs nothing while they serve.

        For calls that stream, which cannot be made twice: what they have sent by the refusal is gone. A service that
        is down, or loads for longer, is left to the call itself.
        """
        until = time.monotonic() + self.settings.rpc_s
        await asyncio.gather(*(self._loaded(s, until) for s in services))

    async def _loaded(self, service: str, until: float) -> None:
        stub: Any = health_pb2_grpc.HealthStub(self.channels[service])
        request = health_pb2.HealthCheckRequest(service=FULL_NAMES[service])
        while self.health[service].status != "serving" and (left := until - time.monotonic()) > 0:
            try:
                found = await stub.Check(request, timeout=left)
            except grpc.aio.AioRpcError:
                return
            if found.status == health_pb2.HealthCheckResponse.SERVING:
                return
            await asyncio.sleep(LOADING_POLL_S)

    def watch(self) -> None:
        """Start to watch the health of all services."""
        self._watchers = [asyncio.create_task(self._watch_health(s)) for s in self.channels]

    async def _watch_health(self, service: str) -> None:
        stub: Any = health_pb2_grpc.HealthStub(self.channels[service])
        request = health_pb2.HealthCheckRequest(service=FULL_NAMES[service])
        while True:
            call = stub.Watch(request)  # endless by design; keepalive notices a dead peer
            try:
                async for response in call:
                    is_serving = response.status == health_pb2.HealthCheckResponse.SERVING
                    self.health[service].set("serving" if is_serving else "loading")
            except grpc.aio.AioRpcError:
                pass  # the status below says so
            finally:
                call.cancel()
            self.health[service].set("down")
            await asyncio.sleep(0.5)

    async def close(self) -> None:
        """Stop watching and close the channels."""
        for task in self._watchers:
            task.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        await asyncio.gather(*(c.close() for c in self.channels.values()))
