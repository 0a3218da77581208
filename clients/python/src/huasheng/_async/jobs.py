"""Jobs: list, watch, wait, cancel; and their videos while they are made."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Literal, TypeVar, overload

from pydantic import ValidationError

from huasheng._async._io import sleep
from huasheng._async.download import download
from huasheng._async.transport import AsyncTransport
from huasheng._files import OnBytes
from huasheng._protocol import Call, Deadline, at, backoff, given, is_silence, items, nothing
from huasheng._sse import Decoder
from huasheng.errors import (
    AnswerError,
    BusyError,
    ConnectionFailedError,
    HuashengError,
    JobCancelledError,
    JobFailedError,
    ServerError,
    not_understood,
)
from huasheng.events import Done, Event, Polling, Reconnecting, Snapshot, parse_event
from huasheng.jobs import Job, parse_job

R = TypeVar("R")
Kind = Literal["dialogue", "dubbing", "video", "avatar", "training"]
State = Literal["queued", "running", "succeeded", "failed", "cancelled", "active"]
OnEvent = Callable[[Event], object]
log = logging.getLogger("huasheng")
PAGE = 200
JOB_S = 3600.0
"""How long a job is watched or waited for unless told otherwise; a training may need more."""
SILENCE_S = 45.0
"""A stream that says nothing for so long is dead: the gateway's heartbeat comes every 15 s."""
OUTAGE_S = 120.0
"""How long the gateway may be away while a job is watched; the job survives its restart."""
DEAF = 2
"""Streams in a row without a single event, from a gateway that answers, until the job is polled instead."""
POLL_S = 2.0


def id_of(job: Job[Any] | str) -> str:
    """The id of a job, or the id."""
    return job if isinstance(job, str) else job.id


