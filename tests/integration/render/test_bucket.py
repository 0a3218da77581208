"""The render service with its files in a bucket: several machines share avatars, models and trainings."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import numpy as np
import pytest
from huasheng.render.v1 import render_pb2 as pb

from services.common.bucket.objects import Bucket
from services.render.train import kept
from tests.fakes.media import blank, png
from tests.fakes.render_engine import FakeEngine
from tests.fakes.render_rig import END, FAKES, Rig, config, kinds, open_rig, refused, sound, whole
from tests.fakes.s3_server import S3Server
from tests.fakes.serving import Serve
from tests.fakes.trainer import SAVE_EVERY
from tests.integration.render.test_training import request, trained, until_step

SECOND = np.zeros(16000, np.float32)


async def machines(serve: Serve, s3: S3Server, folder: Path, *names: str) -> list[Rig]:
    """Renderers with nothing in common but the bucket."""
    url = s3.new_url()
    return [
        await open_rig(serve, folder / name, FAKES, engines="fake", storage=s3.settings(url, folder / name))
        for name in names
    ]


async def test_an_avatar_of_one_machine_is_drawn_on_another(
    serve: Serve, s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = await machines(serve, s3, tmp_path, "here", "there")
    made = (await here.prepare())[-1].avatar
    listings = list[object]()
    pages = Bucket._pages
    monkeypatch.setattr(Bucket, "_pages", lambda self, **how: (listings.append(how), pages(self, **how))[1])
    for rig in (here, there, there):
        answers = await whole(rig, [config(avatar_id="ann"), *sound(SECOND), END])
        assert kinds(answers)[-1] == "summary"
        ask = pb.GetAvatarRequest(owner="local", avatar_id="ann")
        assert (await rig.stub.GetAvatar(ask)).avatar.created_at == made.created_at
    assert not listings, "neither drawing nor asking for one avatar lists the bucket"
    listed = (await there.stub.ListAvatars(pb.ListAvatarsRequest(owner="local"))).avatars
    assert [a.avatar_id for a in listed] == ["builtin", "ann"]
    assert len(listings) == 1
    await there.stub.DeleteAvatar(pb.DeleteAvatarRequest(owner="local", avatar_id="ann"))
    assert (await refused(here.stub.GetAvatar(ask))).slug == "unknown-id", "no machine goes by what it knew"
    assert [a.avatar_id for a in (await here.stub.ListAvatars(pb.ListAvatarsRequest(owner="local"))).avatars] == [
        "builtin"
    ]


async def test_another_machine_goes_on_where_a_killed_one_saved(
    serve: Serve, s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "SAVE_S", 0.0)
    here, there = await machines(serve, s3, tmp_path, "here", "there")
    call = here.stub.Train(request(here, steps=200))
    await until_step(call, 2 * SAVE_EVERY + 1)
    ask = pb.GetTrainingRequest(owner="local", training_id="talk")
    with monkeypatch.context() as lost:  # as where the machine is lost: nothing more is saved
        for name in ("end", "save"):
            lost.setattr(kept.KeptWork, name, lambda _self: None)
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await call.code()
        while (await here.stub.GetTraining(ask)).running:
            await asyncio.sleep(0.02)
    assert (await there.stub.GetTraining(ask)).progress.step >= SAVE_EVERY
    told, model = await trained(there, request(there, steps=40))
    steps = [t.step for t in told if t.stage == "fit"]
    assert steps[0] >= SAVE_EVERY
    assert steps[-1] == 40
    assert there.storage.read(there.storage.key(told[-1].preview_uri)) == b"\xff\xd8 preview"
    assert not list((tmp_path / "there" / "work" / "trainings").glob("*/*")), "nothing stays on the machine"
    answers = await whole(here, [config(model_id=model.model_id), *sound(SECOND), END])
    assert kinds(answers)[-1] == "summary"
    assert FakeEngine.last and FakeEngine.last.config.model and FakeEngine.last.config.model.read_bytes() == b"model"
    await here.stub.DeleteModel(pb.DeleteModelRequest(owner="local", model_id=model.model_id))
    assert not [k for k in there.storage.bucket.below("") if k.startswith(("models/", "trainings/"))]
    assert (await refused(there.stub.GetModel(pb.GetModelRequest(owner="local", model_id=model.model_id)))).slug


async def test_a_cancelled_training_keeps_its_last_step(serve: Serve, s3: S3Server, tmp_path: Path) -> None:
    """It ends before a save is due: the end saves."""
    here, there = await machines(serve, s3, tmp_path, "here", "there")
    call = here.stub.Train(request(here, steps=500))
    reached = (await until_step(call, 7)).step
    await here.stub.CancelTraining(pb.CancelTrainingRequest(owner="local", training_id="talk"))
    assert (await refused(call)).slug == "cancelled"
    told, _ = await trained(there, request(there, steps=30))
    assert next(t.step for t in told if t.stage == "fit") >= reached - 1


async def test_a_bucket_that_is_away_is_named(serve: Serve, s3: S3Server, tmp_path: Path) -> None:
    (rig,) = await machines(serve, s3, tmp_path, "here")
    uri = rig.put("assets/ann", png(blank(256)))
    await asyncio.to_thread(s3.kill)
    try:
        for call in (
            rig.stub.ListAvatars(pb.ListAvatarsRequest(owner="local")),
            rig.stub.GetAvatar(pb.GetAvatarRequest(owner="local", avatar_id="ann")),
            rig.stub.PrepareAvatar(pb.PrepareAvatarRequest(owner="local", avatar_id="ann", source_uri=uri, name="A")),
            rig.stub.StreamRender(iter([config(), *sound(SECOND), END])),
        ):
            error = await refused(call)
            assert (error.slug, error.params["service"]) == ("storage-down", "storage")
    finally:
        await asyncio.to_thread(s3.start)
    assert (await rig.prepare())[-1].avatar.name == "Ann"
