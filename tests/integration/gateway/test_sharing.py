"""Avatars, voices, models and videos that one person lets others use, until the share is withdrawn."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from huasheng.render.v1 import render_pb2
from huasheng.tts.v1 import tts_pb2

from tests.fakes import media, people
from tests.fakes.live_client import live_client
from tests.fakes.people import Person
from tests.fakes.problems import problem
from tests.integration.gateway.conftest import World, open_world
from tests.integration.gateway.test_dialogue import frames


@dataclass
class Cast:
    world: World
    ann: Person
    bob: Person
    eve: Person

    async def done(self, who: Person, answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code == 202, answer.text
        self.world.http = who.http
        return await self.world.done(answer.json()["id"])

    async def avatar(self, who: Person) -> str:
        upload = await who.http.post("/api/v1/assets", files={"file": ("me.png", media.png(media.portrait()))})
        body = {"asset_id": upload.json()["id"], "name": "Ann herself", "consent": {"statement": "self"}}
        job = await self.done(who, await who.post("avatars", body))
        identity = str(job["result"]["avatar"]["avatar_id"])
        with self.world.storage.writing(f"avatars/{identity}/idle.mp4") as path:
            path.write_bytes(b"loop")
        self.world.fakes.render.avatars[identity].idle_uri = self.world.storage.uri(f"avatars/{identity}/idle.mp4")
        return identity

    async def share(self, who: Person, kind: str, identity: str, audience: str = "members", **more: Any) -> Any:
        made = await who.post("shares", {"kind": kind, "id": identity, "audience": audience, **more})
        assert made.status_code == 201, made.text
        return made.json()


@pytest.fixture
async def cast(tmp_path: Path) -> AsyncIterator[Cast]:
    async with open_world(tmp_path, GATEWAY_AUTH="accounts") as world:
        ann = await people.first_admin(world)
        # what was there before belongs to the first one: the owner of the others is of another form
        yield Cast(world, ann, await people.member(world, ann, "bob"), await people.member(world, ann, "eve"))


async def test_a_shared_avatar_is_drawn_by_others_and_by_nobody_once_withdrawn(cast: Cast) -> None:
    bob, eve, world = cast.bob, cast.eve, cast.world
    avatar = await cast.avatar(bob)
    share = await cast.share(bob, "avatar", avatar)
    shown = (await eve.http.get("/api/v1/avatars")).json()["items"]
    (theirs,) = [a for a in shown if a["is_shared"]]
    assert (theirs["avatar_id"], theirs["name"]) == (share["id"], "Ann herself")
    assert (await eve.http.get(theirs["idle_url"])).status_code == 200
    asked = await eve.post("dialogues", {"text": "你好", "avatar_id": share["id"]})
    job = await cast.done(eve, asked)
    assert job["state"] == "succeeded", job
    config = world.fakes.render.script.seen[-1]
    assert config.avatar_id == avatar and config.owner != "local"
    assert (await eve.http.delete(f"/api/v1/avatars/{share['id']}")).status_code == 404
    problem(await eve.post("shares", {"kind": "avatar", "id": share["id"], "audience": "members"}), 404, "unknown-id")
    cookie = "; ".join(f"{k}={v}" for k, v in eve.http.cookies.items())
    async with live_client(
        world.gateway.url, {"can": ["mse"], "avatar_id": share["id"]}, Cookie=cookie, Origin=world.gateway.url
    ) as client:
        await client.until("welcome")
        await client.send("bye")
        await client.until_closed()
    assert (await bob.http.delete(f"/api/v1/shares/{share['id']}")).status_code == 204
    problem(await eve.post("dialogues", {"text": "你好", "avatar_id": share["id"]}), 404, "unknown-id")
    assert not [a for a in (await eve.http.get("/api/v1/avatars")).json()["items"] if a["is_shared"]]
    assert (await bob.http.get(f"/api/v1/avatars/{avatar}")).status_code == 200


async def test_a_job_that_waits_is_not_drawn_after_the_share_has_ended(cast: Cast) -> None:
    bob, eve, render = cast.bob, cast.eve, cast.world.fakes.render
    share = await cast.share(bob, "avatar", await cast.avatar(bob))
    render.script.hold.clear()
    first = await eve.post("videos", {"text": "一", "avatar_id": share["id"]})
    second = await eve.post("videos", {"text": "二", "avatar_id": share["id"]})
    await bob.http.delete(f"/api/v1/shares/{share['id']}")
    render.script.hold.set()
    assert first.status_code == 202
    job = await cast.done(eve, second)
    assert job["state"] == "failed" and job["error"]["reason"] == "unknown-id"


async def test_a_shared_voice_speaks_and_shows_nothing_of_its_recordings(cast: Cast) -> None:
    bob, eve, world = cast.bob, cast.eve, cast.world
    world.fakes.tts.clones = tts_pb2.Cloning(engine="fake-clone")
    form = {"name": "Bob", "consent": "My voice.", "consent_by": "Bob", "consent_statement": "self"}
    take = {"file": ("me.wav", media.wav(media.tone(4)))}
    made = await bob.http.post("/api/v1/voices", files=take, data=form)
    assert made.status_code == 201, made.text
    voice = made.json()["voice_id"]
    share = await cast.share(bob, "voice", voice)
    (theirs,) = [v for v in (await eve.http.get("/api/v1/voices")).json()["items"] if v["is_shared"]]
    assert theirs["voice_id"] == share["id"] and theirs["clips"] == [] and theirs["consent"] is None
    job = await cast.done(eve, await eve.post("videos", {"text": "大家好", "voice_id": share["id"]}))
    assert job["state"] == "succeeded", job
    spoken = [c.voice_id for c in world.fakes.tts.configs]
    assert spoken[-1] == voice
    assert (await eve.post("speech", {"text": "好", "voice_id": share["id"]})).status_code == 200
    await bob.http.delete(f"/api/v1/voices/{voice}")
    assert (await bob.http.get("/api/v1/shares")).json()["items"] == [], "gone with what it shared"
    problem(await eve.post("speech", {"text": "好", "voice_id": share["id"]}), 404, "unknown-voice")


async def test_a_model_that_is_shared_draws_its_owners_avatar(cast: Cast) -> None:
    bob, eve, render = cast.bob, cast.eve, cast.world.fakes.render
    owner = (await bob.http.get(f"/api/v1/avatars/{await cast.avatar(bob)}")).json()["owner"]
    model = render_pb2.Model(model_id="clip_steps300", owner=owner, name="clip", engine="fake-render", avatar_id="p-x")
    render.models["clip_steps300"] = model
    share = await cast.share(bob, "model", "clip_steps300")
    (theirs,) = [m for m in (await eve.http.get("/api/v1/models")).json()["items"] if m["is_shared"]]
    assert theirs["model_id"] == share["id"] and theirs["avatar_id"] is None
    job = await cast.done(eve, await eve.post("videos", {"text": "大家好", "model": share["id"]}))
    assert job["state"] == "succeeded", job
    assert render.script.seen[-1].model_id == "clip_steps300"
    eves = await cast.avatar(eve)
    mixed = await eve.post("videos", {"text": "x", "model": share["id"], "avatar_id": eves})
    problem(mixed, 404, "unknown-id")


async def test_a_video_by_link_is_shown_to_anybody_until_it_is_withdrawn(cast: Cast) -> None:
    bob, world = cast.bob, cast.world
    job = await cast.done(bob, await bob.post("videos", {"text": "大家好"}))
    share = await cast.share(bob, "video", job["id"], "link", days=1)
    token = share["link"].rsplit("/", 1)[1]
    async with people.program(world) as anybody:
        shown = (await anybody.get(f"/api/v1/shared/{token}")).json()
        assert shown["owner_name"] == "bob" and shown["kind"] == "video" and shown["expires_at"]
        whole = await anybody.get(shown["file_url"])
        assert whole.status_code == 200 and frames(whole.content) > 0
        part = await anybody.get(shown["file_url"], headers={"Range": "bytes=0-9"})
        assert part.status_code == 206 and part.content == whole.content[:10]
        for forged in (token[:-1] + "A", token.replace(".", ".."), share["id"], share["id"] + ".", "x.y"):
            problem(await anybody.get(f"/api/v1/shared/{forged}"), 410, "link-used")
        await bob.http.delete(f"/api/v1/shares/{share['id']}")
        problem(await anybody.get(f"/api/v1/shared/{token}"), 410, "link-used")
        problem(await anybody.get(shown["file_url"]), 410, "link-used")


async def test_a_link_is_taken_into_ones_own_list_and_out_again(cast: Cast) -> None:
    bob, eve = cast.bob, cast.eve
    share = await cast.share(bob, "avatar", await cast.avatar(bob), "link")
    token = share["link"].rsplit("/", 1)[1]
    assert not [a for a in (await eve.http.get("/api/v1/avatars")).json()["items"] if a["is_shared"]]
    assert (await eve.post(f"shared/{token}")).json()["id"] == share["id"]
    assert (await eve.post(f"shared/{token}")).status_code == 200, "twice is once"
    assert [a["id"] for a in (await eve.http.get("/api/v1/avatars")).json()["items"] if a["is_shared"]] == [share["id"]]
    (mine,) = (await eve.http.get("/api/v1/shares/with-me")).json()["items"]
    assert (await eve.http.get(mine["file_url"])).headers["content-type"] == "video/mp4"
    problem(await cast.ann.http.get(mine["file_url"]), 404, "unknown-id")
    assert (await eve.http.delete(f"/api/v1/shares/{share['id']}")).status_code == 204
    assert (await eve.http.get("/api/v1/shares/with-me")).json()["items"] == []
    assert len((await bob.http.get("/api/v1/shares")).json()["items"]) == 1, "a guest takes nothing from the owner"


async def test_a_share_ends_by_itself(cast: Cast) -> None:
    bob, eve = cast.bob, cast.eve
    share = await cast.share(bob, "avatar", await cast.avatar(bob), days=1e-5)  # 0.9 s
    end = time.monotonic() + 60
    while [a for a in (await eve.http.get("/api/v1/avatars")).json()["items"] if a["is_shared"]]:
        assert time.monotonic() < end
    (mine,) = (await bob.http.get("/api/v1/shares")).json()["items"]
    assert mine["id"] == share["id"] and mine["is_over"]


async def test_only_ones_own_things_can_be_shared(cast: Cast) -> None:
    bob, eve = cast.bob, cast.eve
    avatar = await cast.avatar(bob)
    job = await cast.done(bob, await bob.post("videos", {"text": "大家好"}))
    for kind, identity in (("avatar", avatar), ("video", job["id"]), ("model", "x")):
        body = {"kind": kind, "id": identity, "audience": "members"}
        problem(await eve.post("shares", body), 404, "unknown-id")
    problem(await eve.post("shares", {"kind": "avatar", "id": "builtin", "audience": "link"}), 409, "builtin-stays")
