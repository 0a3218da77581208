"""Lists of answers in which one row that cannot be shown does not hide the others."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

log = logging.getLogger("huasheng.gateway.http")
R = TypeVar("R")
T = TypeVar("T")


def listed(rows: Iterable[R], make: Callable[[R], T]) -> list[T]:
    """What ``make`` makes of each row. A row of which it cannot is left out and logged."""
    items = []
    for row in rows:
        try:
            items.append(make(row))
        except Exception as e:  # whatever is wrong with it
            _left_out(e)
    return items


async def listed_async(rows: Iterable[R], make: Callable[[R], Awaitable[T]]) -> list[T]:
    """As ``listed``."""
    items = []
    for row in rows:
        try:
            items.append(await make(row))
        except Exception as e:
            _left_out(e)
    return items


def _left_out(error: Exception) -> None:
    # not the row itself: it holds what people wrote
    log.error("a row cannot be shown", extra={"why": type(error).__name__})
