"""Consent for a film that is dubbed is withdrawn: nothing is drawn of it any more, what was made is marked."""

from __future__ import annotations

import hashlib

from tests.fakes.dubbing import film
from tests.fakes.problems import problem
from tests.fakes.waiting import until
from tests.integration.gateway.conftest import World
from tests.integration.gateway.test_dubbing import asset_of, script, world
from tests.integration.gateway.test_studio_scenes import made

__all__ = ["world"]


async def test_a_dubbed_film_after_its_consent_is_withdrawn(world: World) -> None:
    data = film()
    asset = await asset_of(world, data)
    table = await script(world, film_asset_id=asset, consent={"statement": "written"})
    (kept,) = (await world.http.get("/api/v1/consents")).json()["items"]
    avatar = kept["resource_id"]
    assert (kept["kind"], kept["sha256"]) == ("avatar", hashlib.sha256(data).hexdigest())
    ready = await made(world, {"dubbing": {"job_id": table["id"]}})
    assert avatar.startswith("f-") and avatar in world.fakes.render.avatars
    pieces = world.folder / "storage" / "results" / ready["id"] / "pieces"
    world.fakes.render.script.hold.clear()
    body = {"dubbing": {"job_id": table["id"], "background": "drop"}}
    running = (await world.post("videos", body)).json()["id"]
    await until(lambda: world.fakes.render.script.active == 1)
    assert (await world.post(f"consents/{kept['id']}/withdrawal", {})).status_code == 200
    world.fakes.render.script.hold.set()
    assert (await world.done(running))["state"] == "cancelled"
    assert avatar not in world.fakes.render.avatars and not pieces.exists()
    assert (await world.http.get("/api/v1/assets")).json()["items"] == [], "the film went"
    marks = {j["id"]: j["consent_withdrawn"] for j in (await world.http.get("/api/v1/jobs")).json()["items"]}
    assert marks == {table["id"]: True, ready["id"]: True, running: True}
    assert (await world.http.get(ready["result"]["video_url"])).status_code == 200, "what was made stays"
    problem(await world.post("videos", body), 404, "unknown-id")
    prepared = len(world.fakes.render.avatars)
    again = await world.post("videos", {"dubbing": {"job_id": table["id"]}})
    problem(again, 404, "unknown-id")
    assert len(world.fakes.render.avatars) == prepared
