"""Bridges between synchronous engines and asyncio handlers: bounded, cancellable, without a leaked thread."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import TypeVar

T = TypeVar("T")
_END = object()


async def iterate_in_thread(
    make: Callable[[], Iterator[T]], maxsize: int = 8, on_stop: Callable[[], None] | None = None
) -> AsyncGenerator[T, None]:
    """Run a synchronous iterator in a thread of its own and yield its items.

    At most ``maxsize`` items wait. When the consumer stops (break, cancel, error) the iterator is closed in its own
    thread after the item at work, so ``finally`` blocks of an engine run; this function waits for that. ``on_stop`` is
    called before the waiting, to end the item at work early.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[object] = asyncio.Queue()
    room = threading.Semaphore(maxsize)
    stop = threading.Event()
    context = contextvars.copy_context()

    def put(item: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closing
            loop.call_soon_threadsafe(queue.put_nowait, item)

    def work() -> None:
        try:
            iterator = make()
            try:
                for item in iterator:
                    room.acquire()
                    if stop.is_set():
                        return
                    put(item)
            finally:
                close = getattr(iterator, "close", None)
                if close:
                    close()
        except BaseException as e:  # handed to the consumer, not swallowed
            put(_Failure(e))
        finally:
            put(_END)
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(ended.set)

    # a thread of its own: asyncio's shared pool is small, and streams that wait for input would fill it
    ended = asyncio.Event()
    threading.Thread(target=context.run, args=(work,), daemon=True).start()
    try:
        while (item := await queue.get()) is not _END:
            room.release()
            if isinstance(item, _Failure):
                raise item.error
            yield item  # type: ignore[misc]  # the queue holds T, _Failure or _END
    finally:
        stop.set()
        room.release()
        if on_stop:
            on_stop()
        await asyncio.shield(ended.wait())


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


class Inbox(Iterator[T]):
    """A bounded queue that an asyncio task fills and an engine's thread reads as an iterator.

    It takes items while those that wait weigh less than ``maxsize`` together; by default each weighs 1. ``close()``
    ends the iteration; ``abandoned``: whether the input ended without its end marker.
    """

    def __init__(self, maxsize: int = 64, weigh: Callable[[T], int] = lambda _: 1) -> None:
        self._items: list[T] = []
        self._maxsize, self._weigh = maxsize, weigh
        self._weight = 0
        self._changed = threading.Condition()
        self._closed = False
        self.abandoned = False

    async def put(self, item: T) -> None:
        """Add an item, waiting while the queue is full; items put after ``close()`` are dropped."""
        while not self.try_put(item):
            await asyncio.sleep(0.005)

    def try_put(self, item: T) -> bool:
        """Add an item if there is room."""
        with self._changed:
            if self._closed:
                return True
            if self._weight >= self._maxsize:
                return False
            self._items.append(item)
            self._weight += self._weigh(item)
            self._changed.notify()
            return True

    def clear(self) -> None:
        """Forget what waits (barge-in)."""
        with self._changed:
            self._items.clear()
            self._weight = 0

    def close(self, abandoned: bool = False) -> None:
        """No more items will come."""
        with self._changed:
            self.abandoned = self.abandoned or abandoned
            self._closed = True
            if abandoned:
                self._items.clear()
                self._weight = 0
            self._changed.notify()

    def __next__(self) -> T:
        with self._changed:
            while not self._items and not self._closed:
                self._changed.wait()
            if self._items:
                item = self._items.pop(0)
                self._weight -= self._weigh(item)
                return item
            raise StopIteration
