"""Shares one device between sessions: one thread owns the networks and draws what waits, in batches.

A session has a ``Seat`` and puts frames into it; each gives a ``Ticket`` to wait for. Batches take one frame from each
seat in turn, live seats first. A frame that opens a video goes at once in a small batch; others wait at most
``max_wait_s`` for company. Out of memory halves the batch; one frame that still does not fit fails its own session.
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
GROW_AFTER = 50
"""Batches in a row that fitted, after which a halved limit is doubled again."""
ERRAND_WAIT_S = 0.5
"""Longest that other work (preparing avatars) waits for a pause between batches."""

_batchers: WeakSet[Batcher[Any, Any]] = WeakSet()
_joining = threading.Lock()

In = TypeVar("In")
Out = TypeVar("Out")


class Full(MemoryError):
    """The device's memory did not suffice; raised by ``draw`` in place of the device's own error."""


class Ticket(Generic[Out]):
    """A frame that was asked for."""

    def __init__(self) -> None:
        self._done = threading.Event()
        self._out: Out | None = None
        self._error: Exception | None = None

    def settle(self, out: Out | None, error: Exception | None = None) -> None:
        """Give the result, once."""
        self._out, self._error = out, error
        self._done.set()

    def result(self, timeout_s: float) -> Out:
        """Wait for it. Raises what went wrong, and ``device-slow`` after ``timeout_s``."""
        if not self._done.wait(timeout_s):
            raise HuashengError("device-slow", seconds=round(timeout_s))
        if self._error is not None:
            raise self._error
        assert self._out is not None
        return self._out


@dataclass
class _Wish(Generic[In, Out]):
    item: In
    ticket: Ticket[Out]
    since: float
    urgent: bool


class Seat(Generic[In, Out]):
    """One session's place."""

    def __init__(self, batcher: Batcher[In, Out], live: bool, model: Hashable) -> None:
        self._batcher, self.live, self.model = batcher, live, model
        self.waiting: deque[_Wish[In, Out]] = deque()

    def ask(self, item: In, urgent: bool = False) -> Ticket[Out]:
        """Put a frame into the queue; ``urgent`` for the first of a video."""
        return self._batcher.put(self, item, urgent)

    def drop(self) -> None:
        """Forget what waits; the tickets are never settled. A batch at work goes on without being waited for."""
        self._batcher.forget(self)

    def leave(self) -> None:
        """Give the place back; may be called twice."""
        self._batcher.leave(self)


