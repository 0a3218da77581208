"""A GPT-SoVITS process of our own: started as its manual says, watched, and ended with all that it started."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from services.common.child_process import ERROR, OutputLines, signal_group

log = logging.getLogger("huasheng.tts.sovits")

STOP_S = 5.0
"""How long it may take to end when asked; after that it is killed."""
_LAUNCH = (
    # asks the kernel to end the process when this service dies without a chance to do so itself
    "import ctypes,os,signal,sys;parent=int(sys.argv[1]);"
    "ctypes.CDLL(None).prctl(1,signal.SIGTERM) if sys.platform=='linux' else None;"
    "os.getppid()==parent or sys.exit(1);os.execvp(sys.argv[2],sys.argv[2:])"
)


class Child:
    """One process. ``exited`` is set when it has ended and been waited for."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.began = time.monotonic()
        self.exited = asyncio.Event()
        self._output = OutputLines(50)
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._wait())]

    @classmethod
    async def start(cls, python: str, checkout: Path, host: str, port: int, config: str) -> Child:
        """``python api_v2.py -a host -p port -c config`` in the checkout. Raises ``OSError``."""
        if not shutil.which(python, path=os.environ.get("PATH")):
            raise FileNotFoundError(errno.ENOENT, f"no such program: {python}")
        api = [python, "api_v2.py", "-a", host, "-p", str(port), "-c", config]
        process = await asyncio.create_subprocess_exec(
            # our own interpreter starts it, and is replaced by it
            sys.executable,
            "-c",
            _LAUNCH,
            str(os.getpid()),
            *api,
            cwd=checkout,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # so that what it starts (ffmpeg) can be ended with it
            env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"PYTHONUNBUFFERED": "1"},
        )
        log.info("started GPT-SoVITS", extra={"pid": process.pid, "port": port})
        return cls(process)

    @property
    def pid(self) -> int:
        """Its process id, which is also that of its group."""
        return self._process.pid

    def memory_mb(self) -> int:
        """Memory it holds at this moment; 0 when that is not known."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE") // 2**20
        return 0

    def last_error(self, whole: bool) -> str:
        """How it ended, and the last error it printed: all of that line, or only the error's type.

        Before the first request nothing that it prints can hold words of users; after that it may.
        """
        code = self._process.returncode
        how = "is running" if code is None else f"ended with status {code}" if code >= 0 else f"was killed ({-code})"
        if found := self._output.last_match(ERROR):
            return f"{how}: {found.string[:300] if whole else found[1]}"
        if whole and self._output.kept:
            return f"{how}: {self._output.kept[-1][:300]}"
        return how

    async def wait_exit(self, seconds: float) -> None:
        """Wait for its end, but not for longer than that."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.exited.wait()

    async def stop(self, at_once: bool = False) -> None:
        """End it and its group, by force if need be; returns when it is gone."""
        for sig in (signal.SIGKILL,) if at_once else (signal.SIGTERM, signal.SIGKILL):
            signal_group(self.pid, sig)
            await self.wait_exit(STOP_S)
            if self.exited.is_set():
                break
        # what it started may outlive it, and would hold its pipe open
        signal_group(self.pid, signal.SIGKILL)
        await asyncio.wait(self._tasks, timeout=STOP_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _wait(self) -> None:
        await self._process.wait()
        self.exited.set()

    async def _read(self) -> None:
        """Keep the last lines; all of them go to the log at debug level, since they hold words of users."""
        assert self._process.stdout
        while data := await self._process.stdout.read(8192):
            for line in self._output.feed(data):
                self._output.kept.append(line)
                log.debug("GPT-SoVITS: %s", line, extra={"pid": self.pid})
