"""The GPT-SoVITS processes together: one request in each at a time, in the order of asking, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable

from prometheus_client import Counter

from services.tts.engines.gpt_sovits.failures import Failure
from services.tts.engines.gpt_sovits.process import Process, State
from services.tts.engines.gpt_sovits.request import Ask
from services.tts.engines.gpt_sovits.settings import Settings

log = logging.getLogger("huasheng.tts.sovits")

ATTEMPTS = Counter("huasheng_gpt_sovits_attempts_total", "Requests to GPT-SoVITS processes", ["outcome"])
CLOSE_S = 20.0


class Pool:
    """``submit`` and ``close`` from any thread; the rest happens in the pool's own loop."""

    def __init__(self, settings: Settings, warm: Callable[[], Ask | None]) -> None:
        self._s = settings
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._waiting: deque[Ask] = deque()
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
            return "It is stopped."
        if self._is_ready():
            return ""
        return " ".join(f"{p.url}: {p.problem}." for p in self.processes)

    def submit(self, ask: Ask) -> None:
        """Speech and its end, or the reason that there is none, come to ``ask.out``."""
        try:
            self._loop.call_soon_threadsafe(self._begin, ask)
        except RuntimeError:  # the loop is closed
            ask.out.put(Failure("the service is stopping", kind="gone").error())

    def abandon(self, ask: Ask) -> None:
        """Nobody wants the answer any more."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(ask.abandon)

    def close(self) -> None:
        """End requests and processes; returns when they are gone."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(CLOSE_S)

    # in the loop

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._live())
        finally:
            with self._looked:
                self._is_over = True
                self._looked.notify_all()
            self._loop.close()

    async def _live(self) -> None:
        keepers = [asyncio.create_task(p.keep()) for p in self.processes]
        await self._stopping.wait()
        for task in (*self._tasks, *keepers):
            task.cancel()
        await asyncio.gather(*self._tasks, *keepers, return_exceptions=True)
        # asynchronous generators of answers that were cut off
        await self._loop.shutdown_asyncgens()

    def _begin(self, ask: Ask) -> None:
        task = self._loop.create_task(self._serve(ask))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, ask: Ask) -> None:
        try:
            await self._attempts(ask)
        except Failure as e:
            ask.out.put(e.error())
        except asyncio.CancelledError:
            ask.out.put(Failure("the service is stopping", kind="gone").error())
            if not ask.is_abandoned:
                raise
        except Exception:
            log.exception("unexpected error")
            ask.out.put(Failure("an error of our own; see the log of the tts service").error())

    async def _attempts(self, ask: Ask) -> None:
        """Speak; and if that fails before anything was given out, once more, elsewhere if there is an elsewhere."""
        before: Failure | None = None
        has_failed = False
        end = self._loop.time() + self._s.wait_s + self._s.deadline_s
        while True:
            try:
                process = await self._free(ask)
            except Failure as e:
                raise before or e from None
            try:
                await process.run(ask)
                ATTEMPTS.labels("spoken").inc()
                return
            except Failure as e:
                ATTEMPTS.labels(e.kind).inc()
                # where nobody was at home nothing was attempted
                is_last = has_failed and e.kind != "gone"
                extra = {"url": process.url, "kind": e.kind, "again": e.again and not is_last}
                log.warning("an attempt to speak failed", extra=extra)
                log.debug("why: %s", e.why)
                if not e.again or is_last or ask.has_given or ask.is_abandoned or self._loop.time() > end:
                    raise
                ask.failed_at = process.url
                before, has_failed = e, has_failed or e.kind != "gone"
            finally:
                process.is_busy = False
                self._changed()

    async def _free(self, ask: Ask) -> Process:
        if ask.is_abandoned:
            raise Failure("nobody waits for it any more", kind="gone")
        ask.waiter = waiter = self._loop.create_future()
        self._waiting.append(ask)
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
                waiter.result().is_busy = False  # it came at the moment of the end
                self._changed()
            raise
        finally:
            if ask in self._waiting:
                self._waiting.remove(ask)
            ask.waiter = None

    def _changed(self) -> None:
        """Give free processes to those who wait; tell them when none will come."""
        with self._looked:
            self._looked.notify_all()
        while self._waiting:
            ask = self._waiting[0]
            free = [p for p in self.processes if p.is_free]
            if ask.waiter is None or ask.waiter.done():
                self._waiting.popleft()
            elif free:
                self._waiting.popleft()
                voice = ask.body["ref_audio_path"]
                # what a process knows of a voice need not be computed again
                process = min(free, key=lambda p: (p.url == ask.failed_at, p.last_voice != voice))
                process.is_busy, process.last_voice = True, voice
                ask.waiter.set_result(process)
            elif self._is_hopeless():
                self._waiting.popleft()
                ask.waiter.set_exception(Failure(self.problem(), kind="gone"))
            else:
                return

    def _is_ready(self) -> bool:
        return any(p.state is State.READY for p in self.processes)

    def _is_hopeless(self) -> bool:
        return not any(p.is_hopeful for p in self.processes)
