"""Files from the gateway: resumed where they broke off, there whole or not at all."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

from huasheng._async._io import blocking, sleep
from huasheng._async.transport import AsyncTransport
from huasheng._files import OnBytes, PartFile
from huasheng._protocol import TRIES, Call, Deadline, is_passing, is_silence, nothing, wanted_pause
from huasheng.errors import HuashengError

log = logging.getLogger("huasheng")
DOWNLOAD_S = 3600.0


async def download(
    transport: AsyncTransport,
    url: str,
    path: str | Path,
    progress: OnBytes | None = None,
    timeout: float = DOWNLOAD_S,
    may_wait: bool = False,
) -> Path:
    """Save what ``url`` leads to under ``path``; see ``download`` of the client.

    ``may_wait``: silence is no failure, the file is still in the making; only the deadline ends that.
    """
    what = f"download of {Path(path).name}"
    deadline = Deadline(timeout, what)
    failures, best = 0, 0
    with PartFile(Path(path), progress) as part:
        while True:
            try:
                call = Call("GET", url, nothing, headers=part.headers())
                async with transport.stream(call, deadline) as response:
                    part.begin(response)
                    async for piece in transport.pieces(response, what, deadline):
                        await blocking(partial(part.write, piece))
                await blocking(part.finish)
                return part.path
            except HuashengError as e:
                if not is_passing(e):
                    raise
                # getting further than before is worth another round; breaking off at the same place, only a few
                if not (may_wait and is_silence(e)):
                    failures = 1 if part.size > best else failures + 1
                best = max(best, part.size)
                if failures >= TRIES:
                    raise
                wait = min(wanted_pause(e, failures), deadline.left())
                log.warning("%s: broke off after %d bytes (%s), goes on in %.1f s", what, part.size, e, wait)
            await sleep(wait)
