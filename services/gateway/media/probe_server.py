"""A process that looks at uploaded files, each in a child of its own with limits on memory and time.

It has loaded the libraries, so that a child starts in milliseconds. Requests and answers are lines of JSON on standard
input and output (``Prober`` is the other end); it ends with its input.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import selectors
import signal
from dataclasses import asdict
from pathlib import Path
from typing import Any

from services.common.errors import HuashengError
from services.gateway.media.probing import MediaFacts, ProbeLimits, probe

_REQUESTS, _ANSWERS = 0, 1
_NEAR = 0.5
"""Share of the allowed memory from which on a failure may be for want of it: decoders ask for large pieces."""


def _limit_memory(megabytes: int) -> None:
    """Let this process have so much more than it has now."""
    with contextlib.suppress(OSError, ValueError):
        most = (_kilobytes("VmData:") << 10) + (megabytes << 20)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _kilobytes(line: str) -> int:
    """A line of this process's memory; 0 on systems without them."""
    with contextlib.suppress(OSError):
        for found in Path("/proc/self/status").read_text().splitlines():
            if found.startswith(line):
                return int(found.split()[1])
    return 0


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The facts of a file, or the reason why it is refused."""
    name, before_kb = request["name"], _kilobytes("VmRSS:")
    try:
        path = Path(request["path"])
        facts = probe(path, name, ProbeLimits(**request["limits"]))
        if look := request.get("inspect"):
            _inspect(path, name, facts, look)
        return {"facts": asdict(facts)}
    except HuashengError as e:
        # libraries that run out of memory often call the file broken
        short = e.slug == "corrupt-media" and _kilobytes("VmHWM:") - before_kb > _NEAR * (request["memory_mb"] << 10)
        if not short and not _out_of_memory(e):
            return {"reason": e.slug, "params": e.params}
    except MemoryError:
        pass
    return _too_heavy(name)


def _inspect(path: Path, name: str, facts: MediaFacts, look: dict[str, Any]) -> None:
    # only here: few files are inspected, and the library for manifests is large
    from services.gateway.marks.certificates import Signers
    from services.gateway.media.inspecting import inspect

    inspect(path, name, facts, Signers(look["anchors"], frozenset(look["serials"])), Path(look["out"]))


def _too_heavy(name: str) -> dict[str, Any]:
    return {"reason": "media-too-heavy", "params": {"name": name}}


def _out_of_memory(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__
    return False


def _work(request: dict[str, Any]) -> None:
    """In the child: answer and end, whatever happens."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.alarm(max(1, round(request["seconds"])))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _limit_memory(request["memory_mb"])
    line = json.dumps({"id": request["id"], **answer(request)}) + "\n"
    os.write(_ANSWERS, line.encode())  # shorter than what a pipe takes at once


def _fork(request: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        _work(request)
        status = 0
    except BaseException as e:
        os.write(2, f"probe failed: {type(e).__name__}\n".encode())  # the text may hold what is in the file
    os._exit(status)


def _reap(children: dict[int, dict[str, Any]]) -> None:
    """Answer for children that could not."""
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        request = children.pop(pid, None)
        if request is not None and status:
            slow = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM
            died = {"id": request["id"], **_too_heavy(request["name"]), "slow": slow}
            os.write(_ANSWERS, (json.dumps(died) + "\n").encode())


def main() -> None:
    """Serve until the input ends."""
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _signal, _frame: None)
    children: dict[int, dict[str, Any]] = {}
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(_REQUESTS, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fd == woken:
                    os.read(woken, 4096)
                    _reap(children)
                    continue
                data = os.read(_REQUESTS, 65536)
                if not data:
                    for pid in children:
                        os.kill(pid, signal.SIGKILL)
                    return
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    request = json.loads(line)
                    children[_fork(request)] = request


if __name__ == "__main__":
    main()
