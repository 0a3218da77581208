"""Requests through urllib that another thread can end.

SpeechRecognition calls ``urllib.request.urlopen``, which gives nobody its connection: a read that hangs could only be
waited for. ``install`` puts an opener in place that tells the ``Line`` of the calling thread of each connection;
requests of threads without a line are as before.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable
from functools import cache
from typing import TypeVar

T = TypeVar("T")
_TICK_S = 0.02  # how often a waiting caller looks whether it was cancelled
_LONGEST = 1 << 20
"""Bytes of an answer that are read: some sentences, not a film."""
_here = threading.local()


class EmptyAnswer(http.client.HTTPException):
    """Status 200 and nothing after it."""


class CancelledError(Exception):
    """The caller does not want the answer any more."""


class Line:
    """One request, made in a thread of its own."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._hung_up = False

    def _opened(self, sock: socket.socket) -> None:
        with self._lock:
            self._sockets.append(sock)
        if self._hung_up:
            self.hang_up()

    def hang_up(self) -> None:
        """End every read and write at once."""
        with self._lock:
            self._hung_up = True
            for sock in self._sockets:
                try:
                    # the plain socket's method: SSLSocket.shutdown would swap the TLS state under the reading thread
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)
                except OSError:
                    continue  # already closed
            self._sockets.clear()

    def run(self, work: Callable[[], T], seconds: float, cancelled: threading.Event | None = None) -> T:
        """What ``work`` gives. Raises what it raises, ``TimeoutError`` and ``CancelledError``."""
        ended, out = threading.Event(), list[T]()
        failed: list[BaseException] = []

        def run() -> None:
            _here.line = self
            try:
                out.append(work())
            except BaseException as e:  # handed to the caller
                failed.append(e)
            finally:
                ended.set()

        threading.Thread(target=run, daemon=True, name="asr-request").start()
        try:
            until = time.monotonic() + seconds
            while not ended.wait(_TICK_S):
                if cancelled and cancelled.is_set():
                    raise CancelledError
                if time.monotonic() > until:
                    raise TimeoutError
        finally:
            self.hang_up()
        if failed:
            raise failed[0]
        return out[0]


class _Response(http.client.HTTPResponse):
    def read(self, amt: int | None = None) -> bytes:
        if amt is not None or not hasattr(_here, "line"):
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


def _tell(connection: http.client.HTTPConnection) -> None:
    if line := getattr(_here, "line", None):
        line._opened(connection.sock)


class _Connection(http.client.HTTPConnection):
    response_class = _Response

    def connect(self) -> None:
        super().connect()
        _tell(self)


class _SecureConnection(http.client.HTTPSConnection):
    response_class = _Response

    def connect(self) -> None:
        super().connect()
        _tell(self)


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
    """Make this process's ``urlopen`` one whose requests can be ended."""
    urllib.request.install_opener(urllib.request.build_opener(_Http, _Https))
