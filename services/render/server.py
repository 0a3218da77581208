"""The gRPC side of the render service: admission, checks and bridging. Drawing is in ``session`` and ``prepare``."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
from huasheng.common.v1 import common_pb2
from huasheng.render.v1 import render_pb2 as pb
from huasheng.render.v1 import render_pb2_grpc

from services.common import weights
from services.common.aio import iterate_in_thread
from services.common.engine_info import engine_info, error_message
from services.common.engines import EngineState, OwnSettings, Registry, why
from services.common.errors import HuashengError
from services.common.serving import Service
from services.common.settings import SharedSettings
from services.common.storage import Storage
from services.render import devices, messages
from services.render.avatars import builtin
from services.render.avatars.prepare import Preparer
from services.render.avatars.store import BUILTIN, AvatarRecord, AvatarStore, check_ids
from services.render.engines.base import RenderEngine
from services.render.engines.registry import REGISTRY, engine_errors, make_engines
from services.render.intake import Intake, read_config
from services.render.media.write import EncoderOptions
from services.render.outputs import Output
from services.render.settings import RenderSettings
from services.render.stream import drawn
from services.render.train.models import ModelStore
from services.render.train.runner import Trainings, cannot_train


class RenderServicer(render_pb2_grpc.RenderServiceServicer):  # type: ignore[misc]  # generated, untyped
    """The RPCs of ``huasheng.render.v1.RenderService``."""

    def __init__(
        self, settings: RenderSettings, shared: SharedSettings, registry: Registry, own: OwnSettings | None = None
    ) -> None:
        self.settings, self.shared = settings, shared
        self.engines = make_engines(settings, shared, own, registry)
        self.storage = Storage(shared.storage_url)
        self.store = AvatarStore(self.storage, settings.cache_dir)
        self.preparer = Preparer(self.store, self._encoder(live=True))
        self.models = ModelStore(self.storage, settings.cache_dir / "models")
        self.trainings = Trainings(self.storage, self.store, self.models, self.preparer, settings.cache_dir)
        self.sessions = 0
        self._ready = False
        self._preparing = asyncio.Semaphore(settings.max_prepares)
        self._stopping = threading.Event()

    def _encoder(self, live: bool) -> EncoderOptions:
        return EncoderOptions(self.settings.preset, self.settings.crf, self.settings.encoder_threads, live)

    def load(self) -> None:
        """Load the engines and make the built-in avatar; raises when the default engine cannot be used."""
        self.store.sweep()
        self.engines.load()
        with builtin.framed(weights.folder("portrait", self.shared.weights_dir) / "portrait.png") as portrait:
            self.preparer.prepare(
                self.engines.get(), portrait, BUILTIN, BUILTIN, builtin.NAME, lambda *_: None, self._stopping.is_set
            )
        self._ready = True

    async def stop(self) -> None:
        """Let the work of ``load`` and trainings end early."""
        self._stopping.set()
        self.trainings.stop()

    def _engine(self, name: str) -> RenderEngine:
        if not self._ready:
            raise HuashengError("service-loading", service="render")
        return self.engines.get(name)

    async def PrepareAvatar(
        self, request: pb.PrepareAvatarRequest, _context: Any
    ) -> AsyncIterator[pb.PrepareAvatarResponse]:
        """Progress, then the avatar. Raises what ``Preparer.prepare`` raises; a cancel leaves nothing behind."""
        engine = self._engine(request.engine)
        check_ids(request.owner, request.avatar_id)
        if BUILTIN in (request.owner, request.avatar_id):
            raise HuashengError("builtin-stays", id=BUILTIN)
        key = self.storage.key(request.source_uri)
        if not self.storage.exists(key):
            raise HuashengError("unknown-id", kind="file", id=key.rsplit("/", 1)[-1])
        loop, changed, stop = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
        latest = ("wait", 0.0)

        def progress(stage: str, fraction: float) -> None:
            nonlocal latest
            latest = (stage, max(latest[1], min(1.0, fraction)))
            with contextlib.suppress(RuntimeError):  # the server has stopped
                loop.call_soon_threadsafe(changed.set)

        def work() -> AvatarRecord:
            with self.storage.local(key) as source:
                return self.preparer.prepare(
                    engine, source, request.owner, request.avatar_id, request.name, progress, stop.is_set
                )

        yield messages.progress(*latest)
        async with self._preparing:
            task = asyncio.create_task(asyncio.to_thread(work))
            task.add_done_callback(lambda _: changed.set())
            try:
                while not task.done():
                    await changed.wait()
                    changed.clear()
                    yield messages.progress(*latest)
                record = task.result()
            finally:
                stop.set()
                with contextlib.suppress(HuashengError):
                    await asyncio.shield(task)
        yield pb.PrepareAvatarResponse(avatar=messages.avatar(record, self.store))

    async def ListAvatars(self, request: pb.ListAvatarsRequest, _context: Any) -> pb.ListAvatarsResponse:
        """The built-in avatar and the owner's."""
        records = await asyncio.to_thread(self.store.list, request.owner)
        return pb.ListAvatarsResponse(avatars=[messages.avatar(r, self.store) for r in records])

    async def GetAvatar(self, request: pb.GetAvatarRequest, _context: Any) -> pb.GetAvatarResponse:
        """The built-in avatar or one of the owner's. Raises ``unknown-id``, also for what no avatar can be called."""
        check_ids(request.owner, BUILTIN)
        try:
            record = await asyncio.to_thread(self.store.get, request.owner, request.avatar_id)
        except HuashengError as e:
            if e.slug != "bad-request":
                raise
            raise HuashengError("unknown-id", kind="avatar", id=request.avatar_id[:100]) from e
        return pb.GetAvatarResponse(avatar=messages.avatar(record, self.store))

    async def DeleteAvatar(self, request: pb.DeleteAvatarRequest, _context: Any) -> pb.DeleteAvatarResponse:
        """The avatar and the models that belong to it. Raises ``builtin-stays`` and ``unknown-id``."""
        await asyncio.to_thread(self.store.delete, request.owner, request.avatar_id)
        await asyncio.to_thread(
            self.models.delete_of_avatar,
            request.owner,
            request.avatar_id,
            lambda model: self.trainings.forget(model.owner, model.training_id),
        )
        return pb.DeleteAvatarResponse()

    async def StreamRender(
        self, requests: AsyncIterator[pb.StreamRenderRequest], _context: Any
    ) -> AsyncIterator[pb.StreamRenderResponse]:
        """One video. Raises ``busy``, ``bad-order``, ``bad-request``, ``unknown-id`` and what the engine raises."""
        if self.sessions >= self.settings.max_sessions:
            raise HuashengError("busy", service="render", limit=self.settings.max_sessions)
        self.sessions += 1
        intake, stop = Intake(), threading.Event()
        try:
            config = await read_config(requests)
            record, engine, model = await asyncio.to_thread(self._chosen, config)

            def draw() -> Iterator[Output]:
                with engine_errors(engine.name):
                    current = self.preparer.current(record, engine, stop.is_set)
                    avatar = self.store.folder(current) / "engine"
                    yield from drawn(engine, avatar, config, model, self._encoder(config.live), intake)

            intake.start(requests)
            async with contextlib.aclosing(iterate_in_thread(draw)) as outputs:
                try:
                    async for output in outputs:
                        yield messages.render(output, engine.name)
                finally:  # before the thread is waited for: it may itself wait for input
                    stop.set()
                    intake.close()
        except HuashengError:
            intake.check()  # wrong input is the better answer than what it led to
            raise
        finally:
            intake.close()
            self.sessions -= 1

    def _chosen(self, config: pb.RenderConfig) -> tuple[AvatarRecord, RenderEngine, Path | None]:
        self._engine(config.engine)  # a wrong name is wrong whatever the avatar is
        trained = None
        if config.model_id and config.model_id not in self.engines.names:
            trained = self.models.get(config.owner, config.model_id)
        record = self.store.get(config.owner, config.avatar_id or (trained.avatar_id if trained else ""))
        if config.engine and config.engine != record.engine:
            raise HuashengError("engine-unavailable", engine=config.engine, cause="other-preparation", by=record.engine)
        engine = self._engine(record.engine)
        if config.live and not engine.is_live:
            raise HuashengError("not-live", engine=engine.name)
        if engine.needs_model and not trained:
            raise HuashengError("model-needed", engine=engine.name)
        if config.device not in ("", engine.device):
            raise HuashengError("unknown-id", kind="device", id=config.device)
        if config.model_id and (trained.engine if trained else config.model_id) != record.engine:
            raise HuashengError("unknown-id", kind="model", id=config.model_id)
        return record, engine, self.models.local(trained, engine.model_files) if trained else None

    async def Train(self, request: pb.TrainRequest, _context: Any) -> AsyncIterator[pb.TrainResponse]:
        """Progress, then the model. Raises what ``Trainings.run`` raises."""
        engine = self._engine(request.engine)
        work = self.trainings.run(
            engine, request.owner, request.training_id, request.video_uri, request.steps, request.device, request.name
        )
        async with contextlib.aclosing(work) as items:
            async for item in items:
                yield messages.train(item, self.models)

    async def GetTraining(self, request: pb.GetTrainingRequest, _context: Any) -> pb.GetTrainingResponse:
        """Raises ``unknown-id``."""
        progress, running = self.trainings.state(request.owner, request.training_id)
        return pb.GetTrainingResponse(progress=messages.train_progress(progress), running=running)

    async def CancelTraining(self, request: pb.CancelTrainingRequest, _context: Any) -> pb.CancelTrainingResponse:
        """Raises ``unknown-id``."""
        self.trainings.cancel(request.owner, request.training_id)
        return pb.CancelTrainingResponse()

    async def ListModels(self, request: pb.ListModelsRequest, _context: Any) -> pb.ListModelsResponse:
        """Each loaded engine's own model, then the owner's trained ones."""
        models = [messages.builtin_model(e) for e in self._builtin_models().values()]
        if request.owner:
            records = await asyncio.to_thread(self.models.list, request.owner)
            models += [messages.model(r, self.models) for r in records]
        return pb.ListModelsResponse(models=models)

    async def GetModel(self, request: pb.GetModelRequest, _context: Any) -> pb.GetModelResponse:
        """A loaded engine's own model or one that the owner trained. Raises ``unknown-id``."""
        if engine := self._builtin_models().get(request.model_id):
            return pb.GetModelResponse(model=messages.builtin_model(engine))
        record = await asyncio.to_thread(self.models.get, request.owner, request.model_id)
        return pb.GetModelResponse(model=messages.model(record, self.models))

    def _builtin_models(self) -> dict[str, RenderEngine]:
        """Loaded engines that draw without a trained model, by the name of their own one."""
        return {e.name: e for e in self.engines.loaded.values() if not e.needs_model}

    async def DeleteModel(self, request: pb.DeleteModelRequest, _context: Any) -> pb.DeleteModelResponse:
        """Raises ``builtin-stays`` and ``unknown-id``."""
        if request.model_id in self.engines.names:
            raise HuashengError("builtin-stays", id=request.model_id)
        training_id = await asyncio.to_thread(self.models.delete, request.owner, request.model_id)
        if training_id:
            await asyncio.to_thread(self.trainings.forget, request.owner, training_id)
        return pb.DeleteModelResponse()

    async def ListEngines(self, _request: pb.ListEnginesRequest, _context: Any) -> pb.ListEnginesResponse:
        """Every engine, with the reason where one cannot be used."""
        return pb.ListEnginesResponse(engines=[_engine_info(s) for s in self.engines.states()])

    async def ListDevices(self, _request: pb.ListDevicesRequest, _context: Any) -> pb.ListDevicesResponse:
        """The processor, and what the engines use beside it."""
        used = {d.device: d for engine in self.engines.loaded.values() for d in engine.devices()}
        found = [
            pb.Device(device=d.device, name=d.name, memory_bytes=d.memory_bytes, used_bytes=d.used_bytes)
            for d in (devices.cpu(), *used.values())
        ]
        return pb.ListDevicesResponse(devices=found)


