"""One GPT-SoVITS process at its address: asked for speech, supervised, and restarted if this service started it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from enum import Enum
from typing import Any

import httpx
from prometheus_client import Counter

from services.tts.engines.gpt_sovits.child import Child
from services.tts.engines.gpt_sovits.failures import Failure, Why
from services.tts.engines.gpt_sovits.request import PendingRequest
from services.tts.engines.gpt_sovits.settings import Settings

log = logging.getLogger("huasheng.tts.sovits")

RESTARTS = Counter("huasheng_gpt_sovits_restarts_total", "Processes of ours that were started again", ["why"])
CONNECT_S = 3.0
PROBE_S = 5.0
LOAD_S = 120.0
"""Deadline of a change of weights."""
MOST_BYTES = 256 * 2**20
"""Of one answer: more is a fault."""
MAX_USELESS_ANSWERS = 3
"""In a row; after that a process is taken out of use."""
LONGEST_BACKOFF_S = 60.0
STEADY_S = 60.0
"""After this long without trouble the backoff starts from its beginning."""
_LOCAL = ("127.0.0.1", "localhost", "[::1]", "::1")


class State(Enum):
    """Whether requests may go to it."""

    STARTING = "starting"
    READY = "ready"
    DOWN = "down"


class Process:
    """``supervise`` keeps it ready, in a task of its own. The caller makes sure that ``run`` is never entered twice."""

    def __init__(
        self, url: str, settings: Settings, changed: Callable[[], None], warm: Callable[[], PendingRequest | None]
    ):
        self.url, self._s, self._changed, self._warm = url, settings, changed, warm
        self.state, self.is_busy = State.STARTING, False
        self.problem: str = Why.of("sovits-starting")
        self.last_voice = ""
        self._model = ""
        self._failures = self._served = 0
        self._trouble: asyncio.Future[tuple[str, str]] | None = None
        self._child: Child | None = None
        self._stopping: asyncio.Task[None] | None = None
        address = httpx.URL(url)
        self._host, self._port = address.host, address.port or 80
        self.is_ours = settings.checkout is not None and self._host in _LOCAL
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=httpx.Timeout(None, connect=CONNECT_S),
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=1, keepalive_expiry=4),  # uvicorn's is 5 s
        )

    @property
    def is_free(self) -> bool:
        """Whether a request may go to it now."""
        return self.state is State.READY and not self.is_busy

    @property
    def may_recover(self) -> bool:
        """Whether it may be ready soon without help from outside."""
        return self.state is not State.DOWN or self.is_ours

    async def run(self, pending: PendingRequest) -> None:
        """Speak. Raises ``Failure``, and takes the process out of use when it cannot serve another request."""
        try:
            await self._load_weights(pending.model)
            await self._speak(pending)
        except Failure as e:
            await self._failed(e)
            raise
        else:
            self._failures = 0
        finally:
            self._served += 1
            limit, memory = self._s.restart_after, self._s.memory_mb
            if self._child and limit and self._served >= limit:
                self._take_out("renewal", Why.of("sovits-served", count=self._served))
            elif self._child and memory and (held := self._child.memory_mb()) > memory:
                self._take_out("renewal", Why.of("sovits-memory", memory=held))

    async def _failed(self, failure: Failure) -> None:
        if failure.kind == "refused":
            return
        if self._child and failure.kind != "slow":
            await self._child.wait_exit(0.2)  # its exit is reported a moment after its connection ends
        self._failures += 1
        if self._child and self._child.exited.is_set():
            self._take_out("crash", Why.of("sovits-ended", text=self._child.last_error(whole=False)))
        elif failure.kind == "slow":
            self._take_out("hang", Why.of("sovits-hang"))
        elif failure.kind == "gone":
            self._take_out("gone", failure.why)
        elif self._failures >= MAX_USELESS_ANSWERS:
            self._take_out("failures", Why.of("sovits-useless", count=self._failures))

    def _take_out(self, kind: str, why: str) -> None:
        """No more requests until the process is up again."""
        if self.state is State.READY:
            self.state, self.problem = (State.STARTING if kind == "renewal" else State.DOWN), why
        if self._trouble and not self._trouble.done():
            self._trouble.set_result((kind, why))

    async def _load_weights(self, model: str) -> None:
        """Load the weights of that name, from the operator's list only."""
        if model == self._model:
            return
        files = self._s.models[model]
        self._model = "?"  # until both files are loaded it is neither model
        for call, path in (("/set_gpt_weights", files.gpt), ("/set_sovits_weights", files.sovits)):
            async with _deadline(LOAD_S, f"loading the weights of {model} took too long"), _connection_failures():
                response = await self._client.get(call, params={"weights_path": path})
            if response.status_code != 200:
                raise Failure(
                    f"the weights of {model} cannot be loaded: {_error_text(response.text)}", is_retryable=False
                )
        self._model = model

    async def _speak(self, pending: PendingRequest) -> None:
        s, decoder, size = self._s, pending.decoder(), 0
        began = time.monotonic()
        async with _deadline(s.deadline_s, f"not ready after {s.deadline_s:g} s"), _connection_failures():
            request = self._client.build_request("POST", "/tts", json=pending.body)
            first = f"no sound within {s.first_s:g} s"
            async with _deadline(s.first_s, first):
                response = await self._client.send(request, stream=True)
            async with contextlib.aclosing(response):
                parts = response.aiter_raw()
                if response.status_code != 200:
                    async with _deadline(PROBE_S, first):
                        raise await _refusal(response)
                if not response.headers.get("content-type", "").startswith("audio/"):
                    raise Failure("the answer is no sound")
                left = s.first_s - (time.monotonic() - began)
                while True:
                    async with _deadline(left, first if not size else f"silent for {s.stall_s:g} s"):
                        part = await anext(parts, None)
                    if part is None:
                        break
                    size, left = size + len(part), s.stall_s
                    if size > MOST_BYTES:
                        raise Failure("the answer does not end")
                    if not pending.is_abandoned:
                        pending.give(decoder.feed(part))
                if not pending.is_abandoned:
                    pending.give(decoder.finish(), is_last=True)

    async def probe(self) -> None:
        """Raises ``Failure`` when GPT-SoVITS does not answer here.

        Its API has no health check; ``/control`` without a command does nothing and answers with a message of its own.
        """
        async with _deadline(PROBE_S, Why.of("sovits-no-answer", seconds=f"{PROBE_S:g}")), _connection_failures():
            response = await self._client.get("/control")
        if response.status_code != 400 or "command is required" not in response.text:
            raise Failure(Why.of("sovits-other-program"))

    async def supervise(self) -> None:
        """Bring it up and watch it, over and over; until cancelled."""
        backoff = self._s.backoff_s
        try:
            while True:
                self._trouble = asyncio.get_running_loop().create_future()
                try:
                    await self._bring_up()
                except Failure as e:
                    await self._stop_child(at_once=True)
                    self.state, self.problem = State.DOWN, e.why
                    log.warning("GPT-SoVITS is not ready", extra={"url": self.url, "why": e.why})
                else:
                    self.state, self.problem = State.READY, ""
                    self._failures, up = 0, time.monotonic()
                    log.info("GPT-SoVITS is ready", extra={"url": self.url})
                    self._changed()
                    kind, why = await self._watch()
                    self._take_out(kind, why)
                    log.warning("GPT-SoVITS is taken out", extra={"url": self.url, "kind": kind, "why": why})
                    if self._child:
                        RESTARTS.labels(kind).inc()
                        await self._stop_child(at_once=kind == "hang")
                    if time.monotonic() - up > STEADY_S:
                        backoff = self._s.backoff_s
                    if kind == "renewal":
                        continue
                self._changed()
                await asyncio.sleep(backoff)
                backoff = min(2 * backoff, LONGEST_BACKOFF_S)
        finally:
            await self._stop_child()
            await self._client.aclose()

    async def _bring_up(self) -> None:
        self._model, self._served = "", 0
        try:
            await self.probe()
        except Failure as e:
            if not self.is_ours or e.kind != "gone":
                raise
            await self._start()
        if pending := self._warm():
            try:
                await self._load_weights(pending.model)
                await self._speak(pending)
            except Failure as e:
                if self._child and e.kind != "slow":
                    await self._child.wait_exit(0.2)
                    if self._child.exited.is_set():
                        why = Why.of("sovits-ended", text=self._child.last_error(whole=True))
                        raise Failure(why, kind="gone") from e
                # our own text and the operator's reference: nothing of a user's is logged
                log.warning("GPT-SoVITS' first words failed", extra={"url": self.url, "why": e.why})

    async def _start(self) -> None:
        s = self._s
        assert s.checkout
        self.state, self.problem = State.STARTING, Why.of("sovits-starting")
        try:
            child = await Child.start(s.python, s.checkout, self._host.strip("[]"), self._port, s.config)
        except OSError as e:
            raise Failure(Why.of("sovits-no-start", text=e.strerror), kind="gone") from e
        self._child = child
        logged_at = child.began
        while True:
            with contextlib.suppress(Failure):
                await self.probe()
                return
            took = time.monotonic() - child.began
            self.problem = Why.of("sovits-starting-long", seconds=round(took))
            if child.exited.is_set():
                raise Failure(Why.of("sovits-failed-start", text=child.last_error(whole=True)), kind="gone")
            if took > s.start_s:
                raise Failure(Why.of("sovits-slow-start", seconds=f"{s.start_s:g}"), kind="gone")
            if time.monotonic() - logged_at > 10:
                logged_at = time.monotonic()
                log.info("waiting for GPT-SoVITS", extra={"url": self.url, "seconds": round(took)})
            await child.wait_exit(min(0.5, 0.05 + took / 10))

    async def _watch(self) -> tuple[str, str]:
        """Returns when it cannot be used any more: the kind of trouble, and why."""
        assert self._trouble
        while True:
            signs: set[asyncio.Future[Any]] = {self._trouble}
            if self._child:
                signs.add(asyncio.ensure_future(self._child.exited.wait()))
            try:
                await asyncio.wait(signs, timeout=self._s.probe_s, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for sign in signs - {self._trouble}:
                    sign.cancel()
            if self._trouble.done():
                return self._trouble.result()
            if self._child and self._child.exited.is_set():
                return "crash", Why.of("sovits-ended", text=self._child.last_error(whole=False))
            if self.is_busy:
                continue  # it answers no probe while it speaks
            try:
                await self.probe()
            except Failure as e:
                if not self.is_busy and not self._trouble.done():
                    return ("hang" if e.kind == "slow" else "gone"), e.why

    async def _stop_child(self, at_once: bool = False) -> None:
        if self._child:
            child, self._child = self._child, None
            self._stopping = asyncio.create_task(child.stop(at_once))
        if self._stopping:  # also a stop that began before this was cancelled
            await asyncio.shield(self._stopping)


@contextlib.asynccontextmanager
async def _deadline(seconds: float, why: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as e:
        raise Failure(why, kind="slow") from e


@contextlib.asynccontextmanager
async def _connection_failures() -> AsyncIterator[None]:
    """Turn errors of the connection into ``Failure``."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as e:
        raise Failure(Why.of("sovits-nobody"), kind="gone") from e
    except httpx.HTTPError as e:
        raise Failure(Why.of("sovits-broke-off", text=type(e).__name__)) from e


async def _refusal(response: httpx.Response) -> Failure:
    await response.aread()
    status, text = response.status_code, _error_text(response.text)
    if status == 429:
        return Failure(Why.of("sovits-too-many"), kind="gone")
    if status == 400 and not text.startswith("tts failed"):
        return Failure(text, is_retryable=False, kind="refused")
    if status in (401, 403, 404, 405, 422):
        return Failure(f"it refuses our request (HTTP {status})", is_retryable=False)
    return Failure(f"{text} (HTTP {status})" if status == 400 else f"an error inside (HTTP {status})")


def _error_text(text: str) -> str:
    """The message of an error body, shortened."""
    try:
        body = json.loads(text)
        return ": ".join(str(body[k]) for k in ("message", "Exception") if k in body)[:300]
    except (ValueError, TypeError):
        return "no reason given"
