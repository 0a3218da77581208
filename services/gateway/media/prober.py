"""Has uploaded files looked at by ``probe_server``, a few at once.

Most files need little memory. One that fails with little is tried again with more, alone: whether a library had too
little cannot be told from what it says, and many large files at once must not fill the memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import sys
from pathlib import Path
from typing import Any

from services.common.errors import HuashengError
from services.gateway.marks.certificates import Signers
from services.gateway.media import inspecting
from services.gateway.media.inspecting import Inspection
from services.gateway.media.probing import MediaFacts, ProbeLimits
from services.gateway.settings import GatewaySettings

_LITTLE_MB = 64
"""Enough for sound, for films in HD and for pictures of 12 megapixels."""
_MAYBE_MEMORY = ("media-too-heavy", "corrupt-media")
_PATIENCE_S = 10.0
"""Beyond a file's own time, for a child that cannot even be stopped."""


class Prober:
    """The process and the files that it is asked about. It starts with the first file, and again if it should die."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._limits = ProbeLimits(settings.max_audio_s, settings.max_video_s, settings.max_side_px)
        self._free = asyncio.Semaphore(settings.probes)
        self._alone = asyncio.Semaphore(1)
        self._starting = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._ids = itertools.count()

    async def probe(self, path: Path, name: str) -> MediaFacts:
        """What the file is. Raises what ``probing.probe`` raises."""
        return await self._looked_at(path, name, None)

    async def inspect(self, path: Path, name: str, signers: Signers) -> tuple[MediaFacts, Inspection]:
        """What the file is, and what it shows of its origin. Raises what ``probing.probe`` raises."""
        out = path.with_name(path.name + ".npz")
        look = {"anchors": signers.anchors, "serials": sorted(signers.serials), "out": str(out)}
        try:
            facts = await self._looked_at(path, name, look)
            return facts, await asyncio.to_thread(inspecting.load, out)
        finally:
            out.unlink(missing_ok=True)

    async def _looked_at(self, path: Path, name: str, look: dict[str, Any] | None) -> MediaFacts:
        little = min(_LITTLE_MB, self._settings.probe_memory_mb)
        async with self._free:
            answer = await self._ask(path, name, little, look)
        if answer.get("reason") in _MAYBE_MEMORY and not answer.get("slow"):
            async with self._alone:
                answer = await self._ask(path, name, self._settings.probe_memory_mb, look)
        if "facts" in answer:
            return MediaFacts(**answer["facts"])
        raise HuashengError(answer["reason"], **answer["params"])

    async def _ask(self, path: Path, name: str, memory_mb: int, look: dict[str, Any] | None) -> dict[str, Any]:
        process = await self._started()
        number = next(self._ids)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        request = {
            "id": number,
            "path": str(path),
            "name": name,
            "limits": vars(self._limits),
            "memory_mb": memory_mb,
            "seconds": self._settings.probe_s,
            "inspect": look,
        }
        try:
            assert process.stdin
            with contextlib.suppress(ConnectionError):  # it has died: the reader says so
                process.stdin.write((json.dumps(request) + "\n").encode())
                await process.stdin.drain()
            async with asyncio.timeout(self._settings.probe_s + _PATIENCE_S):
                answer: dict[str, Any] = await future
                return answer
        except TimeoutError:
            self._kill()
            raise HuashengError("media-too-heavy", name=name) from None
        finally:
            self._waiting.pop(number, None)

    async def _started(self) -> asyncio.subprocess.Process:
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "services.gateway.media.probe_server",
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
                )
                self._reader = asyncio.create_task(self._read(self._process))
            return self._process

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout
        async for line in process.stdout:
            answer = json.loads(line)
            future = self._waiting.get(answer["id"])
            if future and not future.done():
                future.set_result(answer)
        await process.wait()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(HuashengError("internal", service="gateway"))

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process and process.returncode is None:
            process.kill()

    async def close(self) -> None:
        """End the process."""
        self._kill()
        if self._reader:
            await self._reader