class AsyncJobs:
    """Pieces of work. A job goes on at the gateway whether or not anybody watches it."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(
        self,
        *,
        kind: Kind | None = None,
        state: State | Sequence[State] | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> list[Job[Any]]:
        """Jobs, newest first; state ``active`` is ``queued`` and ``running``."""
        query = given(kind=kind, state=state, limit=limit, before=before)
        return await self._transport.call(Call("GET", at("jobs"), items(parse_job), params=query))

    async def iterate(
        self, *, kind: Kind | None = None, state: State | Sequence[State] | None = None
    ) -> AsyncGenerator[Job[Any]]:
        """All jobs, newest first, a page at a time."""
        before = None
        while page := await self.list(kind=kind, state=state, limit=PAGE, before=before):
            for job in page:
                yield job
            before = page[-1].id

    @overload
    async def get(self, job: Job[R]) -> Job[R]: ...
    @overload
    async def get(self, job: str) -> Job[Any]: ...
    async def get(self, job: Job[Any] | str) -> Job[Any]:
        """The job as it is now. Raises ``NotFoundError``."""
        return await self._transport.call(Call("GET", at("jobs", id_of(job)), parse_job))

    @overload
    async def cancel(self, job: Job[R]) -> Job[R]: ...
    @overload
    async def cancel(self, job: str) -> Job[Any]: ...
    async def cancel(self, job: Job[Any] | str) -> Job[Any]:
        """Cancel a job; harmless when it is over. Raises ``NotFoundError``."""
        return await self._transport.call(Call("DELETE", at("jobs", id_of(job)), parse_job))

    async def forget(self, job: Job[Any] | str) -> None:
        """Remove a finished job and its files. Raises ``RefusedError`` ``in-use`` while it is not over."""
        await self._transport.call(Call("DELETE", at("jobs", id_of(job)), nothing, params={"forget": "true"}))

    async def watch(self, job: Job[Any] | str, *, timeout: float = JOB_S) -> AsyncGenerator[Event]:
        """What happens to a job, from a ``Snapshot`` of all so far to ``Done``.

        A stream that breaks off is asked for again (``Reconnecting`` says so) and begins with a ``Snapshot``, so that
        nothing is lost: the gateway needs no ``Last-Event-ID``. Where something in between does not let the stream
        through, the job is asked for every 2 s instead (``Polling`` says so). Leaving the loop early leaves the job
        alone. Raises ``NotFoundError``; ``ConnectionFailedError`` when the gateway is away for over 2 minutes;
        ``DeadlineError``.
        """
        job_id = id_of(job)
        deadline = Deadline(timeout, f"job {job_id}")
        kind, deaf, failures, last_seen = "", 0, 0, time.monotonic()
        while True:
            is_told, why = False, "the stream ended early"
            try:
                async with aclosing(self._events(job_id, deadline)) as events:
                    async for event in events:
                        is_told, kind, last_seen = True, event.kind, time.monotonic()
                        yield event
                        if isinstance(event, Done):
                            return
            except (ConnectionFailedError, BusyError, ServerError, AnswerError) as e:
                failure: HuashengError | None = e
                why = str(e)
            else:
                failure = None
            if is_told:
                deaf = failures = 0
            elif failure is None or isinstance(failure, AnswerError) or await self._is_there(job_id):
                # the gateway can be talked to, but its events do not come through; silence all along is proof enough
                deaf += DEAF if failure and is_silence(failure) else 1
                last_seen = time.monotonic()
            if failure and time.monotonic() - last_seen > OUTAGE_S:
                raise failure
            if deaf >= DEAF:
                break
            failures += 1
            wait = min(backoff(failures), deadline.left())
            log.warning("events of job %s broke off, next try in %.1f s", job_id, wait)
            yield Reconnecting(id=job_id, kind=kind, why=why, wait_s=wait)
            await sleep(wait)
        log.warning("events of job %s do not come through; asking every %.0f s instead", job_id, POLL_S)
        yield Polling(id=job_id, kind=kind, why=why)
        async with aclosing(self._poll(job_id, deadline)) as events:
            async for event in events:
                yield event

    async def _events(self, job_id: str, deadline: Deadline) -> AsyncGenerator[Event]:
        call = Call("GET", at("jobs", job_id, "events"), nothing, headers={"Accept": "text/event-stream"})
        decoder = Decoder()
        async with self._transport.stream(call, deadline, SILENCE_S) as response:
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                raise AnswerError("what came instead of events is no event stream; a proxy may have answered")
            async for piece in self._transport.pieces(response, "event stream", deadline):
                for name, data in decoder.feed(piece):
                    try:
                        yield parse_event(name, data)
                    except ValidationError as e:
                        raise not_understood(e) from None

    async def _is_there(self, job_id: str) -> bool:
        """Whether the gateway answers plain questions about the job. Raises ``NotFoundError``."""
        try:
            async with self._transport.stream(Call("GET", at("jobs", job_id), nothing), Deadline(SILENCE_S, "job")):
                return True
        except (ConnectionFailedError, BusyError, ServerError, TimeoutError):
            return False

    async def _poll(self, job_id: str, deadline: Deadline) -> AsyncGenerator[Event]:
        seen, last_seen, failures = None, time.monotonic(), 0
        while True:
            try:
                now = await self.get(job_id)
            except (ConnectionFailedError, BusyError, ServerError) as e:
                if time.monotonic() - last_seen > OUTAGE_S:
                    raise
                failures += 1
                wait = min(backoff(failures), deadline.left())
                yield Reconnecting(id=job_id, kind=seen.kind if seen else "", why=str(e), wait_s=wait)
            else:
                last_seen, failures = time.monotonic(), 0
                if now.is_over:
                    yield Done(id=now.id, kind=now.kind, job=now)
                    return
                if now != seen:
                    seen = now
                    yield Snapshot(id=now.id, kind=now.kind, job=now)
                wait = min(POLL_S, deadline.left())
            await sleep(wait)

    @overload
    async def wait(self, job: Job[R], *, timeout: float = JOB_S, on_event: OnEvent | None = None) -> Job[R]: ...
    @overload
    async def wait(self, job: str, *, timeout: float = JOB_S, on_event: OnEvent | None = None) -> Job[Any]: ...
    async def wait(self, job: Job[Any] | str, *, timeout: float = JOB_S, on_event: OnEvent | None = None) -> Job[Any]:
        """The job once it is over, however it went; ``on_event`` hears what ``watch`` tells, and it raises as that."""
        async with aclosing(self.watch(job, timeout=timeout)) as events:
            async for event in events:
                if on_event:
                    on_event(event)
                if isinstance(event, Done):
                    return event.job
        raise AssertionError("watch ends with Done or raises")

    async def result(self, job: Job[R], *, timeout: float = JOB_S, on_event: OnEvent | None = None) -> R:
        """Wait for a job and return what came of it.

        Raises ``JobFailedError`` and ``JobCancelledError``, and as ``watch`` does.
        """
        done = await self.wait(job, timeout=timeout, on_event=on_event)
        if done.state == "cancelled":
            raise JobCancelledError(done)
        if done.state != "succeeded" or done.result is None:
            raise JobFailedError(done)
        return done.result

    async def stream_video(self, job: Job[Any] | str, *, timeout: float = JOB_S) -> AsyncGenerator[bytes]:
        """The fragmented MP4 while it is made: feed it to a player. Waits while the job is queued.

        Raises ``ConnectionFailedError`` when it breaks off: the drawing may have started over, ask again and begin a
        new file. ``ProblemError`` with the job's own problem when it failed or was cancelled.
        """
        deadline = Deadline(timeout, f"video of job {id_of(job)}")
        call = Call("GET", at("jobs", id_of(job), "video"), nothing)
        has_begun = False
        while True:
            try:
                async with self._transport.stream(call, deadline) as response:
                    async for piece in self._transport.pieces(response, "video", deadline):
                        has_begun = True
                        yield piece
                return
            except ConnectionFailedError as e:
                if has_begun or not is_silence(e):
                    raise  # silence before the first byte: the job is still queued

    async def download_video(
        self, job: Job[Any] | str, path: str | Path, *, progress: OnBytes | None = None, timeout: float = JOB_S
    ) -> Path:
        """Save the video of a job that is at work or done; starts over by itself when the drawing does."""
        url = at("jobs", id_of(job), "video")
        return await download(self._transport, url, path, progress, timeout, may_wait=True)
