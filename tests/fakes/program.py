"""Programs that are killed, stopped and started again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from tools.system import ROOT, die_with_parent

STOP_S = 20.0


class Program:
    """``python -m MODULE ARGUMENTS``; its output is added to a file."""

    def __init__(self, name: str, log: Path, environment: Callable[[], dict[str, str]], *command: str) -> None:
        self.name, self.log, self._environment, self._command = name, log, environment, command
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        env = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'protos' / 'gen'}", "PYTHONUNBUFFERED": "1"}
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self._command],
                cwd=ROOT,
                env=env | self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def send(self, number: int) -> None:
        assert self.process
        self.process.send_signal(number)

    async def kill(self) -> None:
        """As a crash would."""
        assert self.process
        self.process.kill()
        await asyncio.to_thread(self.process.wait)

    async def stop(self) -> None:
        """As an operator would."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                await asyncio.to_thread(self.process.wait, STOP_S)
            except subprocess.TimeoutExpired:
                await self.kill()

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def cpu_s(self) -> float:
        """Processor time of the program and its children so far."""
        assert self.process
        own = psutil.Process(self.process.pid)
        return sum(sum(p.cpu_times()[:2]) for p in [own, *own.children(recursive=True)])

    def rss_mb(self) -> float:
        assert self.process
        return psutil.Process(self.process.pid).memory_info().rss / 2**20

    def tail(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
