"""The operator's face restorer through the gateway: who may ask for it, what is sent, and what the result says."""

import json
from typing import Any

import pytest
from huasheng.render.v1 import render_pb2

from tests.integration.gateway.conftest import World
from tests.integration.gateway.test_studio_scenes import SMALL, made

GFPGAN = render_pb2.Restorer(name="GFPGAN 1.4", licence="Apache-2.0; weights for research")
USED = {"name": "GFPGAN 1.4", "licence": "Apache-2.0; weights for research"}
BODIES: dict[str, dict[str, Any]] = {
    "plain": {"text": "你好。"},
    "studio": {"scenes": [{"text": "你好。"}, {"text": "我们下次再见。"}], "format": SMALL},
}


async def test_without_one_there_is_none(world: World) -> None:
    assert (await world.http.get("/api/v1/engines")).json()["restorer"] is None
    for body in BODIES.values():
        answer = await world.post("videos", body | {"restore": True}, **{"Accept-Language": "zh"})
        assert (answer.status_code, answer.json()["reason"]) == (422, "restorer-unavailable")
        assert "未配置人脸修复模型" in answer.json()["detail"]
    assert not (await world.http.get("/api/v1/jobs")).json()["items"]
    assert not world.fakes.render.script.seen


async def test_one_that_does_not_work_is_refused_with_its_reason(world: World) -> None:
    world.fakes.render.restorer = render_pb2.Restorer(name="x", licence="MIT", problem="its output is not a number")
    listed = (await world.http.get("/api/v1/engines")).json()["restorer"]
    assert listed == {"name": "x", "licence": "MIT", "problem": "its output is not a number"}
    answer = await world.post("videos", {"text": "你好。", "restore": True})
    assert answer.json()["reason"] == "restorer-unavailable" and "not a number" in answer.json()["detail"]
    assert (await made(world, {"text": "你好。"}))["result"]["restorer"] is None, "others are made as before"


@pytest.mark.parametrize("kind", sorted(BODIES))
async def test_what_was_used_is_said(world: World, kind: str) -> None:
    world.fakes.render.restorer = GFPGAN
    job = await made(world, BODIES[kind] | {"restore": True})
    assert job["params"]["restore"] is True and job["result"]["restorer"] == USED
    assert all(config.restore for config in world.fakes.render.script.seen)
    described = world.storage.read(f"results/{job['id']}/video.mp4.json")
    assert json.loads(described)["restorer"] == "GFPGAN 1.4"
    data = (await world.http.get(job["result"]["video_url"])).content
    assert b"GFPGAN 1.4" in data, "the signed manifest names it"
    other = await made(world, BODIES[kind])
    assert other["result"]["restorer"] is None and not world.fakes.render.script.seen[-1].restore


async def test_pieces_of_another_restorer_are_not_taken(world: World) -> None:
    world.fakes.render.restorer = GFPGAN
    first = await made(world, BODIES["studio"] | {"restore": True})
    again = BODIES["studio"] | {"restore": True, "from_job_id": first["id"]}
    assert (await made(world, again))["result"]["reused_pieces"] == 2
    world.fakes.render.restorer = render_pb2.Restorer(name="other", licence="MIT")
    assert (await made(world, again))["result"]["reused_pieces"] == 0
    without = BODIES["studio"] | {"from_job_id": first["id"]}
    assert (await made(world, without))["result"]["reused_pieces"] == 0, "a restored face is another picture"
