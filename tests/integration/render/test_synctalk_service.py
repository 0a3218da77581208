"""SyncTalk through the service: listed, trained, drawn, cancelled; the checkout is a fake one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from huasheng.render.v1 import render_pb2 as pb

from services.render.clip.tracking import MIN_S
from services.render.engines.registry import REGISTRY
from services.render.engines.synctalk.prepare import SHORT_S
from services.render.engines.synctalk.setup import SyncTalk
from tests.fakes.media import decoded, png, portrait, rocking, tone, video
from tests.fakes.render_rig import END, FAKES, Rig, config, kinds, media, open_rig, refused, sound, whole
from tests.fakes.serving import Serve
from tests.fakes.synctalk_checkout import calls, checkout, fault, variables


@pytest.fixture
async def checkout_(tmp_path: Path) -> SyncTalk:
    return checkout(tmp_path)


@pytest.fixture
def no_process_is_left() -> Iterator[None]:
    yield
    assert not psutil.Process().children(recursive=True)


@pytest.fixture
async def rig(
    no_process_is_left: None, tmp_path: Path, checkout_: SyncTalk, monkeypatch: pytest.MonkeyPatch, serve: Serve
) -> Rig:
    for name, value in variables(checkout_).items():
        monkeypatch.setenv(name, value)
    registry = {**FAKES, **REGISTRY}
    return await open_rig(serve, tmp_path, registry, ("portrait", "face-mesh"), engines="fake,synctalk")


async def in_time(holds: Callable[[], bool]) -> None:
    """Programs start slowly on a busy machine."""
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.02)


def request(rig: Rig, seconds: float = 3, **more: object) -> pb.TrainRequest:
    uri = rig.put("assets/clip", video(rocking(seconds, 320), sound=tone(seconds)))
    given = {"training_id": "talk", "owner": "local", "engine": "synctalk", "steps": 300, "name": "Talk", **more}
    return pb.TrainRequest(video_uri=uri, **given)


async def test_a_person_is_trained_and_drawn(rig: Rig, checkout_: SyncTalk) -> None:
    engine = (await rig.stub.ListEngines(pb.ListEnginesRequest())).engines[1]
    assert (engine.name, engine.available, engine.can_train) == ("synctalk", True, True)
    assert "non-commercial" in engine.license
    clip = engine.training_clip
    assert (clip.least_s, clip.short_s, clip.most_s) == (MIN_S, SHORT_S, 300), "what its preparing goes by"
    devices = (await rig.stub.ListDevices(pb.ListDevicesRequest())).devices
    assert [d.name for d in devices][1:] == ["Fake GPU"]

    answers = [a async for a in rig.stub.Train(request(rig))]
    told, model = [a.progress for a in answers[:-1]], answers[-1].model
    assert {"wait", "landmarks", "tracking", "idle", "fit"} <= {t.stage for t in told}
    assert [t.fraction for t in told] == sorted(t.fraction for t in told)
    assert (model.model_id, model.engine, model.steps) == ("talk_steps300", "synctalk", 300)
    assert model.after["psnr_db"] > 30 and not model.before
    models = (await rig.stub.ListModels(pb.ListModelsRequest(owner="local"))).models
    assert [m.model_id for m in models] == ["fake", "talk_steps300"], "there is none before training"

    answers = await whole(rig, [config(model_id="talk_steps300"), *sound(tone(2.5)), END])
    assert kinds(answers)[0] == "header" and kinds(answers)[-1] == "summary"
    assert answers[0].header.engine == "synctalk"
    found = decoded(media(answers))
    assert (found["frames"], found["width"], found["height"]) == (63, 512, 512)
    assert found["audio_s"] == pytest.approx(2.5, abs=0.1)
    assert calls(checkout_)[-1][1:2] != calls(checkout_)[0][1:2]

    without = await refused(rig.stub.StreamRender(iter([config(avatar_id=model.avatar_id), END])))
    assert without.slug == "model-needed"
    live = config(model_id="talk_steps300", live=True)
    assert (await refused(rig.stub.StreamRender(iter([live, END])))).slug == "not-live"

    fault(checkout_, draw="nothing")
    broken = rig.stub.StreamRender(iter([config(model_id="talk_steps300"), *sound(tone(1)), END]))
    assert (await refused(broken)).slug == "program-no-result"

    fault(checkout_, draw="hang")
    pids = checkout_.checkout / "pids.txt"
    call = rig.stub.StreamRender(iter([config(model_id="talk_steps300"), *sound(tone(1)), END]))
    reader = asyncio.create_task(anext(aiter(call)))
    await in_time(lambda: pids.is_file() and len(pids.read_text().split()) == 2)
    call.cancel()
    await in_time(lambda: not psutil.Process().children(recursive=True))
    assert not [p for p in pids.read_text().split() if psutil.pid_exists(int(p))]
    await asyncio.gather(reader, return_exceptions=True)

    fault(checkout_, train="hang")  # two programs deep: the trainer's own child, with what that has started
    pids.unlink()
    training = asyncio.create_task(refused(rig.stub.Train(request(rig, training_id="again"))))
    await in_time(lambda: pids.is_file() and len(pids.read_text().split()) == 2)
    await rig.stub.CancelTraining(pb.CancelTrainingRequest(owner="local", training_id="again"))
    assert (await training).slug == "cancelled"
    await in_time(lambda: not [p for p in pids.read_text().split() if psutil.pid_exists(int(p))])


async def test_what_cannot_be_trained_is_refused_before_the_long_work(rig: Rig, checkout_: SyncTalk) -> None:
    begun = len(calls(checkout_))
    assert (await refused(rig.stub.Train(request(rig, steps=60)))).slug == "too-few-steps"
    picture = rig.put("assets/picture", png(portrait(256)))
    wanted = pb.TrainRequest(training_id="p", owner="local", video_uri=picture, engine="synctalk")
    assert (await refused(rig.stub.Train(wanted))).slug == "video-needed"
    assert len(calls(checkout_)) == begun


async def test_a_cancelled_preparation_leaves_nothing(rig: Rig, checkout_: SyncTalk) -> None:
    fault(checkout_, task2="hang")
    uri = rig.put("assets/clip", video(rocking(2, 320), sound=tone(2)))
    wanted = pb.PrepareAvatarRequest(avatar_id="ann", owner="local", source_uri=uri, engine="synctalk", name="Ann")
    call = rig.stub.PrepareAvatar(wanted)
    async for answer in call:
        if answer.progress.stage == "pictures":
            break
    pids = checkout_.checkout / "pids.txt"
    await in_time(lambda: pids.is_file() and len(pids.read_text().split()) == 2)
    call.cancel()
    await in_time(lambda: not psutil.Process().children(recursive=True))
    await in_time(lambda: rig.leftovers() == [])
    assert (await rig.stub.ListAvatars(pb.ListAvatarsRequest(owner="local"))).avatars[0].owner == "builtin"
    assert not (rig.root / "avatars/local/ann").exists()