def _engine_info(state: EngineState[RenderEngine]) -> common_pb2.EngineInfo:
    engine = state.engine
    refused = cannot_train(engine) if engine else None
    shown = refused if engine and engine.trainer else None
    return engine_info(
        state,
        can_train=bool(engine and not refused),
        cannot_train_reason=why(shown) if shown else "",
        cannot_train_problem=error_message(shown),
        default_steps=engine.default_steps if engine and engine.trainer else 0,
        training_clip=_training_clip(engine) if engine and engine.trainer else None,
        needs_model=bool(engine and engine.needs_model),
        videos_only=bool(engine and not engine.is_live),
    )


def make_service(
    settings: RenderSettings, shared: SharedSettings, registry: Registry = REGISTRY, own: OwnSettings | None = None
) -> Service:
    """The service for ``services.common.serving``. ``own``: settings of engines, else the environment's."""
    servicer = RenderServicer(settings, shared, registry, own)

    def register(server: grpc.aio.Server) -> None:
        render_pb2_grpc.add_RenderServiceServicer_to_server(servicer, server)

    return Service("render", "huasheng.render.v1.RenderService", register, servicer.load, servicer.stop)


def _training_clip(engine: RenderEngine) -> common_pb2.TrainingClip:
    clip = engine.training_clip
    return common_pb2.TrainingClip(least_s=clip.least_s, short_s=clip.short_s, most_s=engine.limits.max_s)
