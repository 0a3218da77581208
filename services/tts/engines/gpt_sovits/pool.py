"""The GPT-SoVITS processes together: one request in each at a time, first come, first served."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable

from prometheus_client import Counter

from services.tts.engines.gpt_sovits.failures import Failure, Why
from services.tts.engines.gpt_sovits.process import Process, State
from services.tts.engines.gpt_sovits.request import PendingRequest
from services.tts.engines.gpt_sovits.settings import Settings

log = logging.getLogger("huasheng.tts.sovits")

ATTEMPTS = Counter("huasheng_gpt_sovits_attempts_total", "Requests to GPT-SoVITS processes", ["outcome"])
CLOSE_S = 20.0


class Pool:
    """``submit`` and ``close`` from any thread; the rest happens in the pool's own loop."""

    def __init__(self, settings: Settings, warm: Callable[[], PendingRequest | None]) -> None:
        self._s = settings
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._waiting: deque[PendingRequest] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._looked = threading.Condition()
        self._is_over = False
        self.processes = [Process(u, settings, self._changed, warm) for u in settings.addresses()]
        self._thread = threading.Thread(target=self._work, name="gpt-sovits", daemon=True)

    def start(self) -> None:
        """Begin to bring the processes up."""
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait until a process is ready. False when that is not so after that long, or when none is starting."""

        def is_over() -> bool:
            starting = any(p.state is State.STARTING for p in self.processes)
            return self._is_ready() or not starting or self._is_over

        with self._looked:
            self._looked.wait_for(is_over, seconds)
        return self._is_ready()

    def problem(self) -> str:
        """Why nothing can be spoken now; empty when it can."""
        if self._is_over or not self._thread.is_alive():
            return Why.of("sovits-stopped")
        if self._is_ready():
            return ""
        problems = [(p.url, p.problem) for p in self.processes]
        in_chinese = (f"{url}：{why.zh if isinstance(why, Why) else why}" for url, why in problems)
        return Why(" ".join(f"{url}: {why}." for url, why in problems), "；".join(in_chinese))

    def submit(self, pending: PendingRequest) -> None:
        """Speech and its end, or the reason that there is none, come to ``pending.out``."""
        try:
            self._loop.call_soon_threadsafe(self._begin, pending)
        except RuntimeError:  # the loop is closed
            pending.out.put(Failure("the service is stopping", kind="gone").error())

    def abandon(self, pending: PendingRequest) -> None:
        """The answer is not wanted any more."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(pending.abandon)

    def close(self) -> None:
        """End requests and processes; returns when they are gone."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(CLOSE_S)

    # in the loop

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._run())
        finally:
            with self._looked:
                self._is_over = True
                self._looked.notify_all()
            self._loop.close()

    async def _run(self) -> None:
        supervisors = [asyncio.create_task(p.supervise()) for p in self.processes]
        await self._stopping.wait()
        for task in (*self._tasks, *supervisors):
            task.cancel()
        await asyncio.gather(*self._tasks, *supervisors, return_exceptions=True)
        # asynchronous generators of answers that were cut off
        await self._loop.shutdown_asyncgens()

    def _begin(self, pending: PendingRequest) -> None:
        task = self._loop.create_task(self._serve(pending))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, pending: PendingRequest) -> None:
        try:
            await self._attempts(pending)
        except Failure as e:
            pending.out.put(e.error())
        except asyncio.CancelledError:
            pending.out.put(Failure("the service is stopping", kind="gone").error())
            if not pending.is_abandoned:
                raise
        except Exception:
            log.exception("unexpected error")
            pending.out.put(Failure("an error of our own; see the log of the tts service").error())

    async def _attempts(self, pending: PendingRequest) -> None:
        """Speak. If that fails before any sound was given out, try once more, in another process if there is one."""
        before: Failure | None = None
        has_failed = False
        end = self._loop.time() + self._s.wait_s + self._s.deadline_s
        while True:
            try:
                process = await self._free_process(pending)
            except Failure as e:
                raise before or e from None
            try:
                await process.run(pending)
                ATTEMPTS.labels("spoken").inc()
                return
            except Failure as e:
                ATTEMPTS.labels(e.kind).inc()
                # where nothing answered, nothing was attempted
                is_last = has_failed and e.kind != "gone"
                extra = {"url": process.url, "kind": e.kind, "again": e.is_retryable and not is_last}
                log.warning("an attempt to speak failed", extra=extra)
                log.debug("why: %s", e.why)
                if (
                    not e.is_retryable
                    or is_last
                    or pending.has_given
                    or pending.is_abandoned
                    or self._loop.time() > end
                ):
                    raise
                pending.failed_at = process.url
                before, has_failed = e, has_failed or e.kind != "gone"
            finally:
                process.is_busy = False
                self._changed()

    async def _free_process(self, pending: PendingRequest) -> Process:
        if pending.is_abandoned:
            raise Failure("nobody waits for it any more", kind="gone")
        pending.waiter = waiter = self._loop.create_future()
        self._waiting.append(pending)
        self._changed()
        try:
            async with asyncio.timeout(self._s.wait_s):
                process: Process = await waiter
                return process
        except TimeoutError as e:
            problem = self.problem() or "all processes are busy"
            raise Failure(f"no process within {self._s.wait_s:g} s ({problem})", kind="gone") from e
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and not waiter.exception():
                waiter.result().is_busy = False  # the process came at the moment of the cancellation
                self._changed()
            raise
        finally:
            if pending in self._waiting:
                self._waiting.remove(pending)
            pending.waiter = None

    def _changed(self) -> None:
        """Give free processes to waiting requests; fail the requests when none will come."""
        with self._looked:
            self._looked.notify_all()
        while self._waiting:
            pending = self._waiting[0]
            free = [p for p in self.processes if p.is_free]
            if pending.waiter is None or pending.waiter.done():
                self._waiting.popleft()
            elif free:
                self._waiting.popleft()
                voice = pending.body["ref_audio_path"]
                # a process keeps what it computed of a voice
                process = min(free, key=lambda p: (p.url == pending.failed_at, p.last_voice != voice))
                process.is_busy, process.last_voice = True, voice
                pending.waiter.set_result(process)
            elif self._none_may_recover():
                self._waiting.popleft()
                pending.waiter.set_exception(Failure(self.problem(), kind="gone"))
            else:
                return

    def _is_ready(self) -> bool:
        return any(p.state is State.READY for p in self.processes)

    def _none_may_recover(self) -> bool:
        return not any(p.may_recover for p in self.processes)
