"""The sockets of a request, so that another thread can end it while a read blocks."""

from __future__ import annotations

import socket
import threading


class CancellableConnection:
    """All sockets that one request opens. ``cancel`` may come before, between and after them."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self.is_cancelled = False

    def add(self, sock: socket.socket) -> None:
        """Include a socket; it is shut down at once when the request is cancelled already."""
        with self._lock:
            self._sockets.append(sock)
        if self.is_cancelled:
            self.cancel()

    def cancel(self) -> None:
        """End every read and write at once."""
        with self._lock:
            self.is_cancelled = True
            for sock in self._sockets:
                try:
                    # the plain socket's method: SSLSocket.shutdown would swap the TLS state under the reading thread
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)
                except OSError:
                    continue  # already closed
            self._sockets.clear()
