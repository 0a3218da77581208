"""Ports for processes that must know theirs before they start."""

from __future__ import annotations

import itertools
import os
import socket

FIRST, EACH = 20_000, 1_500
"""Below the ports that the system gives out by itself, so that no connection takes a port before its process starts."""
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw7").removeprefix("gw")) % 8
_next = itertools.count(os.getpid())


def free_port() -> int:
    """A port of this test process's own range that nobody listens on; each call gives another one."""
    for _ in range(EACH):
        port = FIRST + _worker * EACH + next(_next) % EACH
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")
