"""Shares one device between sessions: one thread owns the networks and draws pending frames in batches.

A session holds a ``Slot`` and submits frames to it; each returns a ``DrawFuture``. Batches take one frame from each
slot in turn, live slots first. A frame that opens a video is drawn at once in a small batch; others wait at most
``max_wait_s`` for a fuller batch. Out of memory halves the batch size; a single frame that does not fit fails its
session.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from prometheus_client import Counter, Histogram

from services.common.errors import HuashengError

log = logging.getLogger("huasheng.render.joygen")

BATCH_FRAMES = Histogram("huasheng_render_batch_frames", "Frames drawn in one go", buckets=(1, 2, 4, 8, 16, 32, 64))
OUT_OF_MEMORY = Counter("huasheng_render_out_of_memory_total", "Batches that did not fit the device's memory")

HEADROOM = 0.85
"""Part of the measured frames per second that live sessions may need together."""
RESTORE_AFTER = 50
"""Batches in a row that fitted, after which a halved limit is doubled again."""
TASK_WAIT_S = 0.5
"""Longest that other work (preparing avatars) waits for a pause between batches."""

_batchers: WeakSet[Batcher[Any, Any]] = WeakSet()
_registry_lock = threading.Lock()

In = TypeVar("In")
Out = TypeVar("Out")


class DeviceOutOfMemory(MemoryError):
    """The device is out of memory; ``draw`` raises it in place of the device's own error."""


class DrawFuture(Generic[Out]):
    """The result of a submitted frame."""

    def __init__(self) -> None:
        self._done = threading.Event()
        self._result: Out | None = None
        self._error: Exception | None = None

    def resolve(self, result: Out | None, error: Exception | None = None) -> None:
        """Set the result or the error, once."""
        self._result, self._error = result, error
        self._done.set()

    def result(self, timeout_s: float) -> Out:
        """Wait for the result. Raises the frame's error, and ``device-slow`` after ``timeout_s``."""
        if not self._done.wait(timeout_s):
            raise HuashengError("device-slow", seconds=round(timeout_s))
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result


@dataclass
class _Request(Generic[In, Out]):
    item: In
    future: DrawFuture[Out]
    since: float
    urgent: bool


class Slot(Generic[In, Out]):
    """One session's queue of frames."""

    def __init__(self, batcher: Batcher[In, Out], live: bool, model: Hashable) -> None:
        self._batcher, self.live, self.model = batcher, live, model
        self.pending: deque[_Request[In, Out]] = deque()

    def submit(self, item: In, urgent: bool = False) -> DrawFuture[Out]:
        """Queue a frame; ``urgent`` for the first ones of a video."""
        return self._batcher.put(self, item, urgent)

    def discard(self) -> None:
        """Drop pending frames; their futures are never resolved. A running batch continues."""
        self._batcher.discard(self)

    def release(self) -> None:
        """Close the slot; a second call has no effect."""
        self._batcher.release(self)


