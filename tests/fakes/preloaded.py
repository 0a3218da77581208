"""The gateway started from a process that has imported it already: its imports are most of what a start costs.

Run as a program with the path of a socket, this is that process. Each connection asks for one gateway: a line of JSON
with its environment, its folder and its log. The answers are its process id and, when it has ended, its exit status.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_path: Path | None = None


class Forked:
    """A started gateway, with what its test needs of ``asyncio.subprocess.Process``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pid: int) -> None:
        self.pid, self.returncode = pid, None
        self._writer = writer
        self._ending = asyncio.create_task(self._end(reader))

    async def _end(self, reader: asyncio.StreamReader) -> None:
        self.returncode: int | None = int(await reader.readline() or -signal.SIGKILL)
        self._writer.close()

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        await asyncio.shield(self._ending)
        assert self.returncode is not None
        return self.returncode


async def start(environment: dict[str, str], log: Path) -> Forked:
    """``python -m services.gateway`` with this environment; its output is added to ``log``."""
    reader, writer = await asyncio.open_unix_connection(await asyncio.to_thread(_started))
    writer.write(json.dumps({"environment": environment, "log": str(log)}).encode() + b"\n")
    return Forked(reader, writer, int(await reader.readline()))


def _started() -> Path:
    """The socket of this test process's own preloaded process, which is started by the first call."""
    global _path
    if _path is None:
        place = Path(tempfile.mkdtemp(prefix="huasheng-gateway-")) / "socket"
        env = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'protos' / 'gen'}"}
        # it detaches itself, so that tests which look for left-over child processes do not find it
        subprocess.run(
            [sys.executable, "-m", "tests.fakes.preloaded", place, str(os.getpid())], cwd=ROOT, env=env, check=True
        )
        _path = place
    return _path


class _Forks:
    """The preloaded process: forks one child for each connection and reports its end."""

    def __init__(self, listener: socket.socket, parent: int) -> None:
        self._listener, self._parent = listener, parent
        self._selector = selectors.DefaultSelector()
        self._wake, wake = socket.socketpair()
        self._children: dict[int, socket.socket] = {}
        wake.setblocking(False)
        signal.set_wakeup_fd(wake.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._waking = wake
        for sock in (listener, self._wake):
            self._selector.register(sock, selectors.EVENT_READ)

    def wait(self) -> dict[str, Any]:
        """Returns in each child what it shall be. In the parent it ends by ``SystemExit`` after its test process."""
        while True:
            for key, _ in self._selector.select(timeout=1):
                if key.fileobj is self._wake:
                    self._wake.recv(100)
                elif (wanted := self._fork()) is not None:
                    return wanted
            self._reap()
            if not _is_alive(self._parent):
                for pid in self._children:
                    os.kill(pid, signal.SIGKILL)
                raise SystemExit

    def _fork(self) -> dict[str, Any] | None:
        connection, _ = self._listener.accept()
        with connection.makefile("rb") as lines:
            wanted: dict[str, Any] = json.loads(lines.readline())
        if pid := os.fork():
            self._children[pid] = connection
            connection.sendall(b"%d\n" % pid)
            return None
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for sock in (connection, self._listener, self._wake, self._waking, *self._children.values()):
            sock.close()
        self._selector.close()
        return wanted

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            connection = self._children.pop(pid)
            with connection, contextlib.suppress(OSError):  # the test may have left
                connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def _is_alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def main() -> None:
    path, parent = Path(sys.argv[1]), int(sys.argv[2])
    from services.gateway import __main__ as gateway

    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    if os.fork():  # the caller goes on; the child is no child of its any more
        os._exit(0)
    os.setsid()
    try:
        wanted = _Forks(listener, parent).wait()
    except SystemExit:
        path.unlink()
        path.parent.rmdir()
        raise
    os.environ.clear()
    os.environ.update(wanted["environment"])
    log = os.open(wanted["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for fd in (1, 2):
        os.dup2(log, fd)
    os.close(log)
    gateway.main()


if __name__ == "__main__":
    main()
