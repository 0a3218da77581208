"""The four engine services as scriptable fakes on real gRPC: quick, deterministic, and able to fail on demand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from huasheng.common.v1 import common_pb2
from huasheng.llm.v1 import llm_pb2, llm_pb2_grpc
from huasheng.render.v1 import render_pb2, render_pb2_grpc

from services.common.access.callers import ServiceAccess
from services.common.access.tokens import Tokens
from services.common.errors import HuashengError
from services.common.storage import Storage
from tests.fakes import serving
from tests.fakes.asr_service import Asr
from tests.fakes.dubbing import pictures_of
from tests.fakes.media import blank, jpeg
from tests.fakes.service_script import Script, engine
from tests.fakes.tiny_video import FPS, TinyVideo, picture, tiny_film
from tests.fakes.training_messages import curve, train_progress
from tests.fakes.tts_service import Tts

IDLE_FRAMES = 150
BUILTIN_AVATAR = render_pb2.Avatar(
    avatar_id="builtin", owner="builtin", name="画", engine="fake-render", kind="portrait", width=64, height=64, fps=FPS
)
BUILTIN_MODEL = render_pb2.Model(model_id="builtin", owner="builtin", name="m", engine="fake-render", before={"x": 1})


def owned(things: list[Any], owner: str) -> list[Any]:
    """Those of an owner, and the built-in ones."""
    return [t for t in things if t.owner in (owner, "builtin")]


class Llm(llm_pb2_grpc.LlmServiceServicer):
    def __init__(self) -> None:
        self.script = Script()
        self.reply = "我是画声，很高兴见到你。今天想聊些什么呢？"
        self.openings: list[str] = []
        self.models = ["m", "m-small"]
        self.translate: Callable[[str], str] | None = None

    async def StreamChat(self, request, context):
        self.script.enter()
        self.script.seen.append(request)
        question = request.messages[-1].content
        reply = self.translate(question) if self.translate else self.reply.format(question=question)
        started = llm_pb2.ChatStarted(engine="fake-llm", model="m", fallbacks=self.script.fallbacks)
        yield llm_pb2.StreamChatResponse(started=started)
        for i in range(0, len(reply), 3):
            await self.script.pause()
            yield llm_pb2.StreamChatResponse(delta=llm_pb2.ChatDelta(text=reply[i : i + 3]))
        yield llm_pb2.StreamChatResponse(finished=llm_pb2.ChatFinished(reason=llm_pb2.FINISH_REASON_STOP))

    async def ListOpenings(self, request, context):
        return llm_pb2.ListOpeningsResponse(openings=self.openings)

    async def ListEngines(self, request, context):
        self.script.enter()
        return llm_pb2.ListEnginesResponse(engines=[engine("fake-llm", models=self.models)])


class Render(render_pb2_grpc.RenderServiceServicer):
    def __init__(self, storage: Storage) -> None:
        self.script = Script()
        self.storage = storage
        self.before_delete: Callable[[], Awaitable[None]] | None = None
        """Done while an avatar is about to be deleted."""
        self.avatars: dict[str, render_pb2.Avatar] = {}
        self.most_at_once, self.slots = 0, 1
        self.order: list[str] = []
        self.can_train = True
        self.wants_model = self.draws_parts = False
        self.default_steps = 0
        self.restorer: render_pb2.Restorer | None = None
        self.training = Script()
        self.checkpoints: dict[str, int] = {}
        """Last step of each training, as the real service keeps it: a repeat continues from there."""
        self.models: dict[str, render_pb2.Model] = {}
        self.likeness = render_pb2.CompareFacesResponse(distance=0.21, farthest=0.3, is_same=True)
        self.faces = Script()
        """How the comparison of faces behaves, and what was compared."""
        self.lists = self.lookups = 0
        """How often all avatars or models were asked for, and how often a single one."""

    async def StreamRender(self, requests, context):
        s = self.script
        s.enter()
        s.active += 1
        self.most_at_once = max(self.most_at_once, s.active)
        is_done, seconds, frames, config = False, 0.0, 0, None
        video = TinyVideo()
        try:
            async for r in requests:
                what = r.WhichOneof("payload")
                self.order.append(what)
                if what == "config":
                    config = r.config
                    s.seen.append(config)
                    made, width, height = config.composition, 64, 64
                    if config.HasField("composition"):
                        width, height = made.width, made.height
                        video = TinyVideo((width, height * 2 if made.alpha else height))
                    skip, count = config.part.skip, config.part.count or 1_000_000
                    yield render_pb2.StreamRenderResponse(
                        header=render_pb2.RenderHeader(
                            width=width,
                            height=height,
                            fps=FPS,
                            mime_type='video/mp4; codecs="avc1.42c00a"',
                            engine="fake-render",
                            video_codec="avc1.42c00a" if config.access_units else "",
                            video_description=b"avcC" if config.access_units else b"",
                            source_sha256="5f" * 32,
                        )
                    )
                    if config.access_units:
                        continue
                    yield render_pb2.StreamRenderResponse(media=render_pb2.MediaChunk(data=video.take(), end_us=0))
                elif what == "audio":
                    await s.pause()
                    seconds += len(r.audio.data) / 2 / config.format.sample_rate_hertz
                    while frames < int(seconds * FPS + 1e-6):
                        if config.access_units:
                            yield picture(frames, config.start_frame)
                        if skip <= frames < skip + count:
                            video.add(frames)
                        frames += 1
                    if config.access_units:
                        continue
                    if data := video.take():
                        media = render_pb2.MediaChunk(data=data, end_us=frames * 1_000_000 // FPS)
                        yield render_pb2.StreamRenderResponse(media=media)
                elif what == "end":
                    media = render_pb2.MediaChunk(data=video.finish(), end_us=frames * 1_000_000 // FPS)
                    if not config.access_units:
                        yield render_pb2.StreamRenderResponse(media=media)
                    end = (config.start_frame + frames) % IDLE_FRAMES
                    frames = min(max(frames - skip, 0), count)
                    summary = render_pb2.RenderSummary(
                        frames=frames, duration_us=frames * 1_000_000 // FPS, end_frame=end
                    )
                    is_done = True
                    yield render_pb2.StreamRenderResponse(summary=summary)
        finally:
            s.active -= 1
            s.cancelled += not is_done

    async def PrepareAvatar(self, request, context):
        self.script.enter()
        is_done = False
        try:
            for stage, part in (("frames", 0.2), ("landmarks", 0.6), ("loop", 0.9)):
                await self.script.pause()
                yield render_pb2.PrepareAvatarResponse(progress=render_pb2.Progress(stage=stage, fraction=part))
            key = f"avatars/{request.avatar_id}/thumbnail.jpg"
            self.storage.put(key, b"\xff\xd8\xff fake")
            made = render_pb2.Avatar(
                avatar_id=request.avatar_id,
                owner=request.owner,
                name=request.name,
                engine="fake-render",
                kind="film" if request.is_film else "video",
                width=64,
                height=64,
                fps=FPS,
                frames=pictures_of(self.storage, request.source_uri) if request.is_film else 50,
                thumbnail_uri=self.storage.uri(key),
                created_at=1.0,
            )
            self.avatars[made.avatar_id] = made
            is_done = True
            yield render_pb2.PrepareAvatarResponse(avatar=made)
        finally:
            self.script.cancelled += not is_done

    async def ListAvatars(self, request, context):
        self.script.enter()
        self.lists += 1
        listed = [a for a in self.avatars.values() if a.kind != "film"]
        return render_pb2.ListAvatarsResponse(avatars=owned([BUILTIN_AVATAR, *listed], request.owner))

    async def GetAvatar(self, request, context):
        self.script.enter()
        self.lookups += 1
        for avatar in owned([BUILTIN_AVATAR, *self.avatars.values()], request.owner):
            if avatar.avatar_id == (request.avatar_id or "builtin"):
                return render_pb2.GetAvatarResponse(avatar=avatar)
        raise HuashengError("unknown-id", kind="avatar", id=request.avatar_id)

    async def DeleteAvatar(self, request, context):
        if request.avatar_id == "builtin":
            raise HuashengError("builtin-stays", id="builtin")
        if self.before_delete:
            await self.before_delete()
        _remove(self.avatars, "avatar", request.avatar_id, request.owner)
        for model in [m for m in self.models.values() if m.avatar_id == request.avatar_id]:
            del self.models[model.model_id]
        return render_pb2.DeleteAvatarResponse()

    async def ForgetOwner(self, request, context):
        for things in (self.avatars, self.models):
            for key in [k for k, thing in things.items() if thing.owner == request.owner]:
                del things[key]
        return render_pb2.ForgetOwnerResponse()

    async def Train(self, request, context):
        """Ten steps count as one; each reports a loss, every second one is measured."""
        s = self.training
        s.enter()
        s.seen.append(request)
        is_done = False
        key = request.training_id
        warnings = ["out-of-sync"]
        try:
            yield train_progress(request, 0, "check", 0.02, offset_ms=120, warnings=warnings)
            preview = f"trainings/{key}/preview.jpg"
            film = f"models/{key}/before.mp4"
            self.storage.put(preview, jpeg(blank(64)))
            self.storage.put(film, tiny_film())
            for step in range(self.checkpoints.get(key, 0) + 10, request.steps + 1, 10):
                await s.pause()
                measured = {"validation_loss": 2 / step, "curve": curve()} if step % 20 == 0 else {}
                yield train_progress(
                    request,
                    step,
                    "fit",
                    0.1 + 0.8 * step / request.steps,
                    loss=1 / step,
                    offset_ms=120,
                    warnings=warnings,
                    preview_uri=self.storage.uri(preview),
                    eta_s=1 + (request.steps - step) / 10,
                    **measured,
                )
                self.checkpoints[key] = step
            model = render_pb2.Model(
                model_id=f"{key}_steps{request.steps}",
                owner=request.owner,
                name=request.name,
                engine="fake-render",
                avatar_id="p-me",
                steps=request.steps,
                before={"opening_corr": 0.41},
                after={"opening_corr": 0.68},
                created_at=2.0,
                warnings=warnings,
                preview_uri=self.storage.uri(preview),
                before_video_uri=self.storage.uri(film),
                after_video_uri=self.storage.uri(film),
                curve=curve(),
                offset_ms=120,
                training_id=key,
            )
            self.models[model.model_id] = model
            is_done = True
            yield render_pb2.TrainResponse(model=model)
        finally:
            s.cancelled += not is_done

    async def ListModels(self, request, context):
        self.lists += 1
        return render_pb2.ListModelsResponse(models=owned([BUILTIN_MODEL, *self.models.values()], request.owner))

    async def GetModel(self, request, context):
        self.lookups += 1
        for model in owned([BUILTIN_MODEL, *self.models.values()], request.owner):
            if model.model_id == request.model_id:
                return render_pb2.GetModelResponse(model=model)
        raise HuashengError("unknown-id", kind="model", id=request.model_id)

    async def DeleteModel(self, request, context):
        if request.model_id == "builtin":
            raise HuashengError("builtin-stays", id="builtin")
        _remove(self.models, "model", request.model_id, request.owner)
        return render_pb2.DeleteModelResponse()

    async def CompareFaces(self, request, context):
        self.faces.enter()
        self.faces.seen.append(request)
        return self.likeness

    async def GetCapacity(self, request, context):
        capacity = common_pb2.Capacity(slots=self.slots, used=self.script.active)
        return render_pb2.GetCapacityResponse(capacity=capacity)

    async def ListEngines(self, request, context):
        self.script.enter()
        info = engine("fake-render")
        info.draws_parts = self.draws_parts
        info.training_clip.CopyFrom(common_pb2.TrainingClip(least_s=4, short_s=12, most_s=60))
        info.can_train, info.default_steps = self.can_train, self.default_steps
        info.needs_model = info.videos_only = self.wants_model
        info.cannot_train_reason = "" if self.can_train else "the fake has no legs"
        return render_pb2.ListEnginesResponse(engines=[info], restorer=self.restorer)

    async def ListDevices(self, request, context):
        return render_pb2.ListDevicesResponse(devices=[render_pb2.Device(device="cpu", name="CPU", memory_bytes=1)])


def _remove(things: dict[str, Any], kind: str, thing_id: str, owner: str) -> None:
    if thing_id not in things or things[thing_id].owner != owner:
        raise HuashengError("unknown-id", kind=kind, id=thing_id)
    del things[thing_id]


NAMES = ("asr", "llm", "tts", "render")
TOKEN = "a-token-of-the-tests-0123456789-abcdef"
TOKEN_SHOWN = (("x-service-token", TOKEN),)
"""What a program sends that calls them, or the gateway in front of them, by itself."""
ACCESS = ServiceAccess(Tokens(TOKEN))


class Fakes:
    """The four services on ports of their own; each can be killed and come back on the same port.

    They ask for a token, so that a call of the gateway's that forgets it fails everywhere.
    """

    def __init__(self, storage: Storage) -> None:
        self.asr, self.llm, self.tts, self.render = Asr(), Llm(), Tts(storage), Render(storage)
        self.ports: dict[str, int] = {}
        self._running: dict[str, serving.Running] = {}

    async def start(self, name: str, load: bool = True) -> None:
        """``load``: it is ready at once; else it is loading until ``set_loaded``."""
        service = serving.service_of(name, getattr(self, name))
        self._running[name] = await serving.start(service, port=self.ports.get(name, 0), load=load, access=ACCESS)
        self.ports[name] = self._running[name].port

    async def set_loaded(self, name: str) -> None:
        await self._running[name].board.set(True)

    async def start_all(self) -> None:
        for name in NAMES:
            await self.start(name)

    async def kill(self, name: str) -> None:
        """Cut all connections at once."""
        await self._running.pop(name).stop(None)

    async def stop_all(self) -> None:
        for name in list(self._running):
            await self.kill(name)

    def environment(self) -> dict[str, str]:
        addresses = {f"GATEWAY_{n.upper()}_ADDRESS": f"127.0.0.1:{p}" for n, p in self.ports.items()}
        return addresses | {"HUASHENG_SERVICE_TOKEN": TOKEN}
