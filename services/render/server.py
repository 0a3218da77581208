"""The gRPC side of the render service: admission, checks and bridging. Drawing is in ``session`` and ``prepare``."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
from huasheng.common.v1 import common_pb2
from huasheng.render.v1 import render_pb2 as pb
from huasheng.render.v1 import render_pb2_grpc

from services.common import tracing, weights
from services.common.aio import iterate_in_thread
from services.common.engine_info import engine_info, error_message
from services.common.engines import EngineState, OwnSettings, Registry, why
from services.common.errors import HuashengError
from services.common.processors import slots_of
from services.common.serving import Service
from services.common.settings import SharedSettings
from services.common.storage import Storage
from services.render import devices, messages
from services.render.avatars import builtin
from services.render.avatars.prepare import Preparer
from services.render.avatars.store import BUILTIN, AvatarRecord, AvatarStore, check_ids
from services.render.clip.likeness import Likeness, compare
from services.render.composition.composing import composing_of
from services.render.engines.base import RenderEngine
from services.render.engines.registry import REGISTRY, engine_errors, make_engines
from services.render.intake import Intake, read_config
from services.render.media.write import EncoderOptions
from services.render.outputs import Output, ProgressOut
from services.render.restore.restorer import Restorer
from services.render.settings import RenderSettings
from services.render.stream import drawn
from services.render.train.models import ModelRecord, ModelStore
from services.render.train.runner import Trainings, cannot_train


class RenderServicer(render_pb2_grpc.RenderServiceServicer):  # type: ignore[misc]  # generated, untyped
    """The RPCs of ``huasheng.render.v1.RenderService``."""

    def __init__(
        self, settings: RenderSettings, shared: SharedSettings, registry: Registry, own: OwnSettings | None = None
    ) -> None:
        self.settings, self.shared = settings, shared
        self.engines = make_engines(settings, shared, own, registry)
        self.storage = Storage(shared.storage_url, shared)
        self.store = AvatarStore(self.storage)
        self.preparer = Preparer(self.store, self._encoder(live=True))
        self.models = ModelStore(self.storage)
        self.restorer = Restorer(settings, shared.threads)
        self.trainings = Trainings(self.storage, self.store, self.models, self.preparer, settings.max_waiting)
        self.sessions = 0
        self._drawn_fps = 0.0
        self._slots = min(slots_of(settings.slots), settings.max_sessions)
        self._ready = False
        self._comparing = asyncio.Semaphore(1)
        self._preparing, self._asked = asyncio.Semaphore(settings.max_prepares), 0
        self._stopping = threading.Event()

    def _encoder(self, live: bool) -> EncoderOptions:
        return EncoderOptions(self.settings.preset, self.settings.crf, self.settings.encoder_threads, live)

    def load(self) -> None:
        """Load the engines and make the built-in avatar; raises when the default engine cannot be used."""
        self.storage.check()
        self.store.sweep()
        self.engines.load()
        self.restorer.load()
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
        """Progress, then the avatar. Raises ``busy`` and what ``Preparer.prepare`` raises; a cancel leaves nothing."""
        engine = self._engine(request.engine)
        check_ids(request.owner, request.avatar_id)
        if BUILTIN in (request.owner, request.avatar_id):
            raise HuashengError("builtin-stays", id=BUILTIN)
        if request.is_film and not engine.draws_films:
            raise HuashengError("bad-request", what=f"{engine.name} draws no films in their own order")
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
                    engine,
                    source,
                    request.owner,
                    request.avatar_id,
                    request.name,
                    progress,
                    stop.is_set,
                    is_film=request.is_film,
                )

        with self._place():
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

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        """One of the avatars that are prepared or wait. Raises ``busy``: who waits takes the place of other calls."""
        limit = self.settings.max_prepares + self.settings.max_waiting
        if self._asked >= limit:
            raise HuashengError("busy", service="render", limit=limit)
        self._asked += 1
        try:
            yield
        finally:
            self._asked -= 1

    async def ListAvatars(self, request: pb.ListAvatarsRequest, _context: Any) -> pb.ListAvatarsResponse:
        """The built-in avatar and the owner's, without films."""
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
            record, engine, trained = await asyncio.to_thread(self._chosen, config)
            tracing.current().set(engine=engine.name)

            def draw() -> Iterator[Output]:
                with contextlib.ExitStack() as held:
                    with engine_errors(engine.name):
                        current = self.preparer.current(record, engine, stop.is_set)
                    avatar = held.enter_context(self.store.engine_files(current))
                    local = self.models.local(trained, engine.model_files) if trained else contextlib.nullcontext()
                    model = held.enter_context(local)
                    pictures = functools.partial(engine.source_pictures, avatar)
                    about = (config, self.store, current, pictures, self.shared.weights_dir)
                    composing, restoring = composing_of(*about), self.restorer.restoring(*about)
                    options = self._encoder(config.live)
                    with engine_errors(engine.name):
                        yield from drawn(engine, avatar, config, model, options, intake, composing, restoring)

            intake.start(requests)
            async with contextlib.aclosing(iterate_in_thread(draw)) as outputs:
                try:
                    async for output in outputs:
                        if isinstance(output, ProgressOut):
                            self._drawn_fps = output.frames_per_second
                        yield messages.render(output, engine.name, record.source_sha256)
                finally:  # before the thread is waited for: it may itself wait for input
                    stop.set()
                    intake.close()
        except HuashengError:
            intake.check()  # wrong input is the better answer than what it led to
            raise
        finally:
            intake.close()
            self.sessions -= 1

    def _chosen(self, config: pb.RenderConfig) -> tuple[AvatarRecord, RenderEngine, ModelRecord | None]:
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
        if record.is_film and (config.live or config.start_frame):
            raise HuashengError("bad-request", what="a film is drawn from its first frame on, and not live")
        if config.HasField("part") and (config.live or not engine.draws_parts):
            raise HuashengError("bad-request", what=f"{engine.name} draws no parts of videos here")
        if engine.needs_model and not trained:
            raise HuashengError("model-needed", engine=engine.name)
        if config.restore:
            self.restorer.check()
        if config.device not in ("", engine.device):
            raise HuashengError("unknown-id", kind="device", id=config.device)
        if config.model_id and (trained.engine if trained else config.model_id) != record.engine:
            raise HuashengError("unknown-id", kind="model", id=config.model_id)
        return record, engine, trained

    async def Train(self, request: pb.TrainRequest, _context: Any) -> AsyncIterator[pb.TrainResponse]:
        """Progress, then the model. Raises what ``Trainings.run`` raises."""
        engine = self._engine(request.engine)
        work = self.trainings.run(
            engine,
            request.owner,
            request.training_id,
            request.video_uri,
            steps=request.steps,
            device=request.device,
            name=request.name,
            mark=messages.mark(request),
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

    async def ForgetOwner(self, request: pb.ForgetOwnerRequest, _context: Any) -> pb.ForgetOwnerResponse:
        """Raises ``bad-request`` for what is no owner."""
        owner = request.owner
        check_ids(owner, BUILTIN)
        if owner == BUILTIN:
            raise HuashengError("builtin-stays", id=owner)
        for part in (self.trainings, self.models, self.store):
            await asyncio.to_thread(part.forget_owner, owner)
        return pb.ForgetOwnerResponse()

    async def CompareFaces(self, request: pb.CompareFacesRequest, _context: Any) -> pb.CompareFacesResponse:
        """One at a time, in turn. Raises ``unknown-id``, ``faces-unavailable``, ``no-face``, ``two-faces`` (naming the
        storage key) and what reading the files raises."""
        check_ids(request.owner, BUILTIN)
        keys = [self.storage.key(uri) for uri in (request.first_uri, request.second_uri)]

        def work() -> Likeness:
            with self.storage.local(keys[0]) as first, self.storage.local(keys[1]) as second:
                return compare(
                    dict(zip(keys, (first, second), strict=True)), self.shared.weights_dir, self.settings.max_avatar_s
                )

        async with self._comparing:
            for key in keys:
                if not await asyncio.to_thread(self.storage.exists, key):
                    raise HuashengError("unknown-id", kind="file", id=key.rsplit("/", 1)[-1])
            found = await asyncio.to_thread(work)
        return pb.CompareFacesResponse(
            distance=found.distance,
            farthest=found.farthest,
            is_same=found.is_same,
            first_pictures=found.pictures[0],
            second_pictures=found.pictures[1],
        )

    async def ListEngines(self, _request: pb.ListEnginesRequest, _context: Any) -> pb.ListEnginesResponse:
        """Every engine, with the reason where one cannot be used, and the face restorer."""
        infos = [_engine_info(s) for s in self.engines.states()]
        return pb.ListEnginesResponse(engines=infos, restorer=self.restorer.message())

    async def GetCapacity(self, _request: pb.GetCapacityRequest, _context: Any) -> pb.GetCapacityResponse:
        """Drawings, the preparation of avatars and trainings count alike: each keeps a processor or the GPU busy."""
        device = next(iter(self.engines.get().devices()), None)
        capacity = common_pb2.Capacity(
            slots=self._slots,
            used=self.sessions + self._asked + self.trainings.count,
            frames_per_second=self._drawn_fps,
            device_memory_bytes=device.memory_bytes if device else 0,
            device_memory_used_bytes=device.used_bytes if device else 0,
        )
        return pb.GetCapacityResponse(capacity=capacity)

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
        draws_parts=bool(engine and engine.draws_parts),
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
