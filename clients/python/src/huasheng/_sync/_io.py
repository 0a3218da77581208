"""What cannot be the same in both clients."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from websockets.sync.client import ClientConnection as Socket
from websockets.sync.client import connect

__all__ = ["Socket", "blocking", "open_socket", "receive", "sleep"]

T = TypeVar("T")


def sleep(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)


def blocking(work: Callable[[], T]) -> T:
    """Do what touches the disk."""
    return work()


def open_socket(url: str, headers: Mapping[str, str], timeout_s: float) -> Socket:
    """A WebSocket. Raises ``OSError``, ``WebSocketException``."""
    made = connect(url, additional_headers=headers, compression=None, max_size=None, open_timeout=timeout_s)
    return made.__enter__()  # since 17.1 it wants to be entered; `close` is what leaving it does


def receive(socket: Socket, timeout_s: float) -> str | bytes | None:
    """The next message, or None when none came in time. Raises ``ConnectionClosed``."""
    try:
        return socket.recv(timeout=timeout_s)
    except TimeoutError:
        return None
