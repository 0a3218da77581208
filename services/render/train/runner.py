"""Trainings at work: one at a time, each in a child process that ends when its caller leaves or the service dies.

``trainings/<owner>/<training_id>/`` holds the checkpoints and ``progress.json``; see ``kept`` for a bucket.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import logging
import re
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from services.common.digest import sha256_of_file
from services.common.errors import HuashengError
from services.common.storage import Storage
from services.render.avatars.prepare import Preparer
from services.render.avatars.store import AvatarRecord, AvatarStore, check_ids
from services.render.engines.base import RenderEngine
from services.render.media.mark import MarkOptions
from services.render.train.child import run_child, unless_stopped
from services.render.train.job import PREVIEW, RESULT, TrainingProgress, TrainingResult
from services.render.train.kept import PROGRESS, KeptWork
from services.render.train.models import ModelRecord, ModelStore

log = logging.getLogger("huasheng.render")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")
MAX_STEPS = 100_000
PREPARED = 0.15
"""Part of the whole that preparing the avatar is."""

__all__ = ["Trainings", "cannot_train"]


def cannot_train(engine: RenderEngine) -> HuashengError | None:
    """Why an engine cannot be trained here (``training-unavailable``), None if it can. Does not import torch."""
    if not engine.trainer:
        return HuashengError("training-unavailable", cause="no-training", engine=engine.name)
    if engine.trains_with_torch and importlib.util.find_spec("torch") is None:
        return HuashengError("training-unavailable", cause="torch-missing", engine=engine.name)
    return None


@dataclass(frozen=True)
class _Request:
    """One training as a caller wants it, with the video on this machine."""

    engine: RenderEngine
    owner: str
    training_id: str
    name: str
    source: Path
    steps: int
    device: str
    mark: MarkOptions | None

    def arguments(self, made: Path, work: Path, avatar: Path) -> list[str]:
        """Command line of the trainer; it reads its settings from the environment, as the service does."""
        options = {
            "--out": made,
            "--work": work,
            "--steps": self.steps,
            "--name": self.name,
            "--device": self.device or self.engine.device,
            "--trainer": self.engine.trainer,
            "--avatar": avatar,
            "--mark": json.dumps(asdict(self.mark)) if self.mark else "",
        }
        # one word each: the value of an option of its own would be taken for an option when it begins with a hyphen
        return [str(self.source), "--lines", *(f"{name}={value}" for name, value in options.items())]


class Trainings:
    """The trainings of one service."""

    def __init__(
        self,
        storage: Storage,
        avatars: AvatarStore,
        models: ModelStore,
        preparer: Preparer,
        max_waiting: int,
    ) -> None:
        self.storage, self.avatars, self.models, self.preparer = storage, avatars, models, preparer
        self._max_waiting = max_waiting
        self._base = Path(storage.path("trainings")) if storage.is_local else storage.scratch / "trainings"
        self._turn = asyncio.Lock()
        self._running: dict[tuple[str, str], asyncio.Event] = {}
        self._progress: dict[tuple[str, str], TrainingProgress] = {}

    @property
    def count(self) -> int:
        """Trainings that run or wait."""
        return len(self._running)

    def folder(self, owner: str, training_id: str) -> Path:
        """Where a training is kept. Raises ``bad-request`` for a name that could not be a folder's."""
        check_ids(owner, "x")
        if not _ID.fullmatch(training_id):
            what = f"training_id {training_id[:80]!r} must be letters, digits, - and _, at most 80"
            raise HuashengError("bad-request", what=what)
        return self._base / owner / training_id

    def state(self, owner: str, training_id: str) -> tuple[TrainingProgress, bool]:
        """Last progress, and whether it runs. Raises ``unknown-id``."""
        self.folder(owner, training_id)  # the name is checked here
        name = (owner, training_id)
        if name in self._progress:
            return self._progress[name], name in self._running
        try:
            return TrainingProgress.from_json(json.loads(self.storage.read(f"{_place(name)}/{PROGRESS}"))), False
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
            self._progress.pop((owner, training_id), None)
            self.folder(owner, training_id)  # the name is checked here
            self.storage.delete(_place((owner, training_id)))

    def forget_owner(self, owner: str) -> None:
        """Stop and delete all trainings of an owner."""
        for (whose, _), event in list(self._running.items()):
            if whose == owner:
                event.set()
        for key in [k for k in self._progress if k[0] == owner]:
            self._progress.pop(key, None)
        self.storage.delete(f"trainings/{owner}")

    def stop(self) -> None:
        """The service stops: stop all."""
        for event in self._running.values():
            event.set()

    async def run(
        self,
        engine: RenderEngine,
        owner: str,
        training_id: str,
        video_uri: str,
        *,
        steps: int,
        device: str,
        name: str,
        mark: MarkOptions | None = None,
    ) -> AsyncGenerator[TrainingProgress | ModelRecord]:
        """Progress, then the model. Raises ``training-unavailable``, ``bad-request``, ``unknown-id``, ``busy``,
        ``cancelled``, ``training-stopped``, and what preparing an avatar and the trainer raise."""
        if refused := cannot_train(engine):
            raise refused
        steps = steps or engine.default_steps
        if not 1 <= steps <= MAX_STEPS:
            raise HuashengError("bad-request", what=f"steps must be 1 to {MAX_STEPS}")
        if not re.fullmatch(r"|cpu|cuda(:\d{1,2})?", device):
            raise HuashengError("unknown-id", kind="device", id=device)
        self.folder(owner, training_id)  # the name is checked here
        key = self.storage.key(video_uri)
        if not self.storage.exists(key):
            raise HuashengError("unknown-id", kind="file", id=key.rsplit("/", 1)[-1])
        me, stop = (owner, training_id), asyncio.Event()
        if me not in self._running and len(self._running) > self._max_waiting:  # one of them is at work
            raise HuashengError("busy", service="render", limit=self._max_waiting)
        if older := self._running.get(me):
            older.set()
        self._running[me] = stop
        try:
            yield self._keep(me, TrainingProgress("wait", steps=steps))
            await unless_stopped(self._turn.acquire(), stop)
            try:
                with self.storage.local(key) as source:
                    request = _Request(engine, owner, training_id, name or training_id, source, steps, device, mark)
                    async with contextlib.aclosing(self._run(request, stop)) as items:
                        async for item in items:
                            yield item
            finally:
                self._turn.release()
        finally:
            if self._running.get(me) is stop:
                del self._running[me]

    async def _run(self, request: _Request, stop: asyncio.Event) -> AsyncGenerator[TrainingProgress | ModelRecord]:
        """One training whose turn it is: check, prepare an avatar, train in a child process, publish."""
        me, engine = (request.owner, request.training_id), request.engine
        kept = KeptWork(self.storage, _place(me), self.folder(*me))
        await asyncio.to_thread(kept.restore)
        progress = TrainingProgress("check", steps=request.steps)
        with tempfile.TemporaryDirectory(prefix="huasheng-model-") as made:
            yield self._keep(me, progress)
            await asyncio.to_thread(_check, engine, request.source, request.steps, request.name)
            avatar: AvatarRecord | None = None
            async for item in self._avatar(request, stop):
                if isinstance(item, AvatarRecord):
                    avatar = item
                else:
                    progress = replace(progress, stage=item[0], fraction=PREPARED * item[1])
                    yield self._keep(me, progress)
            assert avatar
            try:
                async with contextlib.aclosing(self._train(request, avatar, Path(made), stop, kept)) as reports:
                    async for progress in reports:
                        yield self._keep(me, progress)
                record = await asyncio.to_thread(self._publish, request, avatar, Path(made))
                self._keep(me, replace(progress, stage="done", fraction=1.0))
            finally:
                await asyncio.shield(asyncio.to_thread(_end, kept))
        yield record

    async def _train(
        self, request: _Request, avatar: AvatarRecord, made: Path, stop: asyncio.Event, kept: KeptWork
    ) -> AsyncGenerator[TrainingProgress]:
        """The child's progress, while its checkpoints are saved."""
        me = (request.owner, request.training_id)
        with contextlib.ExitStack() as held:
            files = await asyncio.to_thread(held.enter_context, self.avatars.engine_files(avatar))
            arguments = request.arguments(made, self.folder(*me), files)
            async with contextlib.aclosing(run_child(arguments, stop)) as reports:
                async for progress in reports:
                    progress = replace(progress, fraction=PREPARED + (1 - PREPARED) * progress.fraction)
                    yield await asyncio.to_thread(self._with_preview, me, progress, kept)
                    await asyncio.to_thread(kept.save_now_and_then)

    def _keep(self, me: tuple[str, str], progress: TrainingProgress) -> TrainingProgress:
        self._progress[me] = progress
        folder = self.folder(*me)
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / ".progress"
        part.write_text(progress.to_json(), encoding="utf-8")
        part.replace(folder / PROGRESS)
        return progress

    def _with_preview(self, me: tuple[str, str], progress: TrainingProgress, kept: KeptWork) -> TrainingProgress:
        """The preview's file becomes its address in storage."""
        if not progress.preview:
            return progress
        kept.save_one(PREVIEW)
        return replace(progress, preview=self.storage.uri(f"{_place(me)}/{PREVIEW}"))

    async def _avatar(self, request: _Request, stop: asyncio.Event) -> AsyncIterator[tuple[str, float] | AvatarRecord]:
        """The owner's avatar of this very clip; prepared, with progress, where there is none."""
        engine, owner = request.engine, request.owner
        digest = await asyncio.to_thread(sha256_of_file, request.source)
        for record in await asyncio.to_thread(self.avatars.list, owner):
            if (record.owner, record.source_sha256, record.engine) == (owner, digest, engine.name):
                yield await asyncio.to_thread(self.preparer.current, record, engine, stop.is_set)
                return
        slug = re.sub(r"[^a-z0-9]+", "-", request.training_id.lower()).strip("-")[:48]
        avatar_id = f"t-{slug}-{digest[:8]}" if slug else f"t-{digest[:12]}"
        steps: asyncio.Queue[tuple[str, float] | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def progress(stage: str, part: float) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(steps.put_nowait, (stage, part))

        gone = asyncio.Event()
        work = asyncio.create_task(
            asyncio.to_thread(
                self.preparer.prepare,
                engine,
                request.source,
                owner,
                avatar_id,
                request.name,
                progress,
                lambda: stop.is_set() or gone.is_set(),
            )
        )
        work.add_done_callback(lambda _: steps.put_nowait(None))
        try:
            while (item := await steps.get()) is not None:
                yield item
            yield work.result()
        finally:
            gone.set()
            with contextlib.suppress(HuashengError):
                await asyncio.shield(work)

    def _publish(self, request: _Request, avatar: AvatarRecord, made: Path) -> ModelRecord:
        files = request.engine.model_files
        record = ModelRecord(
            model_id=f"{request.training_id}_steps{request.steps}",
            owner=request.owner,
            name=request.name,
            engine=request.engine.name,
            avatar_id=avatar.avatar_id,
            training_id=request.training_id,
            steps=request.steps,
            result=TrainingResult.load(made / RESULT),
            sha256=sha256_of_file(made / files[-1]),
            created_at=time.time(),
        )
        self.models.add(record, made, files)
        return record


def _place(me: tuple[str, str]) -> str:
    return f"trainings/{me[0]}/{me[1]}"


def _end(kept: KeptWork) -> None:
    try:
        kept.end()
    except HuashengError as e:  # the training's own end is the better answer
        log.error("the last checkpoint of a training could not be saved: %s", e.slug)


def _check(engine: RenderEngine, source: Path, steps: int, name: str) -> None:
    """Refuse a clip before an avatar is made of it."""
    try:
        engine.check_training(source, steps)
    except HuashengError as e:
        if "name" in e.params:  # the file's name within storage says nothing to a person
            raise HuashengError(e.slug, **{**e.params, "name": name}) from e
        raise
