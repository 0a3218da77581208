"""Trainings at work: one at a time, each in a child process that ends when its caller leaves or the service dies.

``trainings/<owner>/<training_id>/`` holds the checkpoints and ``progress.json``; with a bucket it lies in the cache
folder of this machine, so that a training goes on only where it began (elsewhere it starts anew).
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from services.common.errors import HuashengError
from services.common.storage import Storage
from services.render.avatars.prepare import Preparer, sha256_of
from services.render.avatars.store import AvatarRecord, AvatarStore, check_ids
from services.render.engines.base import RenderEngine
from services.render.train.job import PREVIEW, RESULT, Result, Told, options_text
from services.render.train.models import ModelRecord, ModelStore, weights_in

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")
MAX_STEPS = 100_000
STOP_S = 0.9
"""Time a child has to stop by itself."""
PREPARED = 0.15
"""Part of the whole that preparing the avatar is."""
LINE = 1 << 20

__all__ = ["Trainings", "cannot_train"]


def cannot_train(engine: RenderEngine) -> str:
    """Why an engine cannot be trained here, "" if it can. Does not import torch."""
    if not engine.trainer:
        return f"the {engine.name} engine has no training"
    if engine.trains_with_torch and importlib.util.find_spec("torch") is None:
        return "torch is not installed; run: make setup-train (in containers: docker-compose.train.yml)"
    return ""


class Trainings:
    """The trainings of one service."""

    def __init__(
        self, storage: Storage, avatars: AvatarStore, models: ModelStore, preparer: Preparer, cache: Path
    ) -> None:
        self.storage, self.avatars, self.models, self.preparer = storage, avatars, models, preparer
        self._base = Path(storage.path("trainings")) if storage.is_local else cache / "trainings"
        self._turn = asyncio.Lock()
        self._running: dict[tuple[str, str], asyncio.Event] = {}
        self._told: dict[tuple[str, str], Told] = {}

    def folder(self, owner: str, training_id: str) -> Path:
        """Where a training is kept. Raises ``bad-request`` for a name that could not be a folder's."""
        check_ids(owner, "x")
        if not _ID.fullmatch(training_id):
            what = f"training_id {training_id[:80]!r} must be letters, digits, - and _, at most 80"
            raise HuashengError("bad-request", what=what)
        return self._base / owner / training_id

    def state(self, owner: str, training_id: str) -> tuple[Told, bool]:
        """Last progress, and whether it runs. Raises ``unknown-id``."""
        folder, name = self.folder(owner, training_id), (owner, training_id)
        if name in self._told:
            return self._told[name], name in self._running
        try:
            return Told.of(json.loads((folder / "progress.json").read_text(encoding="utf-8"))), False
        except FileNotFoundError:
            raise HuashengError("unknown-id", kind="training", id=training_id) from None

    def cancel(self, owner: str, training_id: str) -> None:
        """Stop a training that runs; its checkpoint stays. Raises ``unknown-id``."""
        self.state(owner, training_id)
        if stop := self._running.get((owner, training_id)):
            stop.set()

    def forget(self, owner: str, training_id: str) -> None:
        """Delete the checkpoints of a training that does not run."""
        if (owner, training_id) not in self._running:
            self._told.pop((owner, training_id), None)
            shutil.rmtree(self.folder(owner, training_id), ignore_errors=True)
            self.storage.delete(f"trainings/{owner}/{training_id}")

    def stop(self) -> None:
        """The service stops: stop all."""
        for event in self._running.values():
            event.set()

    async def run(
        self, engine: RenderEngine, owner: str, training_id: str, video_uri: str, steps: int, device: str, name: str
    ) -> AsyncGenerator[Told | ModelRecord]:
        """Progress, then the model. Raises ``training-unavailable``, ``bad-request``, ``unknown-id``, ``cancelled``,
        ``training-stopped``, and what preparing an avatar and the trainer raise."""
        if why := cannot_train(engine):
            raise HuashengError("training-unavailable", why=why)
        steps = steps or engine.default_steps
        if not 1 <= steps <= MAX_STEPS:
            raise HuashengError("bad-request", what=f"steps must be 1 to {MAX_STEPS}")
        if not re.fullmatch(r"|cpu|cuda(:\d{1,2})?", device):
            raise HuashengError("unknown-id", kind="device", id=device)
        folder = self.folder(owner, training_id)
        key = self.storage.key(video_uri)
        if not self.storage.exists(key):
            raise HuashengError("unknown-id", kind="file", id=key.rsplit("/", 1)[-1])
        me, stop = (owner, training_id), asyncio.Event()
        if older := self._running.get(me):
            older.set()
        self._running[me] = stop
        try:
            yield self._keep(me, folder, Told("wait", steps=steps))
            await _first(self._turn.acquire(), stop)
            try:
                await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
                told = Told("check", steps=steps)
                with self.storage.local(key) as source, tempfile.TemporaryDirectory(prefix="huasheng-model-") as made:
                    yield self._keep(me, folder, told)
                    await asyncio.to_thread(_check, engine, source, steps, name or training_id)
                    avatar: AvatarRecord | None = None
                    async for item in self._avatar(engine, source, owner, training_id, name, stop):
                        if isinstance(item, AvatarRecord):
                            avatar = item
                        else:
                            told = replace(told, stage=item[0], fraction=PREPARED * item[1])
                            yield self._keep(me, folder, told)
                    assert avatar
                    command = [
                        str(source),
                        "--out",
                        made,
                        "--work",
                        str(folder),
                        "--steps",
                        str(steps),
                        "--lines",
                        "--name",
                        name or training_id,
                        "--device",
                        device or engine.device,
                        "--trainer",
                        engine.trainer,
                        "--options",
                        options_text(engine.options),
                        "--avatar",
                        str(self.avatars.folder(avatar) / "engine"),
                    ]
                    async with contextlib.aclosing(_child(command, stop)) as lines:
                        async for told in lines:
                            told = replace(told, fraction=PREPARED + (1 - PREPARED) * told.fraction)
                            yield self._keep(me, folder, await asyncio.to_thread(self._preview, me, folder, told))
                    record = await asyncio.to_thread(
                        self._publish, engine, owner, training_id, name, steps, avatar, Path(made)
                    )
                self._keep(me, folder, replace(told, stage="done", fraction=1.0))
                yield record
            finally:
                self._turn.release()
        finally:
            if self._running.get(me) is stop:
                del self._running[me]

    def _keep(self, me: tuple[str, str], folder: Path, told: Told) -> Told:
        self._told[me] = told
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / ".progress"
        part.write_text(told.to_json(), encoding="utf-8")
        part.replace(folder / "progress.json")
        return told

    def _preview(self, me: tuple[str, str], folder: Path, told: Told) -> Told:
        """The preview's file becomes its address in storage."""
        if not told.preview:
            return told
        key = f"trainings/{me[0]}/{me[1]}/{PREVIEW}"
        if not self.storage.is_local:
            self.storage.put(key, (folder / PREVIEW).read_bytes())
        return replace(told, preview=self.storage.uri(key))

    async def _avatar(
        self, engine: RenderEngine, source: Path, owner: str, training_id: str, name: str, stop: asyncio.Event
    ) -> AsyncIterator[tuple[str, float] | AvatarRecord]:
        """The owner's avatar of this very clip; prepared, with progress, where there is none."""
        digest = await asyncio.to_thread(sha256_of, source)
        for record in await asyncio.to_thread(self.avatars.list, owner):
            if (record.owner, record.source_sha256, record.engine) == (owner, digest, engine.name):
                yield await asyncio.to_thread(self.preparer.current, record, engine, stop.is_set)
                return
        slug = re.sub(r"[^a-z0-9]+", "-", training_id.lower()).strip("-")[:48]
        told: asyncio.Queue[tuple[str, float] | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def progress(stage: str, part: float) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(told.put_nowait, (stage, part))

        avatar_id = f"t-{slug}-{digest[:8]}" if slug else f"t-{digest[:12]}"
        gone = asyncio.Event()
        work = asyncio.create_task(
            asyncio.to_thread(
                self.preparer.prepare,
                engine,
                source,
                owner,
                avatar_id,
                name or training_id,
                progress,
                lambda: stop.is_set() or gone.is_set(),
            )
        )
        work.add_done_callback(lambda _: told.put_nowait(None))
        try:
            while (item := await told.get()) is not None:
                yield item
            yield work.result()
        finally:
            gone.set()
            with contextlib.suppress(HuashengError):
                await asyncio.shield(work)

    def _publish(
        self,
        engine: RenderEngine,
        owner: str,
        training_id: str,
        name: str,
        steps: int,
        avatar: AvatarRecord,
        made: Path,
    ) -> ModelRecord:
        record = ModelRecord(
            f"{training_id}_steps{steps}",
            owner,
            name or training_id,
            engine.name,
            avatar.avatar_id,
            training_id,
            steps,
            Result.load(made / RESULT),
            sha256_of(weights_in(made)),
            time.time(),
        )
        self.models.add(record, made)
        return record


def _check(engine: RenderEngine, source: Path, steps: int, name: str) -> None:
    """Refuse a clip before an avatar is made of it."""
    try:
        engine.check_training(source, steps)
    except HuashengError as e:
        if "name" in e.params:  # the file's name within storage says nothing to a person
            raise HuashengError(e.slug, **{**e.params, "name": name}) from e
        raise


async def _first(work: Any, stop: asyncio.Event) -> None:
    """Wait for ``work``. Raises ``cancelled`` when ``stop`` comes first."""
    task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise HuashengError("cancelled")
    finally:
        stopped.cancel()
        if not task.done():
            task.cancel()


async def _child(command: list[str], stop: asyncio.Event) -> AsyncGenerator[Told]:
    """Run the trainer; its progress. It stops when its standard input ends: on cancel here, or when we are gone."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.render.train",
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdin and process.stdout
    error: HuashengError | None = None
    try:
        while True:
            line = asyncio.ensure_future(process.stdout.readline())
            await _first(line, stop)
            if not (text := line.result()):
                break
            raw = json.loads(text)
            if "error" in raw:
                error = HuashengError(raw["error"], **raw["params"])
                continue
            yield Told.of(raw)
        code = await process.wait()
    finally:
        await asyncio.shield(_end(process))
    if error:
        raise error
    if code != 0:
        raise HuashengError("training-stopped", why=f"signal {-code}" if code < 0 else f"exit status {code}")


async def _end(process: asyncio.subprocess.Process) -> None:
    assert process.stdin
    process.stdin.close()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
