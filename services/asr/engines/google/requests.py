"""Requests through urllib that another thread can cancel.

SpeechRecognition calls ``urllib.request.urlopen``, which hides its connection: a read that hangs could only be waited
for. ``install`` sets an opener that adds each connection to the ``CancellableConnection`` of the calling thread.
Requests of threads without one are as before.
"""

from __future__ import annotations

import http.client
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable
from functools import cache
from typing import TypeVar

from services.common.cancellable_connection import CancellableConnection

T = TypeVar("T")
_TICK_S = 0.02  # between two checks of whether a waiting caller was cancelled
_LONGEST = 1 << 20
"""Bytes of an answer that are read: some sentences, not a film."""
_here = threading.local()


class EmptyAnswer(http.client.HTTPException):
    """Status 200 and nothing after it."""


class CancelledError(Exception):
    """The caller does not want the answer any more."""


def run(request: Callable[[], T], seconds: float, cancelled: threading.Event | None = None) -> T:
    """What ``request`` returns, made in a thread of its own.

    Raises what it raises, ``TimeoutError`` and ``CancelledError``; its connections are ended in any case.
    """
    connection = CancellableConnection()
    ended, out = threading.Event(), list[T]()
    failed: list[BaseException] = []

    def work() -> None:
        _here.connection = connection
        try:
            out.append(request())
        except BaseException as e:  # handed to the caller
            failed.append(e)
        finally:
            ended.set()

    threading.Thread(target=work, daemon=True, name="asr-request").start()
    try:
        until = time.monotonic() + seconds
        while not ended.wait(_TICK_S):
            if cancelled and cancelled.is_set():
                raise CancelledError
            if time.monotonic() > until:
                raise TimeoutError
    finally:
        connection.cancel()
    if failed:
        raise failed[0]
    return out[0]


class _Response(http.client.HTTPResponse):
    def read(self, amt: int | None = None) -> bytes:
        if amt is not None or not hasattr(_here, "connection"):
            return super().read(amt)
        try:
            data = super().read(_LONGEST)
            if self.length:  # what is still missing; only reading without a limit would notice by itself
                raise http.client.IncompleteRead(data, self.length)
        except BaseException:
            self.close()  # SpeechRecognition leaves it open
            raise
        if not data.strip():
            raise EmptyAnswer
        return data


def _register(opened: http.client.HTTPConnection) -> None:
    connection: CancellableConnection | None = getattr(_here, "connection", None)
    if connection:
        connection.add(opened.sock)


class _Connection(http.client.HTTPConnection):
    response_class = _Response

    def connect(self) -> None:
        super().connect()
        _register(self)


class _SecureConnection(http.client.HTTPSConnection):
    response_class = _Response

    def connect(self) -> None:
        super().connect()
        _register(self)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class _Http(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Connection, req)


class _Https(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_SecureConnection, req, context=_tls())


def install() -> None:
    """Make the requests of this process's ``urlopen`` cancellable."""
    urllib.request.install_opener(urllib.request.build_opener(_Http, _Https))
