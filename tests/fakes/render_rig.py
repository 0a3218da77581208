"""A client's side of the render service, shared by its integration tests."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import numpy as np
import pytest
from huasheng.common.v1 import common_pb2
from huasheng.render.v1 import render_pb2 as pb
from huasheng.render.v1 import render_pb2_grpc

from services.common.audio import to_pcm16
from services.common.errors import HuashengError, from_rpc
from services.common.settings import SharedSettings
from services.common.storage import Storage
from services.common.weights import WeightsError
from services.common.weights import folder as weights_folder
from services.render.server import make_service
from services.render.settings import RenderSettings
from tests.fakes.media import blank, png
from tests.fakes.serving import Serve
from tests.fakes.waiting import PATIENCE_S

FAKES = {"fake": "tests.fakes.render_engine:FakeEngine", "broken": "tests.fakes.render_engine:BrokenEngine"}
RATE = 16000


@dataclass
class Rig:
    """A running service and a client of it."""

    stub: render_pb2_grpc.RenderServiceStub
    storage: Storage
    root: Path
    channel: grpc.aio.Channel

    def put(self, key: str, data: bytes) -> str:
        self.storage.put(key, data)
        return self.storage.uri(key)

    async def prepare(self, avatar_id: str = "ann", data: bytes | None = None, name: str = "Ann") -> list[object]:
        uri = self.put(f"assets/{avatar_id}", png(blank(256)) if data is None else data)
        request = pb.PrepareAvatarRequest(avatar_id=avatar_id, owner="local", source_uri=uri, name=name)
        return [m async for m in self.stub.PrepareAvatar(request)]

    def leftovers(self) -> list[str]:
        # os.walk, unlike rglob, does not mind a folder that is removed under its eyes
        walked = os.walk(self.root / "avatars")
        return [name for _, folders, files in walked for name in (*folders, *files) if ".part" in name]


def config(**how: object) -> pb.StreamRenderRequest:
    form = common_pb2.AudioFormat(
        encoding=common_pb2.AUDIO_ENCODING_PCM_S16LE, sample_rate_hertz=how.pop("rate", RATE), channels=1
    )
    return pb.StreamRenderRequest(config=pb.RenderConfig(owner="local", format=form, **how))


def sound(samples: np.ndarray, at_s: float = 0, rate: int = RATE) -> Iterator[pb.StreamRenderRequest]:
    step = rate // 5
    for i in range(0, samples.size, step):
        chunk = common_pb2.AudioChunk(data=to_pcm16(samples[i : i + step]), pts_us=round((at_s + i / rate) * 1e6))
        yield pb.StreamRenderRequest(audio=chunk)


async def open_rig(
    serve: Serve,
    folder: Path,
    registry: dict[str, str] | None = None,
    weights: tuple[str, ...] = ("portrait",),
    own: dict[str, object] | None = None,
    storage: SharedSettings | None = None,
    **settings: object,
) -> Rig:
    """The render service with its storage under ``folder``, or another one; the test is skipped where groups of weights
    are missing."""
    try:
        for group in weights:
            weights_folder(group, SharedSettings().weights_dir)
    except WeightsError as e:
        pytest.skip(str(e))
    # validated settings would refuse the names of fake engines
    chosen = RenderSettings.model_construct(**{**RenderSettings().model_dump(), **settings})
    shared = storage or SharedSettings(storage_url=f"file://{folder}/storage")
    running = await serve(make_service(chosen, shared, registry, own), chosen)
    return Rig(running.stub, Storage(shared.storage_url, shared), folder / "storage", running.channel)


END = pb.StreamRenderRequest(end=common_pb2.EndOfInput())


async def whole(rig: Rig, messages: list[pb.StreamRenderRequest]) -> list[pb.StreamRenderResponse]:
    return [m async for m in rig.stub.StreamRender(iter(messages))]


def kinds(answers: list[pb.StreamRenderResponse]) -> list[str]:
    return [a.WhichOneof("payload") for a in answers]


def media(answers: list[pb.StreamRenderResponse]) -> bytes:
    return b"".join(a.media.data for a in answers if a.WhichOneof("payload") == "media")


async def refused(call: object) -> HuashengError:
    """The reason of a call that must fail; works for one answer and for streams."""
    with pytest.raises(grpc.aio.AioRpcError) as e:
        if hasattr(call, "__aiter__"):
            async for _ in call:
                pass
        else:
            await call
    return from_rpc(e.value, "render")


async def rest(call: grpc.aio.StreamStreamCall) -> list[pb.StreamRenderResponse]:
    """What is still to come after ``call.read()`` was used."""
    answers = []
    while (answer := await asyncio.wait_for(call.read(), PATIENCE_S)) is not grpc.aio.EOF:
        answers.append(answer)
    return answers
