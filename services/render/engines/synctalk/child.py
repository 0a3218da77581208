"""One run of a program of the checkout: its lines while it works, its end, and why it failed."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from services.common.child_process import OutputLines, signal_group
from services.common.errors import HuashengError
from services.render.engines.synctalk.watch import bar

log = logging.getLogger("huasheng.render.synctalk")

TICK_S = 0.1
"""``lines`` gives a sign at least this often, so that its caller can look whether it is still wanted."""
STOP_S = 5.0
"""The guard kills at once; one that has not ended after this long is stuck itself, and is killed."""
KEPT_LINES = 200
NAME = "synctalk"
_GUARD = Path(__file__).with_name("guard.py")
_ERROR = re.compile(r"^(?:[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit)(?::\s|$)|\[ERROR\]|sh: )")
_MEMORY = re.compile(r"CUDA out of memory|OutOfMemoryError|CUDNN_STATUS_ALLOC_FAILED|CUBLAS_STATUS_ALLOC_FAILED")


class Child:
    """Use as a context manager: leaving it ends the program and all that it started.

    ``what`` names the work for people. Standard output and error are one stream; its last lines are kept.
    """

    def __init__(
        self, command: Sequence[str], cwd: Path, env: Mapping[str, str], what: str, deadline_s: float, quiet_s: float
    ) -> None:
        self.what, self._deadline_s, self._quiet_s = what, deadline_s, quiet_s
        self._output = OutputLines(KEPT_LINES)
        self.kept = self._output.kept
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(_GUARD), *command],
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as e:
            raise HuashengError("program-failed", engine=NAME, what=what, why=str(e.strerror)) from e
        log.info("started", extra={"what": what, "pid": self._process.pid})

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Process id of the guard."""
        return self._process.pid

    def lines(self) -> Iterator[str]:
        """What it prints, line by line, and "" now and then; ends when it has ended.

        Raises ``program-hung`` when it takes longer than its deadline or is silent for too long.
        """
        out = self._process.stdout
        assert out
        began = heard = time.monotonic()
        with selectors.DefaultSelector() as ready:
            ready.register(out, selectors.EVENT_READ)
            while True:
                data = os.read(out.fileno(), 65536) if ready.select(TICK_S) else None
                now = time.monotonic()
                if data:
                    heard = now
                    yield from self._split(data)
                elif data is not None:  # the guard ends after all that could write
                    yield from self._split(b"\n")
                    self._process.wait()
                    return
                if now - began > self._deadline_s:
                    self._hung(f"it took longer than {self._deadline_s:g} s")
                if now - heard > self._quiet_s:
                    self._hung(f"it printed nothing for {self._quiet_s:g} s")
                yield ""

    def check(self) -> None:
        """After the last line. Raises ``program-memory`` or ``program-failed`` when it did not end well."""
        code = self._process.returncode
        if code == 0:
            return
        self._told()
        if any(_MEMORY.search(line) for line in self.kept):
            raise HuashengError("program-memory", engine=NAME, what=self.what)
        how = f"killed by signal {code - 128}" if code > 128 else f"exit status {code}"
        raise HuashengError("program-failed", engine=NAME, what=self.what, why=f"{how}{self.last_error()}")

    def useless(self, why: str) -> HuashengError:
        """The error of a program that ended as if all were well, without the result it is for."""
        self._told()
        if any(_MEMORY.search(line) for line in self.kept):  # a step of its own failed, which it does not look at
            return HuashengError("program-memory", engine=NAME, what=self.what)
        return HuashengError("program-no-result", engine=NAME, what=self.what, why=f"{why}{self.last_error()}")

    def last_error(self) -> str:
        """``: `` and the last line that looks like an error, "" when there is none."""
        found = self._output.last_match(_ERROR)
        return f": {found.string[:300]}" if found else ""

    def stop(self) -> None:
        """End it with all that it started; at once, and also when it has ended already. May be called twice."""
        process = self._process
        assert process.stdin and process.stdout
        with contextlib.suppress(OSError):
            process.stdin.close()  # the guard's sign to end
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            signal_group(process.pid, signal.SIGKILL)  # its program dies with it
            process.wait()
        process.stdout.close()

    def _hung(self, why: str) -> None:
        self._told()
        raise HuashengError("program-hung", engine=NAME, what=self.what, why=why)

    def _told(self) -> None:
        log.warning("%s failed; its last lines:\n%s", self.what, "\n".join(list(self.kept)[-20:]))

    def _split(self, data: bytes) -> Iterator[str]:
        for line in self._output.feed(data):
            # a bar that moves is one line; what another stream printed behind it stays
            if self.kept and bar(line) and bar(self.kept[-1]) and self.kept[-1].endswith("]"):
                self.kept.pop()
            self.kept.append(line)
            log.debug("%s: %s", self.what, line)
            yield line
