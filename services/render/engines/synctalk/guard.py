"""Runs one program and leaves nothing of it behind: started by path, on the standard library alone.

``python guard.py PROGRAM ARGUMENT…``. The program gets a session of its own. When it ends, or when the standard input
of this process does (its parent wants that, or has died), all that it started is killed and waited for: on Linux also
what left the program's group, since orphans come to this process (``PR_SET_CHILD_SUBREAPER``, prctl(2)). Ends with the
program's status, 128 + n after signal n.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

_SUBREAPER, _DEATH_SIGNAL = 36, 1


def main() -> int:
    """Command line."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc:
        libc.prctl(_SUBREAPER, 1)
    me = os.getpid()

    def with_me() -> None:
        if libc:
            libc.prctl(_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != me:
            os._exit(1)

    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=with_me)
    threading.Thread(target=_until_input_ends, args=(child.pid,), daemon=True).start()
    code = child.wait()
    _kill(child.pid)
    while left := _children():
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)
    return code if code >= 0 else 128 - code


def _until_input_ends(pid: int) -> None:
    while os.read(0, 64):
        pass
    _kill(pid)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _children() -> list[int]:
    found = []
    with contextlib.suppress(OSError):
        for task in Path("/proc/self/task").iterdir():
            found += [int(pid) for pid in (task / "children").read_text(encoding="ascii").split()]
    return found


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # the thread that watches the input holds its lock
