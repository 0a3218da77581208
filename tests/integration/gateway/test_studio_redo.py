"""A scene is redone without the others; a video of scenes outlives its gateway, and a cancelled one leaves nothing."""

from typing import Any

import pytest

from tests.fakes.waiting import until
from tests.integration.gateway.conftest import World
from tests.integration.gateway.test_studio_scenes import SMALL, greys, made


def three(**changed: Any) -> dict[str, Any]:
    scenes = [
        {"text": "第一个场景，比开头的标识更长，后面的场景不必带上它。"},
        {"text": "第二个场景，稍微长一点。"},
        {"text": "最后一个。"},
    ]
    return {"scenes": scenes, "format": SMALL, **changed}


async def test_redoing_a_scene_speaks_and_draws_that_one_alone(world: World) -> None:
    first = await made(world, three())
    assert (first["result"]["pieces"], first["result"]["reused_pieces"]) == (3, 0)
    world.fakes.tts.script.seen.clear()
    world.fakes.render.script.seen.clear()
    again = three(from_job_id=first["id"])
    again["scenes"][1] = {"text": "换了一句话。"}
    second = await made(world, again)
    assert (second["result"]["pieces"], second["result"]["reused_pieces"]) == (3, 2)
    assert world.fakes.tts.script.seen == ["换了一句话。"]
    assert len(world.fakes.render.script.seen) == 1
    pictures = greys((await world.http.get(second["result"]["video_url"])).content)
    assert len(pictures) == second["result"]["frames"] != first["result"]["frames"]

    # either may be forgotten: what was taken is the new one's own
    assert (await world.http.delete(f"/api/v1/jobs/{first['id']}?forget=true")).status_code == 204
    assert not list((world.folder / "storage" / "results").glob(f"{first['id']}*"))
    third = await made(world, three(scenes=again["scenes"], from_job_id=second["id"]))
    assert third["result"]["reused_pieces"] == 3
    assert len(world.fakes.render.script.seen) == 1

    # another seed speaks the scene anew
    world.fakes.tts.script.seen.clear()
    seeded = [*again["scenes"][:2], {"text": "最后一个。", "synthesis": {"speed": 1.5}}]
    fourth = await made(world, three(scenes=seeded, from_job_id=third["id"]))
    assert world.fakes.tts.script.seen == ["最后一个。"]
    assert fourth["state"] == "succeeded"

    for body, wanted in ((three(from_job_id="j_nobody"), 404), (three(from_job_id=first["id"]), 404)):
        assert (await world.post("videos", body)).status_code == wanted


@pytest.mark.parametrize("stage", ["speaking", "drawing", "publishing"])
async def test_a_gateway_that_dies_begins_with_what_is_kept(world: World, stage: str) -> None:
    """Killed while the second scene is spoken, while it is drawn, and when all is drawn."""
    fakes = world.fakes
    pieces = world.folder / "storage" / "results"

    def kept(suffix: str) -> int:
        return sum(p.with_suffix(".json").exists() for p in pieces.glob(f"*/pieces/*{suffix}"))

    if stage == "speaking":
        fakes.render.script.hold.clear()
        fakes.tts.script.delay_s = 0.3
        job = (await world.post("videos", three())).json()
        await until(lambda: kept(".pcm") >= 1)
    elif stage == "drawing":
        fakes.render.script.delay_s = 0.4
        job = (await world.post("videos", three())).json()
        await until(lambda: kept(".mp4") >= 1)
    else:
        job = (await world.post("videos", three())).json()
        await until(lambda: kept(".mp4") == 3)
    await world.gateway.kill()
    spoken, drawn = kept(".pcm"), kept(".mp4")
    fakes.render.script.hold.set()
    fakes.tts.script.delay_s = fakes.render.script.delay_s = 0.0
    asked = len(fakes.tts.configs), len(fakes.render.script.seen)
    await world.gateway.start()
    done = await world.done(job["id"])
    assert done["state"] == "succeeded", done
    assert len(fakes.tts.configs) - asked[0] == 3 - spoken
    assert len(fakes.render.script.seen) - asked[1] == 3 - drawn
    assert len(greys((await world.http.get(done["result"]["video_url"])).content)) == done["result"]["frames"]
    assert done["result"]["reused_pieces"] == 0, "nothing came from another job"


@pytest.mark.parametrize("stage", ["speaking", "drawing"])
async def test_a_cancelled_one_leaves_nothing(world: World, stage: str) -> None:
    fakes = world.fakes
    if stage == "speaking":
        fakes.tts.script.delay_s = 0.3
    fakes.render.script.hold.clear()
    job = (await world.post("videos", three())).json()
    wanted = ".pcm" if stage == "speaking" else ".json"
    await until(lambda: bool(list((world.folder / "storage" / "results").glob(f"*/pieces/*{wanted}"))))
    if stage == "drawing":
        await until(lambda: fakes.render.script.active >= 1)
    cancelled = (await world.http.delete(f"/api/v1/jobs/{job['id']}")).json()
    assert cancelled["state"] == "cancelled", cancelled
    assert not list((world.folder / "storage").glob("results/**/*.*"))
    assert not list((world.folder / "data" / "work").glob("*/*"))
    await until(lambda: fakes.render.script.active == 0)
    fakes.render.script.hold.set()
    assert (await made(world, three()))["state"] == "succeeded"


async def test_a_renderer_that_is_lost_costs_one_piece(world: World) -> None:
    fakes = world.fakes
    fakes.render.script.hold.clear()
    job = (await world.post("videos", three())).json()
    await until(lambda: fakes.render.script.active >= 1)
    await fakes.kill("render")
    fakes.render.script.hold.set()
    await fakes.start("render")
    done = await world.done(job["id"])
    assert done["state"] == "succeeded", done
    assert len(greys((await world.http.get(done["result"]["video_url"])).content)) == done["result"]["frames"]
