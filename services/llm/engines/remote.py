"""Streams from a model over HTTP: deadlines, retries before the first piece, and a line that can be hung up at once.

httpx reads in a thread of its own, because a blocked read can be ended only from outside: by shutting its socket down.
"""

from __future__ import annotations

import logging
import queue
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx

from services.common import metrics
from services.common.errors import HuashengError
from services.llm.engines.base import Finished, Piece
from services.llm.settings import LlmSettings

log = logging.getLogger("huasheng.llm.remote")

_TICK_S = 0.05  # how often a waiting stream looks whether it was cancelled
_CONNECT_S = 5.0
_BODY_BYTES = 1 << 16
_QUEUE = 64  # pieces read ahead
_USAGE_S = 1.0  # how long a complete answer waits for its token counts, and for the server to hang up


def named_models(default: str, others: str) -> tuple[str, ...]:
    """A model and those of a list separated by commas, each once."""
    return tuple(dict.fromkeys(m.strip() for m in (default, *others.split(",")) if m.strip()))


def require_model(engine: str, model: str, models: tuple[str, ...]) -> None:
    """Raises ``llm-model-not-listed`` for a model that the operator does not allow."""
    if model not in models:
        raise HuashengError(
            "llm-model-not-listed", engine=engine, model=model, models=", ".join(models), prefix=f"LLM_{engine.upper()}"
        )


def text_of(response: httpx.Response) -> str:
    """The beginning of a body that is not a stream."""
    data = b""
    for part in response.iter_bytes():
        data += part
        if len(data) > _BODY_BYTES:
            break
    return data.decode(errors="replace")


class Retry(Exception):
    """The request may be tried again; ``after_s`` is the server's own wish (Retry-After)."""

    def __init__(self, error: HuashengError, after_s: float = 0.0) -> None:
        super().__init__(error.slug)
        self.error, self.after_s = error, after_s


@dataclass(frozen=True)
class Provider:
    """Who is asked; appears in errors."""

    engine: str
    url: str
    variable: str
    """Environment variable of the key."""
    has_key: bool
    model: str

    @property
    def prefix(self) -> str:
        """What the environment variables of this engine begin with: ``LLM_OPENAI``."""
        return f"LLM_{self.engine.upper()}"

    def error(self, slug: str, **params: object) -> HuashengError:
        """The error with what every ``llm-*`` text may mention. The address goes without user, query and path."""
        where = httpx.URL(self.url)
        place = f"{where.scheme}://{where.host}" + (f":{where.port}" if where.port else "")
        return HuashengError(
            slug, engine=self.engine, url=place, variable=self.variable, model=self.model, prefix=self.prefix, **params
        )

    def usable(self, key: str) -> str:
        """The key, if it can be sent at all. Raises ``llm-wrong-key``: httpx would show it in its own error."""
        if not (key.isascii() and key.isprintable()):
            raise self.error("llm-wrong-key")
        return key


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()  # tens of milliseconds: made once


class _Line:
    """The connections of one attempt, so that they can be hung up from another thread."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self.hung_up = False

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            sock = info["return_value"].get_extra_info("socket")
            with self._lock:
                self._sockets.append(sock)
            if self.hung_up:
                self.hang_up()

    def client(self, read_s: float) -> httpx.Client:
        """An HTTP client of this line; every connection it makes is known here."""

        def watch(request: httpx.Request) -> None:
            request.extensions = {**request.extensions, "trace": self._trace}

        timeout = httpx.Timeout(read_s, connect=min(_CONNECT_S, read_s))
        return httpx.Client(timeout=timeout, verify=_tls(), event_hooks={"request": [watch]})

    def hang_up(self) -> None:
        """End every read and write at once."""
        with self._lock:
            self.hung_up = True
            for sock in self._sockets:
                try:
                    # the plain socket's method: SSLSocket.shutdown would swap the TLS state under the reading thread
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)
                except OSError:
                    continue  # already closed
            self._sockets.clear()


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
    line = _Line()
    box: queue.Queue[Piece | BaseException | None] = queue.Queue(_QUEUE)

    def put(item: Piece | BaseException | None) -> None:
        while not line.hung_up:
            try:
                return box.put(item, timeout=_TICK_S)
            except queue.Full:
                continue

    def read() -> None:
        try:
            with line.client(settings.deadline_s) as client:
                for piece in open_(client):
                    put(piece)
                    if line.hung_up:
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
                raise _told(provider, item, some) from item
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
        line.hang_up()


def _told(provider: Provider, error: BaseException, some: bool) -> BaseException:
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