class Batcher(Generic[In, Out]):
    """See the module docstring. ``draw(model, items)`` returns one result for each item, in order."""

    def __init__(
        self,
        draw: Callable[[Any, Sequence[In]], Sequence[Out]],
        max_batch: int,
        first_batch: int,
        max_wait_s: float,
        fps: float = 25.0,
        device: Hashable = None,
    ) -> None:
        """``device`` names the device that batchers of several engines share; None is not shared."""
        self._draw, self._max_batch, self._first, self._wait_s, self._fps = (
            draw,
            max_batch,
            first_batch,
            max_wait_s,
            fps,
        )
        self.limit = max_batch
        """Current limit of frames in a batch; below ``max_batch`` after an out-of-memory error."""
        self._batches_since_shrink = 0
        self._slots: list[Slot[In, Out]] = []
        self._round = 0
        self._tasks: deque[tuple[float, Callable[[], None]]] = deque()
        self._changed = threading.Condition()
        self._rates: dict[int, float] = {}
        self._stopping = False
        self._device = object() if device is None else device
        with _registry_lock:
            _batchers.add(self)
        self._thread = threading.Thread(target=self._run, name="joygen-device", daemon=True)
        self._thread.start()

    # called by sessions

    def open_slot(self, live: bool, model: Hashable = None) -> Slot[In, Out]:
        """Open a slot. Raises ``device-busy`` when one more live session could not be drawn in real time."""
        with _registry_lock:
            sharing = [b for b in _batchers if b._device == self._device and b.live_slots]
            rate = self.frames_per_second
            # a single session gets the whole device, however slow: the operator chose the machine
            if live and sharing and rate and sum(b.live_load for b in sharing) + self._fps / rate > HEADROOM:
                raise HuashengError("device-busy", limit=sum(b.live_slots for b in sharing), rate=round(rate, 1))
            slot = Slot(self, live, model)
            with self._changed:
                self._slots.append(slot)
            return slot

    def put(self, slot: Slot[In, Out], item: In, urgent: bool) -> DrawFuture[Out]:
        """See ``Slot.submit``."""
        future: DrawFuture[Out] = DrawFuture()
        with self._changed:
            if self._stopping or slot not in self._slots:
                raise HuashengError("cancelled")
            slot.pending.append(_Request(item, future, time.monotonic(), urgent))
            self._changed.notify_all()
        return future

    def discard(self, slot: Slot[In, Out]) -> None:
        """See ``Slot.discard``."""
        with self._changed:
            slot.pending.clear()

    def release(self, slot: Slot[In, Out]) -> None:
        """See ``Slot.release``."""
        with self._changed:
            slot.pending.clear()
            if slot in self._slots:
                self._slots.remove(slot)

    def run_task(self, work: Callable[[], Out], timeout_s: float) -> Out:
        """Run other work on the device's thread, between batches, and wait for its result."""
        future: DrawFuture[Out] = DrawFuture()

        def run() -> None:
            try:
                future.resolve(work())
            except Exception as e:  # raised in the waiting thread
                future.resolve(None, e)

        with self._changed:
            if self._stopping:
                raise HuashengError("cancelled")
            self._tasks.append((time.monotonic(), run))
            self._changed.notify_all()
        return future.result(timeout_s)

    @property
    def live_slots(self) -> int:
        """Number of live sessions with a slot."""
        with self._changed:
            return sum(s.live for s in self._slots)

    @property
    def live_load(self) -> float:
        """Share of the device's time that live sessions need; 0 while its speed is unknown."""
        rate = self.frames_per_second
        return self.live_slots * self._fps / rate if rate else 0.0

    @property
    def frames_per_second(self) -> float:
        """Recent speed at the best batch size; 0 before the first batch."""
        return max(self._rates.values(), default=0.0)

    def stop(self) -> None:
        """End the thread after the running batch; pending futures get ``cancelled``."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()

    # the thread

    def _run(self) -> None:
        while True:
            with self._changed:
                batch = self._next()
                if self._stopping:
                    for request in [w for s in self._slots for w in s.pending]:
                        request.future.resolve(None, HuashengError("cancelled"))
                    return
            if isinstance(batch, list):
                self._serve(batch)
            else:
                batch()

    def _next(self) -> list[tuple[Slot[In, Out], _Request[In, Out]]] | Callable[[], None]:
        """Wait for the next batch or task (the lock is released while waiting). Empty when stopping."""
        while not self._stopping:
            now = time.monotonic()
            first_requests = [s.pending[0] for s in self._slots if s.pending]
            if self._tasks and (not first_requests or now - self._tasks[0][0] > TASK_WAIT_S):
                return self._tasks.popleft()[1]
            if not first_requests:
                self._changed.wait()
                continue
            wait_s = min(request.since for request in first_requests) + self._wait_s - now
            urgent = any(request.urgent for request in first_requests)
            if urgent or wait_s <= 0 or sum(len(s.pending) for s in self._slots) >= self.limit:
                return self._gather(min(self._first, self.limit) if urgent else self.limit)
            self._changed.wait(wait_s)
        return []

    def _gather(self, limit: int) -> list[tuple[Slot[In, Out], _Request[In, Out]]]:
        """One frame of each slot in turn: openings of videos first, then live slots; all of one model."""
        self._round += 1
        start = self._round % len(self._slots)
        slots = [s for s in self._slots[start:] + self._slots[:start] if s.pending]
        slots.sort(key=lambda s: (not s.pending[0].urgent, not s.live))
        slots = [s for s in slots if s.model == slots[0].model]
        batch: list[tuple[Slot[In, Out], _Request[In, Out]]] = []
        while len(batch) < limit and any(s.pending for s in slots):
            for slot in slots:
                if slot.pending and len(batch) < limit:
                    batch.append((slot, slot.pending.popleft()))
        return batch

    def _serve(self, batch: list[tuple[Slot[In, Out], _Request[In, Out]]]) -> None:
        while batch:
            part, batch = batch[: self.limit], batch[self.limit :]
            with self._changed:  # sessions that left since
                part = [(s, w) for s, w in part if s in self._slots]
            if not part:
                continue
            start = time.perf_counter()
            try:
                results = self._draw(part[0][0].model, [w.item for _, w in part])
                if len(results) != len(part):
                    raise ValueError(f"{len(results)} results for {len(part)} frames")
            except DeviceOutOfMemory as e:
                OUT_OF_MEMORY.inc()
                self._batches_since_shrink = 0
                if len(part) == 1:
                    log.error("one frame does not fit the device's memory")
                    self._fail(part[0], HuashengError("device-memory"), e)
                    continue
                self.limit = max(1, len(part) // 2)
                log.warning("device memory is short: smaller batches", extra={"limit": self.limit})
                batch = part + batch
            except Exception as e:
                if len(part) == 1:
                    log.exception("a frame could not be drawn")
                    self._fail(part[0], e, e)
                    continue
                for single in part:  # one session's frame must not fail the others
                    self._serve([single])
            else:
                self._count(len(part), time.perf_counter() - start)
                for (_, request), result in zip(part, results, strict=True):
                    request.future.resolve(result)

    @staticmethod
    def _fail(failed: tuple[Slot[In, Out], _Request[In, Out]], error: Exception, cause: Exception) -> None:
        slot, request = failed
        if error is not cause:
            error.__cause__ = cause
        request.future.resolve(None, error)
        for later in slot.pending:
            later.future.resolve(None, error)
        slot.pending.clear()

    def _count(self, frames: int, seconds: float) -> None:
        BATCH_FRAMES.observe(frames)
        rate = frames / max(seconds, 1e-6)
        self._rates[frames] = 0.8 * self._rates.get(frames, rate) + 0.2 * rate
        self._batches_since_shrink += 1
        if self.limit < self._max_batch and self._batches_since_shrink >= RESTORE_AFTER:
            self.limit, self._batches_since_shrink = min(self._max_batch, self.limit * 2), 0
