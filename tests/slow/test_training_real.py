"""The real trainer on a real clip over gRPC: killed while it learns, its newest checkpoint spoilt, and gone on from."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import numpy as np
import psutil
import pytest
from huasheng.render.v1 import render_pb2 as pb
from huasheng.render.v1 import render_pb2_grpc

from services.common import serving
from services.common.settings import SharedSettings
from services.common.storage import Storage
from services.common.weights import WeightsError, folder
from services.render.engines.atlas.mouth.person import PersonModel
from services.render.engines.atlas.train.fit import PREVIOUS_SUFFIX, SAVE_EVERY
from services.render.server import make_service
from services.render.settings import RenderSettings
from tests.fakes.render_rig import END, Rig, config, kinds, refused, sound, whole

CLIP = Path(__file__).parents[3] / "shared/data/clips/retalking_face3.mp4"
STEPS = 3 * SAVE_EVERY


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    if not CLIP.is_file():
        pytest.skip(f"{CLIP.name} is not here")
    try:
        for group in ("face-mesh", "whisper-base", "portrait"):
            folder(group, SharedSettings().weights_dir)
    except WeightsError as e:
        pytest.skip(str(e))
    settings = RenderSettings.model_construct(**{**RenderSettings().model_dump(), "engines": "atlas"})
    shared = SharedSettings(storage_url=f"file://{tmp_path}/storage")
    service = make_service(settings, shared)
    server, _, port = await serving.start(service, serving.with_port(settings, 0))
    await asyncio.to_thread(service.load)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=serving.CHANNEL_OPTIONS) as channel:
        yield Rig(render_pb2_grpc.RenderServiceStub(channel), Storage(shared.storage_url), tmp_path / "storage")
    await server.stop(1)


async def test_a_killed_training_goes_on_from_the_last_checkpoint_that_can_be_read(rig: Rig) -> None:
    uri = rig.put("assets/clip", CLIP.read_bytes())
    wanted = pb.TrainRequest(training_id="talk", owner="local", video_uri=uri, steps=STEPS, engine="atlas")
    call = rig.stub.Train(wanted)
    async for answer in call:
        if answer.progress.stage == "fit" and answer.progress.step > 2 * SAVE_EVERY:
            break
    trainers = [p for p in psutil.Process().children() if "services.render.train" in " ".join(p.cmdline())]
    assert len(trainers) == 1
    trainers[0].send_signal(signal.SIGKILL)
    assert (await refused(call)).slug == "training-stopped"
    newest = rig.root / "trainings/local/talk/fit.pt"
    assert newest.with_suffix(PREVIOUS_SUFFIX).is_file()
    newest.write_bytes(newest.read_bytes()[: newest.stat().st_size // 2])

    answers = [a async for a in rig.stub.Train(wanted)]
    steps = [a.progress.step for a in answers if a.progress.stage == "fit" and a.progress.step]
    assert SAVE_EVERY < steps[0] <= 2 * SAVE_EVERY and steps[-1] == STEPS
    model = answers[-1].model
    assert "checkpoint-lost" in model.warnings
    assert {"opening_corr", "text_distance", "text_opening", "live_opening_corr"} <= set(model.after)
    for way in ("text", "live"):
        kept = getattr(PersonModel.load(rig.root / f"models/local/{model.model_id}/model.npz"), way)
        assert (kept is None) == (f"{way}-not-better" in model.warnings)
    hiss = np.random.default_rng(1).normal(0, 0.05, 16000).astype(np.float32)
    for live in (False, True):
        setup = config(avatar_id=model.avatar_id, model_id=model.model_id, engine="atlas", live=live)
        assert kinds(await whole(rig, [setup, *sound(hiss), END]))[-1] == "summary"
