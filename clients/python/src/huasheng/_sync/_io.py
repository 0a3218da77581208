"""What cannot be the same in both clients."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def sleep(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)


def blocking(work: Callable[[], T]) -> T:
    """Do what touches the disk."""
    return work()
