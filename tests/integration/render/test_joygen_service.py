"""The whole way over gRPC with joygen's smallest networks: prepare, draw, decode; what the lists say."""

import asyncio
from pathlib import Path

import grpc
import numpy as np
import pytest
from huasheng.render.v1 import render_pb2 as pb

from services.common.errors import from_rpc
from services.render.engines.registry import REGISTRY
from tests.fakes.joygen_small import write_small
from tests.fakes.media import decoded, rocking, video
from tests.fakes.render_rig import END, FAKES, Rig, config, kinds, media, open_rig, refused, rest, sound, whole
from tests.fakes.serving import Serve


@pytest.fixture
async def joy(tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Rig:
    write_small(tmp_path / "models" / "joygen", "joygen", depth=False)
    monkeypatch.setenv("RENDER_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("RENDER_DEVICE", "cpu")
    return await open_rig(
        serve, tmp_path, {**REGISTRY, **FAKES}, ("portrait", "face-mesh"), engines="fake,joygen,musetalk"
    )


async def accepted(joy: Rig, messages: list[pb.StreamRenderRequest]) -> grpc.aio.StreamStreamCall:
    """A call that has its header; calls that were given up leave when their picture is drawn, which is waited for."""
    async with asyncio.timeout(60):
        while True:
            call = joy.stub.StreamRender(iter(messages))
            try:
                assert (await call.read()).WhichOneof("payload") == "header"
                return call
            except grpc.aio.AioRpcError as e:
                assert from_rpc(e, "render").slug in ("busy", "device-busy")
                await asyncio.sleep(0.02)


async def test_an_avatar_is_prepared_and_speaks(joy: Rig) -> None:
    uri = joy.put("assets/ann", video(rocking(1, 320)))
    request = pb.PrepareAvatarRequest(avatar_id="ann", owner="local", source_uri=uri, name="Ann", engine="joygen")
    steps = [m async for m in joy.stub.PrepareAvatar(request)]
    stages = [m.progress.stage for m in steps if m.WhichOneof("payload") == "progress"]
    assert {"encode", "idle"} <= set(stages)
    avatar = steps[-1].avatar
    assert (avatar.engine, avatar.fps, avatar.width) == ("joygen", 25, 320)
    assert not joy.leftovers()

    speech = (0.3 * np.sin(np.arange(9600) * 0.1)).astype(np.float32)
    messages = [config(avatar_id="ann", device="cpu"), *sound(speech), END]
    answers = await whole(joy, messages)
    assert kinds(answers)[0] == "header"
    assert answers[-1].summary.frames == 15
    film = decoded(media(answers))
    assert (film["frames"], film["width"], film["fps"]) == (15, 320, 25)
    assert film["audio_s"] == pytest.approx(0.6, abs=0.05)

    error = await refused(joy.stub.StreamRender(iter([config(avatar_id="ann", device="cuda:0"), END])))
    assert error.slug == "unknown-id"

    # a call that is given up frees its place: as many again as there are places can follow
    for _ in range(5):
        call = await accepted(joy, [config(avatar_id="ann", live=True), *sound(speech)])
        call.cancel()
    last = await accepted(joy, messages)
    assert (await rest(last))[-1].summary.frames == 15


async def test_the_lists_say_how_it_draws_and_what_is_missing(joy: Rig) -> None:
    engines = {e.name: e for e in (await joy.stub.ListEngines(pb.ListEnginesRequest())).engines}
    assert engines["joygen"].available
    assert "without the 3D face" in engines["joygen"].description
    assert "hubert" in engines["joygen"].description
    assert "on cpu" in engines["joygen"].description
    assert not engines["musetalk"].available
    assert "unet.pth is missing" in engines["musetalk"].reason
    devices = (await joy.stub.ListDevices(pb.ListDevicesRequest())).devices
    assert [d.device for d in devices] == ["cpu"]
