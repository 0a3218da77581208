"""Trainings over real gRPC, in real child processes; the trainer itself is a fake one that counts."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from huasheng.render.v1 import render_pb2 as pb

from services.common.storage import Storage
from services.render.train.checks import CLIP
from tests.fakes.media import blank, png
from tests.fakes.render_engine import FakeEngine
from tests.fakes.render_rig import END, FAKES, Rig, config, kinds, open_rig, refused, sound, whole
from tests.fakes.serving import Serve
from tests.fakes.trainer import SAVE_EVERY

pytest.importorskip("torch")

DEADLINE_S = 60
"""Longest that anything may take on a machine busy with other work; nothing here needs a second by itself."""


def request(rig: Rig, training_id: str = "talk", steps: int = 20, tail: bytes = b"", **more: object) -> pb.TrainRequest:
    uri = rig.put("assets/clip" + tail.decode(), png(blank(256)) + tail)
    return pb.TrainRequest(training_id=training_id, owner="local", video_uri=uri, steps=steps, **more)


def children() -> list[psutil.Process]:
    """Trainers at work, and those that nobody has buried."""
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            zombie = child.status() == psutil.STATUS_ZOMBIE
            if zombie or "services.render.train" in " ".join(child.cmdline()):
                found.append(child)
    return found


async def until_step(call: AsyncIterator[pb.TrainResponse], step: int) -> pb.TrainProgress:
    async for answer in call:
        if answer.progress.step >= step:
            return answer.progress
    raise AssertionError("ended before that step")


async def at_rest(rig: Rig) -> None:
    """Until the training has ended for the service as well: its child alone may be gone a little earlier."""
    ask = pb.GetTrainingRequest(owner="local", training_id="talk")
    async with asyncio.timeout(DEADLINE_S):
        while children() or (await rig.stub.GetTraining(ask)).running:
            await asyncio.sleep(0.02)


async def trained(rig: Rig, wanted: pb.TrainRequest) -> tuple[list[pb.TrainProgress], pb.Model]:
    answers = [a async for a in rig.stub.Train(wanted)]
    return [a.progress for a in answers[:-1]], answers[-1].model


async def test_a_training_tells_how_it_stands_and_gives_a_model_that_draws(rig: Rig) -> None:
    told, model = await trained(rig, request(rig, name="Talk"))
    assert told[0].stage == "wait" and {"landmarks", "fit", "score"} <= {t.stage for t in told}
    assert [t.fraction for t in told] == sorted(t.fraction for t in told)
    assert [t.step for t in told if t.stage == "fit"][-1] == 20
    assert told[-1].curve.real and told[-1].offset_ms == 120
    assert (rig.root / told[-1].preview_uri.removeprefix(f"file://{rig.root}/")).read_bytes().startswith(b"\xff\xd8")
    assert (model.model_id, model.name, model.training_id, model.steps) == ("talk_steps20", "Talk", "talk", 20)
    assert model.before["opening_corr"] < model.after["opening_corr"]
    assert list(model.warnings) == ["short-clip"]
    for uri, film in ((model.before_video_uri, b"film before.mp4"), (model.after_video_uri, b"film after.mp4")):
        assert (rig.root / uri.removeprefix(f"file://{rig.root}/")).read_bytes() == film
    models = (await rig.stub.ListModels(pb.ListModelsRequest(owner="local"))).models
    assert [m.model_id for m in models] == ["fake", "talk_steps20"]
    assert [m.model_id for m in (await rig.stub.ListModels(pb.ListModelsRequest(owner="other"))).models] == ["fake"]
    for listed in models:
        asked = pb.GetModelRequest(owner="local", model_id=listed.model_id)
        assert (await rig.stub.GetModel(asked)).model == listed
    assert (await rig.stub.GetModel(pb.GetModelRequest(owner="other", model_id="fake"))).model == models[0]
    for owner, model_id in (("other", "talk_steps20"), ("local", "talk"), ("local", "../x"), ("local", "broken")):
        asked = pb.GetModelRequest(owner=owner, model_id=model_id)
        assert (await refused(rig.stub.GetModel(asked))).slug == "unknown-id"
    answers = await whole(rig, [config(model_id="talk_steps20"), *sound(np.zeros(16000, np.float32)), END])
    assert kinds(answers)[-1] == "summary"
    assert FakeEngine.last and FakeEngine.last.config.model and FakeEngine.last.config.model.read_bytes() == b"model"
    state = await rig.stub.GetTraining(pb.GetTrainingRequest(owner="local", training_id="talk"))
    assert (state.running, state.progress.fraction) == (False, 1.0)
    assert not children()


async def test_models_go_by_themselves_or_with_their_avatar(rig: Rig) -> None:
    _, first = await trained(rig, request(rig, "one", 3))
    _, second = await trained(rig, request(rig, "two", 3))
    assert first.avatar_id == second.avatar_id  # the same clip is prepared once
    await rig.stub.DeleteModel(pb.DeleteModelRequest(owner="local", model_id="one_steps3"))
    gone = pb.DeleteModelRequest(owner="local", model_id="one_steps3")
    assert (await refused(rig.stub.DeleteModel(gone))).slug == "unknown-id"
    assert not (rig.root / "trainings/local/one").exists()
    builtin = pb.DeleteModelRequest(owner="local", model_id="fake")
    assert (await refused(rig.stub.DeleteModel(builtin))).slug == "builtin-stays"
    await rig.stub.DeleteAvatar(pb.DeleteAvatarRequest(owner="local", avatar_id=second.avatar_id))
    assert [m.model_id for m in (await rig.stub.ListModels(pb.ListModelsRequest(owner="local"))).models] == ["fake"]
    assert not (rig.root / "models/local/two_steps3").exists()


async def test_cancel_stops_at_once_and_the_same_call_goes_on(rig: Rig) -> None:
    wanted = request(rig, steps=60)
    call = rig.stub.Train(wanted)
    reached = await until_step(call, 15)
    call.cancel()
    await at_rest(rig)
    told, _ = await trained(rig, wanted)
    # a child that a busy machine does not let stop by itself in time is killed: then its checkpoint counts
    assert next(t.step for t in told if t.stage == "fit") >= reached.step // SAVE_EVERY * SAVE_EVERY


async def test_cancel_by_name_ends_the_stream_as_cancelled(rig: Rig) -> None:
    call = rig.stub.Train(request(rig, steps=500))
    await until_step(call, 3)
    await rig.stub.CancelTraining(pb.CancelTrainingRequest(owner="local", training_id="talk"))
    assert (await refused(call)).slug == "cancelled"
    assert not children()


async def test_a_killed_child_is_told_and_goes_on_from_its_checkpoint(rig: Rig) -> None:
    wanted = request(rig, steps=60)
    call = rig.stub.Train(wanted)
    await until_step(call, 25)
    children()[0].send_signal(signal.SIGKILL)
    error = await refused(call)
    assert error.slug == "training-stopped" and error.retryable
    told, model = await trained(rig, wanted)
    assert next(t.step for t in told if t.stage == "fit") >= 20
    assert model.model_id == "talk_steps60"


async def test_a_newer_call_takes_over_and_others_wait(rig: Rig) -> None:
    first = rig.stub.Train(request(rig, steps=200))
    await until_step(first, 5)
    other = rig.stub.Train(request(rig, "other", 3))
    waiting = aiter(other)
    assert (await anext(waiting)).progress.stage == "wait"
    second = rig.stub.Train(request(rig, steps=200))
    assert (await refused(first)).slug == "cancelled"
    assert [a async for a in waiting][-1].model.model_id == "other_steps3"
    assert (await until_step(second, 4)).step >= 4
    second.cancel()
    await at_rest(rig)


async def test_more_than_may_wait_are_refused(tmp_path: Path, serve: Serve) -> None:
    rig = await open_rig(serve, tmp_path, FAKES, engines="fake", max_waiting=1)
    first, second = rig.stub.Train(request(rig, steps=500)), rig.stub.Train(request(rig, "other", 3))
    waiting = aiter(second)
    for call in (aiter(first), waiting):
        assert (await anext(call)).progress.stage == "wait"
    error = await refused(rig.stub.Train(request(rig, "third", 3)))
    assert (error.slug, error.params["limit"]) == ("busy", "1")
    first.cancel()
    assert [a async for a in waiting][-1].model.model_id == "other_steps3"
    assert (await trained(rig, request(rig, "third", 3)))[1].model_id == "third_steps3"


async def test_what_is_wrong_is_named_and_leaves_nothing(rig: Rig) -> None:
    for wrong, slug in (
        (request(rig, "x y"), "bad-request"),
        (request(rig, steps=-1), "bad-request"),
        (request(rig, device="abacus"), "unknown-id"),
        (request(rig, engine="nobody"), "unknown-engine"),
        (request(rig, tail=b"silent"), "silent-audio"),
        (request(rig, tail=b"crash"), "training-stopped"),
    ):
        assert (await refused(rig.stub.Train(wrong))).slug == slug, slug
    foreign = pb.TrainRequest(training_id="t", owner="local", video_uri="file:///etc/passwd")
    assert (await refused(rig.stub.Train(foreign))).slug == "unknown-id"
    ask = pb.GetTrainingRequest(owner="local", training_id="nothing")
    assert (await refused(rig.stub.GetTraining(ask))).slug == "unknown-id"
    unknown = await refused(rig.stub.StreamRender(iter([config(model_id="no_steps1"), END])))
    assert (unknown.slug, unknown.params["kind"]) == ("unknown-id", "model")
    assert [m.model_id for m in (await rig.stub.ListModels(pb.ListModelsRequest(owner="local"))).models] == ["fake"]


async def test_a_clip_without_words_is_refused_before_an_avatar_is_made(rig: Rig) -> None:
    before = FakeEngine.prepared
    told: list[str] = []

    async def stages() -> AsyncIterator[None]:
        async for answer in rig.stub.Train(request(rig, tail=b"wordless", name="My song")):
            told.append(answer.progress.stage)
            yield

    error = await refused(stages())
    assert error.slug == "clip-without-speech" and error.params["name"] == "My song"
    assert told == ["wait", "check"] and FakeEngine.prepared == before


async def test_without_torch_the_engine_says_that_it_cannot_train(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    found = (await rig.stub.ListEngines(pb.ListEnginesRequest())).engines[0]
    clip = found.training_clip
    assert (clip.least_s, clip.short_s, clip.most_s) == (CLIP.least_s, CLIP.short_s, 60), "what its checks go by"
    assert found.can_train and not found.cannot_train_reason
    monkeypatch.setattr("services.render.train.runner.importlib.util.find_spec", lambda name: None)
    found = (await rig.stub.ListEngines(pb.ListEnginesRequest())).engines[0]
    assert not found.can_train and "make setup-train" in found.cannot_train_reason
    assert (await refused(rig.stub.Train(request(rig)))).slug == "training-unavailable"


async def test_the_child_ends_when_its_service_is_killed(tmp_path: Path) -> None:
    """The service's death closes the child's standard input, whatever killed it."""
    Storage(f"file://{tmp_path}").put("clip", png(blank(256)))
    command = [sys.executable, "-m", "services.render.train", str(tmp_path / "clip"), "--out", str(tmp_path / "out")]
    command += ["--work", str(tmp_path / "work"), "--steps", "5000", "--trainer", FakeEngine.trainer, "--lines"]
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import subprocess, time; p = subprocess.Popen({command!r}, stdin=subprocess.PIPE);"
            "print(p.pid, flush=True); time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert parent.stdout
    child = psutil.Process(int(parent.stdout.readline()))
    while True:
        line = await asyncio.to_thread(parent.stdout.readline)
        if json.loads(line)["step"] >= 25:
            break
    parent.kill()
    parent.wait()
    parent.stdout.close()
    async with asyncio.timeout(DEADLINE_S):
        while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.02)
    assert json.loads((tmp_path / "work/steps.json").read_text()) >= 20
