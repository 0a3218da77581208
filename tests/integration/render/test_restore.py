"""The face restorer over gRPC: what is listed, what is refused, and what comes out of the service with one."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest
from huasheng.render.v1 import render_pb2 as pb

from services.render.engines.registry import REGISTRY
from tests.fakes import restorers
from tests.fakes.render_engine import FakeEngine
from tests.fakes.render_rig import END, FAKES, Rig, config, media, open_rig, refused, sound, whole
from tests.fakes.serving import Serve


async def listed(rig: Rig) -> pb.ListEnginesResponse:
    return await rig.stub.ListEngines(pb.ListEnginesRequest())


async def test_without_one_nothing_is_listed_and_a_request_is_refused(rig: Rig) -> None:
    assert not (await listed(rig)).HasField("restorer")
    error = await refused(rig.stub.StreamRender(iter([config(restore=True), END])))
    assert error.slug == "restorer-unavailable" and error.params["cause"] == "no-restorer"
    assert FakeEngine.open_sessions == 0


@pytest.mark.parametrize("live", [True, False])
async def test_one_that_cannot_be_used_says_why(live: bool, serve: Serve, tmp_path: Path) -> None:
    model = restorers.without_numbers(tmp_path / "bad.onnx")
    how = {"restorer_model": str(model), "restorer_name": "Bad 1", "restorer_licence": "MIT"}
    rig = await open_rig(serve, tmp_path, FAKES, engines="fake", **how)
    found = (await listed(rig)).restorer
    assert (found.name, found.licence) == ("Bad 1", "MIT") and "not a number" in found.problem
    error = await refused(rig.stub.StreamRender(iter([config(restore=True, live=live), END])))
    assert error.slug == ("bad-request" if live else "restorer-unavailable"), "never live, and never silently without"
    assert FakeEngine.open_sessions == 0
    answers = await whole(rig, [config(), *sound(np.zeros(8000, np.float32)), END])
    assert answers[-1].summary.frames, "other videos are made"


async def test_a_person_without_a_face_cannot_be_restored(serve: Serve, tmp_path: Path) -> None:
    model = restorers.identity(tmp_path / "same.onnx")
    how = {"restorer_model": str(model), "restorer_licence": "MIT"}
    rig = await open_rig(serve, tmp_path, FAKES, ("portrait", "face-mesh"), engines="fake", **how)
    error = await refused(rig.stub.StreamRender(iter([config(restore=True), *sound(np.zeros(8000, np.float32)), END])))
    assert error.slug == "no-face"
    assert not rig.leftovers()


async def test_the_built_in_avatar_gets_another_face_and_nothing_else(serve: Serve, tmp_path: Path) -> None:
    model = restorers.inverting(tmp_path / "invert.onnx")
    how = {"restorer_model": str(model), "restorer_licence": "MIT"}
    rig = await open_rig(serve, tmp_path, dict(REGISTRY), ("portrait", "face-mesh"), engines="atlas", **how)
    found = (await listed(rig)).restorer
    assert (found.name, found.licence, found.problem) == ("invert", "MIT", "")
    # the report of the built-in avatar says where its face is
    avatar = (await rig.stub.GetAvatar(pb.GetAvatarRequest(owner="local", avatar_id="builtin"))).avatar
    films = []
    for restore in (False, True):
        asked = config(restore=restore, has_phonemes=True)
        answers = await whole(rig, [asked, *sound(np.zeros(8000, np.float32)), END])
        with av.open(io.BytesIO(media(answers))) as container:
            films.append(np.stack([f.to_ndarray(format="gray") for f in container.decode(video=0)]).astype(int))
    box = avatar.report.face_box
    height, width = films[0].shape[1:]
    rows = slice(round(box.top * height), round(box.bottom * height))
    columns = slice(round(box.left * width), round(box.right * width))
    apart = np.abs(films[0] - films[1])
    assert apart[:, rows, columns].mean() > 20
    beside = apart.copy()
    beside[:, max(0, rows.start - 24) : rows.stop + 24, max(0, columns.start - 24) : columns.stop + 24] = 0
    assert np.percentile(beside, 99.9) <= 6, "no more than what encoding another face does"
    faces = [n for n in rig.storage.list("avatars/builtin/builtin") if "faces-" in n]
    assert len(faces) == 1
