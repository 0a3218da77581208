"""Streams from a model over HTTP: deadlines, retries before the first piece, connections that end at once on cancel.

httpx reads in a thread of its own, because a blocked read can be ended only from outside: by shutting its socket down.
"""

from __future__ import annotations

import logging
import queue
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import httpx

from services.common import metrics
from services.common.cancellable_connection import CancellableConnection
from services.common.errors import HuashengError
from services.llm.engines.base import Finished, Piece
from services.llm.remote.provider import Provider, Retry
from services.llm.settings import LlmSettings

log = logging.getLogger("huasheng.llm.remote")

_TICK_S = 0.05  # between two checks of whether a waiting stream was cancelled
_CONNECT_S = 5.0
_QUEUE = 64  # pieces read ahead
_USAGE_S = 1.0  # how long a complete answer waits for its token counts, and for the server to close the connection


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()  # tens of milliseconds: made once


def _client(connection: CancellableConnection, read_s: float) -> httpx.Client:
    """An HTTP client whose connections all belong to ``connection``."""

    def trace(event: str, info: dict[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            connection.add(info["return_value"].get_extra_info("socket"))

    def watch(request: httpx.Request) -> None:
        request.extensions = {**request.extensions, "trace": trace}

    timeout = httpx.Timeout(read_s, connect=min(_CONNECT_S, read_s))
    return httpx.Client(timeout=timeout, verify=_tls(), event_hooks={"request": [watch]})


Open = Callable[[httpx.Client], Iterator[Piece]]


def stream(provider: Provider, open_: Open, settings: LlmSettings, cancelled: threading.Event) -> Iterator[Piece]:
    """The pieces of ``open_``, within the deadlines; tried again while nothing has been yielded. Tokens are counted.

    Raises ``llm-unreachable`` (no connection), ``llm-slow`` (nothing in time), ``llm-broken-stream`` (it stopped
    midway), and what ``open_`` raises.
    """
    began = time.monotonic()
    for attempt in range(1, settings.attempts + 1):
        try:
            yield from _counted(provider, _attempt(provider, open_, settings, cancelled, began))
            return
        except Retry as e:
            wait = max(e.after_s, settings.backoff_s * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))
            if attempt == settings.attempts or time.monotonic() + wait > began + settings.first_token_s:
                raise e.error from e
            log.info(
                "trying again", extra={"engine": provider.engine, "reason": e.error.slug, "wait_s": round(wait, 2)}
            )
            if cancelled.wait(wait):
                return


def _counted(provider: Provider, pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The pieces; what they cost is counted when they end, in whatever way."""
    some, counts = False, (0, 0)
    try:
        for piece in pieces:
            some = True
            if isinstance(piece, Finished):
                counts = piece.prompt_tokens, piece.completion_tokens
            yield piece
    finally:
        if some and not any(counts):
            metrics.LLM_UNCOUNTED.labels(provider.engine, provider.model).inc()
        for kind, count in zip(("prompt", "completion"), counts, strict=True):
            metrics.LLM_TOKENS.labels(provider.engine, provider.model, kind).inc(count)


def _attempt(
    provider: Provider, open_: Open, settings: LlmSettings, cancelled: threading.Event, began: float
) -> Iterator[Piece]:
    connection = CancellableConnection()
    box: queue.Queue[Piece | BaseException | None] = queue.Queue(_QUEUE)

    def put(item: Piece | BaseException | None) -> None:
        while not connection.is_cancelled:
            try:
                return box.put(item, timeout=_TICK_S)
            except queue.Full:
                continue

    def read() -> None:
        try:
            with _client(connection, settings.deadline_s) as client:
                for piece in open_(client):
                    put(piece)
                    if connection.is_cancelled:
                        return
            put(None)
        except BaseException as e:  # handed to the caller's thread
            put(e)

    threading.Thread(target=read, daemon=True, name=f"llm-{provider.engine}").start()
    some, last = False, None
    deadline = began + min(settings.first_token_s, settings.deadline_s)
    try:
        while not cancelled.is_set():
            try:
                item = box.get(timeout=_TICK_S)
            except queue.Empty:
                item = ""  # nothing yet: pieces are never empty
            if last and (item is None or isinstance(item, BaseException) or time.monotonic() > deadline):
                yield last  # complete, whatever became of the connection after that
                return
            if item is None:
                item = provider.error("llm-broken-stream")
            if isinstance(item, BaseException):
                raise _meaning(provider, item, some) from item
            if isinstance(item, Finished):
                if item.prompt_tokens or item.completion_tokens:
                    yield item
                    return
                last, deadline = item, min(time.monotonic() + _USAGE_S, began + settings.deadline_s)
            elif item:
                yield item
                if not some:
                    some, deadline = True, began + settings.deadline_s
            if not last and time.monotonic() > deadline:  # after a piece too: a trickle never leaves the box empty
                raise provider.error("llm-broken-stream" if some else "llm-slow")
    finally:
        connection.cancel()


def _meaning(provider: Provider, error: BaseException, some: bool) -> BaseException:
    """What a failure in the reading thread means to the caller."""
    if isinstance(error, Retry):
        return provider.error("llm-broken-stream") if some else error
    if isinstance(error, HuashengError) and error.slug == "llm-broken-stream":
        return error if some else Retry(error)
    if not isinstance(error, httpx.HTTPError):
        return error
    if some:
        return provider.error("llm-broken-stream")
    met = isinstance(error, httpx.ReadError | httpx.WriteError | httpx.RemoteProtocolError | httpx.DecodingError)
    return Retry(provider.error("llm-broken-stream" if met else "llm-unreachable"))