class Batcher(Generic[In, Out]):
    """See the head of this file. ``draw(model, items)`` gives one result for each item, in order."""

    def __init__(
        self,
        draw: Callable[[Any, Sequence[In]], Sequence[Out]],
        max_batch: int,
        first_batch: int,
        max_wait_s: float,
        fps: float = 25.0,
        device: Hashable = None,
    ) -> None:
        """``device`` names what is shared with the batchers of other engines; None is shared with nobody."""
        self._draw, self._most, self._first, self._wait_s, self._fps = draw, max_batch, first_batch, max_wait_s, fps
        self.limit = max_batch
        """Frames that a batch may have now; smaller than ``max_batch`` after a lack of memory."""
        self._fitted = 0
        self._seats: list[Seat[In, Out]] = []
        self._turn = 0
        self._errands: deque[tuple[float, Callable[[], None]]] = deque()
        self._changed = threading.Condition()
        self._rates: dict[int, float] = {}
        self._stopping = False
        self._device = object() if device is None else device
        with _joining:
            _batchers.add(self)
        self._thread = threading.Thread(target=self._run, name="joygen-device", daemon=True)
        self._thread.start()

    # what sessions call

    def join(self, live: bool, model: Hashable = None) -> Seat[In, Out]:
        """A seat. Raises ``device-busy`` when a further live session could not be drawn in time."""
        with _joining:
            beside = [b for b in _batchers if b._device == self._device and b.talking]
            rate = self.frames_per_second
            # alone, a session gets the whole device however slow it is: that is the operator's choice of machine
            if live and beside and rate and sum(b.need for b in beside) + self._fps / rate > HEADROOM:
                raise HuashengError("device-busy", limit=sum(b.talking for b in beside), rate=round(rate, 1))
            seat = Seat(self, live, model)
            with self._changed:
                self._seats.append(seat)
            return seat

    def put(self, seat: Seat[In, Out], item: In, urgent: bool) -> Ticket[Out]:
        """See ``Seat.ask``."""
        ticket: Ticket[Out] = Ticket()
        with self._changed:
            if self._stopping or seat not in self._seats:
                raise HuashengError("cancelled")
            seat.waiting.append(_Wish(item, ticket, time.monotonic(), urgent))
            self._changed.notify_all()
        return ticket

    def forget(self, seat: Seat[In, Out]) -> None:
        """See ``Seat.drop``."""
        with self._changed:
            seat.waiting.clear()

    def leave(self, seat: Seat[In, Out]) -> None:
        """See ``Seat.leave``."""
        with self._changed:
            seat.waiting.clear()
            if seat in self._seats:
                self._seats.remove(seat)

    def errand(self, work: Callable[[], Out], timeout_s: float) -> Out:
        """Do other work with the networks in this thread's stead, between batches, and wait for it."""
        ticket: Ticket[Out] = Ticket()

        def run() -> None:
            try:
                ticket.settle(work())
            except Exception as e:  # given to the one who waits
                ticket.settle(None, e)

        with self._changed:
            if self._stopping:
                raise HuashengError("cancelled")
            self._errands.append((time.monotonic(), run))
            self._changed.notify_all()
        return ticket.result(timeout_s)

    @property
    def talking(self) -> int:
        """Live sessions that have a seat."""
        with self._changed:
            return sum(s.live for s in self._seats)

    @property
    def need(self) -> float:
        """Part of the device's time that the live sessions take; 0 while the speed is not known."""
        rate = self.frames_per_second
        return self.talking * self._fps / rate if rate else 0.0

    @property
    def frames_per_second(self) -> float:
        """What the device has drawn at its best batch size of late; 0 before the first batch."""
        return max(self._rates.values(), default=0.0)

    def stop(self) -> None:
        """End the thread after the batch at work; whoever waits is told ``cancelled``."""
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
                    for wish in [w for s in self._seats for w in s.waiting]:
                        wish.ticket.settle(None, HuashengError("cancelled"))
                    return
            if isinstance(batch, list):
                self._serve(batch)
            else:
                batch()

    def _next(self) -> list[tuple[Seat[In, Out], _Wish[In, Out]]] | Callable[[], None]:
        """What to do next; waits for it (the lock is held but while waiting). Empty when stopping."""
        while not self._stopping:
            now = time.monotonic()
            heads = [s.waiting[0] for s in self._seats if s.waiting]
            if self._errands and (not heads or now - self._errands[0][0] > ERRAND_WAIT_S):
                return self._errands.popleft()[1]
            if not heads:
                self._changed.wait()
                continue
            due = min(w.since for w in heads) + self._wait_s - now
            urgent = any(w.urgent for w in heads)
            if urgent or due <= 0 or sum(len(s.waiting) for s in self._seats) >= self.limit:
                return self._gather(min(self._first, self.limit) if urgent else self.limit)
            self._changed.wait(due)
        return []

    def _gather(self, most: int) -> list[tuple[Seat[In, Out], _Wish[In, Out]]]:
        """One frame of each seat in turn: those that open a video first, then live ones; one model in a batch."""
        self._turn += 1
        shift = self._turn % len(self._seats)
        seats = [s for s in self._seats[shift:] + self._seats[:shift] if s.waiting]
        seats.sort(key=lambda s: (not s.waiting[0].urgent, not s.live))
        seats = [s for s in seats if s.model == seats[0].model]
        batch: list[tuple[Seat[In, Out], _Wish[In, Out]]] = []
        while len(batch) < most and any(s.waiting for s in seats):
            for seat in seats:
                if seat.waiting and len(batch) < most:
                    batch.append((seat, seat.waiting.popleft()))
        return batch

    def _serve(self, batch: list[tuple[Seat[In, Out], _Wish[In, Out]]]) -> None:
        while batch:
            part, batch = batch[: self.limit], batch[self.limit :]
            with self._changed:  # sessions that left since
                part = [(s, w) for s, w in part if s in self._seats]
            if not part:
                continue
            start = time.perf_counter()
            try:
                outs = self._draw(part[0][0].model, [w.item for _, w in part])
                if len(outs) != len(part):
                    raise ValueError(f"{len(outs)} results for {len(part)} frames")
            except Full as e:
                OUT_OF_MEMORY.inc()
                self._fitted = 0
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
                for one in part:  # one session's frame must not fail the others
                    self._serve([one])
            else:
                self._count(len(part), time.perf_counter() - start)
                for (_, wish), out in zip(part, outs, strict=True):
                    wish.ticket.settle(out)

    @staticmethod
    def _fail(one: tuple[Seat[In, Out], _Wish[In, Out]], error: Exception, cause: Exception) -> None:
        seat, wish = one
        if error is not cause:
            error.__cause__ = cause
        wish.ticket.settle(None, error)
        for later in seat.waiting:
            later.ticket.settle(None, error)
        seat.waiting.clear()

    def _count(self, frames: int, seconds: float) -> None:
        BATCH_FRAMES.observe(frames)
        rate = frames / max(seconds, 1e-6)
        self._rates[frames] = 0.8 * self._rates.get(frames, rate) + 0.2 * rate
        self._fitted += 1
        if self.limit < self._most and self._fitted >= GROW_AFTER:
            self.limit, self._fitted = min(self._most, self.limit * 2), 0
