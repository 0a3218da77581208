"""joygen trained over gRPC in its real child process with the smallest networks: killed, gone on, cancelled, drawn."""

import asyncio
import io
import signal
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from huasheng.render.v1 import render_pb2 as pb
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.render.engines.joygen.settings import Settings as JoygenSettings
from services.render.settings import RenderSettings
from services.render.train.job import TrainingJob
from tests.fakes.joygen_small import write_small
from tests.fakes.joygen_trainer import SAVE_EVERY, train
from tests.fakes.media import rocking, tone, video
from tests.fakes.render_rig import END, FAKES, Rig, config, media, open_rig, refused, sound, whole
from tests.fakes.serving import Serve
from tests.integration.render.test_training import children, until_step

UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
async def joy(tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Rig:
    write_small(tmp_path / "models" / "joygen", "joygen", depth=False)
    monkeypatch.setenv("RENDER_MODELS_DIR", str(tmp_path / "models"))  # for the process that trains
    monkeypatch.setenv("RENDER_DEVICE", "cpu")
    own = {"joygen": JoygenSettings()}  # the registered module is not in the engine's folder
    registry = {**FAKES, "joygen": "tests.fakes.joygen_trainer:QuickJoygen"}
    return await open_rig(serve, tmp_path, registry, ("portrait", "face-mesh"), own, engines="fake,joygen")


def pictures(answers: list[pb.StreamRenderResponse]) -> np.ndarray:
    with av.open(io.BytesIO(media(answers))) as film:
        return np.stack([f.to_ndarray(format="gray") for f in film.decode(video=0)]).astype(float)


def stopped_and_resumed(root: Path, avatar_id: str, scratch: Path) -> Path:
    """The same training in this process, cancelled after its third step and begun again."""
    for name in ("work", "made"):
        (scratch / name).mkdir()
    job = TrainingJob(
        source=root / "assets/talk",
        name="talk",
        work=scratch / "work",
        out=scratch / "made",
        steps=6,
        device="cpu",
        service=RenderSettings(),
        shared=SharedSettings(),
        avatar=root / f"avatars/local/{avatar_id}/engine",
    )
    cancelling = replace(job, cancelled=lambda: cancelling.progress.step >= 3)
    with pytest.raises(HuashengError, match="cancelled"):
        train(cancelling)
    assert not list((scratch / "made").iterdir())
    told: list[int] = []
    train(replace(job, on_progress=lambda t: told.append(t.step) if t.stage == "fit" else None))
    assert told[0] == 3, "a cancel keeps every step"
    board = EventAccumulator(str(job.work / "tensorboard")).Reload()
    assert [e.step for e in board.Scalars("loss")] == [1, 2, 3, 4, 5, 6], "one curve over both runs"
    assert {"rate", "held out/mouth_psnr_db"} <= set(board.Tags()["scalars"])
    return scratch / "made" / UNET


async def test_a_training_killed_or_cancelled_goes_on_exactly_and_its_model_draws(joy: Rig, tmp_path: Path) -> None:
    voice = tone(4.1) * (np.sin(np.arange(65600) / 900) > 0)
    uri = joy.put("assets/talk", video(rocking(4.1, 320), sound=voice.astype(np.float32)))
    wanted = pb.TrainRequest(training_id="talk", owner="local", video_uri=uri, steps=6, engine="joygen")
    call = joy.stub.Train(wanted)
    reached = (await until_step(call, SAVE_EVERY)).step
    children()[0].send_signal(signal.SIGKILL)
    assert (await refused(call)).slug == "training-stopped"

    answers = [a async for a in joy.stub.Train(wanted)]
    told, model = [a.progress for a in answers[:-1]], answers[-1].model
    first = next(t.step for t in told if t.stage == "fit")
    assert reached // SAVE_EVERY * SAVE_EVERY <= first < 6, "only the steps since the last checkpoint are lost"
    assert (model.model_id, model.engine) == ("talk_steps6", "joygen")
    assert model.after["mouth_psnr_db"] > model.before["mouth_psnr_db"]
    assert (joy.root / told[-1].preview_uri.removeprefix(f"file://{joy.root}/")).read_bytes().startswith(b"\xff\xd8")

    threads = torch.get_num_threads()
    other = await asyncio.to_thread(stopped_and_resumed, joy.root, model.avatar_id, tmp_path)
    torch.set_num_threads(threads)
    killed, stopped = (load_file(f) for f in (joy.root / f"models/local/{model.model_id}" / UNET, other))
    assert all((killed[k] == stopped[k]).all() for k in stopped), "interrupted elsewhere, and the same network"

    speech = (0.3 * np.sin(np.arange(9600) * 0.1)).astype(np.float32)
    drawn = {}
    for name in ("joygen", model.model_id):
        chosen = config(avatar_id=model.avatar_id, model_id=name)
        drawn[name] = pictures(await whole(joy, [chosen, *sound(speech), END]))
    published, trained = drawn.values()
    assert published.shape == trained.shape == (15, 320, 320)
    far = np.abs(published - trained).mean(0)
    mouth, elsewhere = far[85:105, 125:155].mean(), far[150:].mean()
    assert mouth > 4 > 2 > elsewhere, "only the lower face is another"
    error = await refused(joy.stub.StreamRender(iter([config(model_id="talk_steps7"), END])))
    assert error.slug == "unknown-id"
