"""The trainer's process, seen from the service: started, read line by line, and ended."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Awaitable
from typing import Any

from services.common.errors import HuashengError
from services.render.train.job import TrainingProgress

STOP_S = 0.9
"""Time a child has to stop by itself."""
LINE = 1 << 20
"""Longest line, in bytes."""


async def run_child(arguments: list[str], stop: asyncio.Event) -> AsyncGenerator[TrainingProgress]:
    """Run ``python -m services.render.train`` and give its progress.

    It stops when its standard input ends: on ``stop``, or when this process is gone. Raises ``cancelled``,
    ``training-stopped`` and what the trainer raises.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.render.train",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdin and process.stdout
    error: HuashengError | None = None
    try:
        while text := await unless_stopped(process.stdout.readline(), stop):
            raw = json.loads(text)
            if "error" in raw:
                error = HuashengError(raw["error"], **raw["params"])
                continue
            yield TrainingProgress.from_json(raw)
        code = await process.wait()
    finally:
        await asyncio.shield(_end(process))
    if error:
        raise error
    if code != 0:
        raise HuashengError("training-stopped", why=f"signal {-code}" if code < 0 else f"exit status {code}")


async def unless_stopped(work: Awaitable[Any], stop: asyncio.Event) -> Any:
    """The result of ``work``. Raises ``cancelled`` when ``stop`` comes first."""
    task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise HuashengError("cancelled")
        return task.result()
    finally:
        stopped.cancel()
        if not task.done():
            task.cancel()


async def _end(process: asyncio.subprocess.Process) -> None:
    assert process.stdin
    process.stdin.close()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
