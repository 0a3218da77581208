"""Statements about faces and voices: required with accounts, kept, shown, withdrawn; and accounts that are removed."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import sqlite3
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from huasheng.render.v1 import render_pb2
from huasheng.tts.v1 import tts_pb2

from tests.fakes import media, people
from tests.fakes.live_client import live_client
from tests.fakes.people import PASSWORD, Person
from tests.fakes.problems import problem
from tests.integration.gateway.conftest import World, open_world
from tests.integration.gateway.test_sharing import Cast


@pytest.fixture
async def cast(tmp_path: Path) -> AsyncIterator[Cast]:
    async with open_world(tmp_path, GATEWAY_AUTH="accounts") as world:
        ann = await people.first_admin(world)
        yield Cast(world, ann, await people.member(world, ann, "bob"), await people.member(world, ann, "eve"))


async def stored(who: Person) -> int:
    """Bytes of what was made of videos."""
    items = (await who.http.get("/api/v1/me/storage")).json()["items"]
    return sum(i["bytes"] for i in items if i["kind"] == "video")


FACE = media.png(media.portrait())


async def test_nobody_is_prepared_without_a_statement(cast: Cast) -> None:
    bob, world = cast.bob, cast.world
    texts = (await bob.http.get("/api/v1/consents/texts?lang=zh")).json()
    assert texts["required"] and set(texts["statements"]) == {"self", "written", "made-up"}
    assert "同意" in texts["statements"]["self"]
    asset = (await bob.http.post("/api/v1/assets", files={"file": ("me.png", FACE)})).json()["id"]
    problem(await bob.post("avatars", {"asset_id": asset, "name": "x"}), 422, "consent-needed")
    problem(await bob.post("trainings", {"video_asset_id": asset}), 422, "consent-needed")
    body = {"asset_id": asset, "name": "x", "consent": {"statement": "sure"}}
    problem(await bob.post("avatars", body), 422, "bad-request")
    world.fakes.tts.clones = tts_pb2.Cloning(engine="fake-clone")
    form = {"name": "Bob", "consent": "My voice.", "consent_by": "Bob"}
    take = {"file": ("me.wav", media.wav(media.tone(4)))}
    problem(await bob.http.post("/api/v1/voices", files=take, data=form), 422, "consent-needed")
    wrong = await bob.http.post("/api/v1/voices", files=take, data=form | {"consent_statement": "sure"})
    problem(wrong, 422, "bad-request")
    assert (await bob.http.get("/api/v1/consents")).json()["items"] == []


async def test_without_accounts_a_statement_may_be_made(world: World) -> None:
    asset = (await world.upload(FACE, "me.png")).json()["id"]
    first = await world.post("avatars", {"asset_id": asset, "name": "x"})
    assert (await world.done(first.json()["id"]))["state"] == "succeeded"
    second = await world.post("avatars", {"asset_id": asset, "name": "y", "consent": {"statement": "made-up"}})
    await world.done(second.json()["id"])
    (kept,) = (await world.http.get("/api/v1/consents")).json()["items"]
    assert kept["statement"] == "made-up" and kept["given_by"] == "local"


async def test_a_statement_says_who_when_which_words_and_which_file(cast: Cast) -> None:
    bob = cast.bob
    avatar = await cast.avatar(bob)
    (kept,) = (await bob.http.get("/api/v1/consents")).json()["items"]
    assert kept["resource_id"] == avatar and kept["given_by"] == "bob" and kept["kind"] == "avatar"
    assert kept["sha256"] == hashlib.sha256(FACE).hexdigest()
    assert kept["text"].startswith("This is me.") and kept["text_version"] and kept["recorded_at"]
    shown = (await bob.http.get(f"/api/v1/avatars/{avatar}")).json()["consent"]
    assert (shown["statement"], shown["given_by"]) == ("self", "bob")
    assets = (await bob.http.get("/api/v1/assets")).json()["items"]
    await bob.http.delete(f"/api/v1/assets/{assets[0]['id']}")
    await bob.http.delete(f"/api/v1/avatars/{avatar}")
    assert (await bob.http.get("/api/v1/consents")).json()["items"] == [kept], "it outlives the file"
    problem(await cast.eve.post(f"consents/{kept['id']}/withdrawal"), 404, "unknown-id")


async def test_withdrawing_removes_the_person_and_marks_what_was_made(cast: Cast) -> None:
    bob, eve, render = cast.bob, cast.eve, cast.world.fakes.render
    avatar = await cast.avatar(bob)
    owner = render.avatars[avatar].owner
    render.models["m1"] = render_pb2.Model(model_id="m1", owner=owner, engine="fake-render", avatar_id=avatar)
    made = await cast.done(bob, await bob.post("videos", {"text": "大家好", "avatar_id": avatar}))
    other = await cast.done(bob, await bob.post("videos", {"text": "大家好"}))
    share = await cast.share(bob, "avatar", avatar)
    render.script.hold.clear()
    running = (await bob.post("videos", {"text": "再见", "model": "m1"})).json()["id"]
    (kept,) = (await bob.http.get("/api/v1/consents")).json()["items"]
    withdrawn = await bob.post(f"consents/{kept['id']}/withdrawal")
    assert withdrawn.status_code == 200 and withdrawn.json()["withdrawn_at"]
    render.script.hold.set()
    assert avatar not in render.avatars and "m1" not in render.models
    cast.world.http = bob.http
    assert (await cast.world.done(running))["state"] == "cancelled"
    assert (await bob.http.get("/api/v1/assets")).json()["items"] == [], "the source went too"
    marks = {j["id"]: j["consent_withdrawn"] for j in (await bob.http.get("/api/v1/jobs")).json()["items"]}
    assert marks[made["id"]] and not marks[other["id"]]
    assert (await bob.http.get(made["result"]["video_url"])).status_code == 200, "what was made stays"
    problem(await eve.post("videos", {"text": "x", "avatar_id": share["id"]}), 404, "unknown-id")
    again = await bob.post(f"consents/{kept['id']}/withdrawal")
    assert again.json()["withdrawn_at"] == withdrawn.json()["withdrawn_at"]


async def test_what_others_made_by_a_share_ends_and_is_marked_too(cast: Cast) -> None:
    bob, eve, world = cast.bob, cast.eve, cast.world
    share = await cast.share(bob, "avatar", await cast.avatar(bob))
    asked = await eve.post("videos", {"scenes": [{"text": "大家好", "avatar_id": share["id"]}, {"text": "再见"}]})
    made = await cast.done(eve, asked)
    assert made["state"] == "succeeded", made
    others = await cast.done(eve, await eve.post("videos", {"text": "大家好"}))
    links = [await cast.share(eve, "video", job["id"], "link") for job in (made, others)]
    world.fakes.render.script.hold.clear()
    running = (await eve.post("videos", {"text": "慢慢来", "avatar_id": share["id"]})).json()["id"]
    cookie = "; ".join(f"{k}={v}" for k, v in eve.http.cookies.items())
    hello = {"can": ["mse"], "avatar_id": share["id"]}
    async with live_client(world.gateway.url, hello, Cookie=cookie, Origin=world.gateway.url) as client:
        await client.until("welcome")
        (kept,) = (await bob.http.get("/api/v1/consents")).json()["items"]
        assert (await bob.post(f"consents/{kept['id']}/withdrawal")).status_code == 200
        assert (await client.until("error"))["problem"]["reason"] == "unknown-id"
    world.fakes.render.script.hold.set()
    world.http = eve.http
    assert (await world.done(running))["state"] == "cancelled"
    marks = {j["id"]: j["consent_withdrawn"] for j in (await eve.http.get("/api/v1/jobs")).json()["items"]}
    assert marks == {made["id"]: True, running: True, others["id"]: False}
    left = {s["id"] for s in (await eve.http.get("/api/v1/shares")).json()["items"]}
    assert left == {links[1]["id"]}, "a video that shows the person is shown to nobody else"
    again = await eve.post("shares", {"kind": "video", "id": made["id"], "audience": "link"})
    problem(again, 409, "consent-withdrawn")


async def test_nothing_is_made_anew_of_what_was_withdrawn(cast: Cast) -> None:
    """Pieces that a redo would take go, and no longer count; drafts and rows that wait are refused."""
    bob, world = cast.bob, cast.world
    avatar = await cast.avatar(bob)
    scenes = [{"text": "大家好", "avatar_id": avatar}, {"text": "再见"}]
    made = await cast.done(bob, await bob.post("videos", {"scenes": scenes}))
    pieces = world.folder / "storage" / "results" / made["id"] / "pieces"
    assert len(list(pieces.iterdir())) == 8, "speech and pictures of two scenes, each with its facts"
    before = await stored(bob)
    kept_bytes = sum(p.stat().st_size for p in pieces.iterdir())
    assert before > kept_bytes + made["result"]["bytes"], "they count"
    world.fakes.render.script.hold.clear()
    batch = (
        await bob.post("batches", {"template": {"text": "{{a}}", "avatar_id": avatar}, "rows": [{"a": "好"}] * 4})
    ).json()
    (kept,) = (await bob.http.get("/api/v1/consents")).json()["items"]
    assert (await bob.post(f"consents/{kept['id']}/withdrawal")).status_code == 200
    world.fakes.render.script.hold.set()
    assert not pieces.exists() and await stored(bob) == before - kept_bytes
    redo = await bob.post("videos", {"scenes": [scenes[1]], "from_job_id": made["id"]})
    job = await cast.done(bob, redo)
    assert (job["state"], job["result"]["reused_pieces"]) == ("succeeded", 0)
    problem(await bob.post("videos", {"scenes": scenes, "from_job_id": made["id"]}), 404, "unknown-id")
    for _ in range(400):
        rows = (await bob.http.get(f"/api/v1/batches/{batch['id']}")).json()["rows"]
        if all(r["state"] in ("failed", "cancelled") for r in rows):
            break
        await asyncio.sleep(0.05)
    assert {r["state"] for r in rows} <= {"failed", "cancelled"}, rows


async def test_a_job_that_begins_while_consent_is_withdrawn_ends(cast: Cast) -> None:
    """It had the avatar in hand before that was deleted, and was not there yet when jobs were cancelled."""
    bob, world = cast.bob, cast.world
    avatar = await cast.avatar(bob)
    script, begun = world.fakes.render.script, []
    script.hold.clear()
    drawn = len(script.seen)

    async def begin() -> None:
        begun.append((await bob.post("videos", {"text": "大家好", "avatar_id": avatar})).json()["id"])
        async with asyncio.timeout(20):
            while len(script.seen) == drawn:
                await asyncio.sleep(0.02)

    world.fakes.render.before_delete = begin
    (kept,) = (await bob.http.get("/api/v1/consents")).json()["items"]
    assert (await bob.post(f"consents/{kept['id']}/withdrawal")).status_code == 200
    script.hold.set()
    world.http = bob.http
    assert (await world.done(begun[0]))["state"] == "cancelled"


async def test_withdrawing_a_voice_deletes_it(cast: Cast) -> None:
    bob, tts = cast.bob, cast.world.fakes.tts
    tts.clones = tts_pb2.Cloning(engine="fake-clone")
    form = {"name": "Bob", "consent": "My own words.", "consent_by": "Bob", "consent_statement": "written"}
    take = {"file": ("me.wav", media.wav(media.tone(4)))}
    voice = (await bob.http.post("/api/v1/voices", files=take, data=form)).json()["voice_id"]
    (kept,) = (await bob.http.get("/api/v1/consents")).json()["items"]
    assert (kept["text"], kept["text_version"]) == ("My own words.", "own")
    assert (await bob.post(f"consents/{kept['id']}/withdrawal")).status_code == 200
    assert voice not in tts.cloned


async def test_each_recording_of_a_voice_has_its_statement(cast: Cast) -> None:
    bob, tts = cast.bob, cast.world.fakes.tts
    tts.clones = tts_pb2.Cloning(engine="fake-clone")
    form = {"name": "Bob", "consent": "My own words.", "consent_by": "Bob", "consent_statement": "written"}
    takes = [media.wav(media.tone(4, level=level)) for level in (0.3, 0.2)]
    made = await bob.http.post("/api/v1/voices", files={"file": ("me.wav", takes[0])}, data=form)
    clips = f"/api/v1/voices/{made.json()['voice_id']}/clips"
    second = {"file": ("two.wav", takes[1])}
    problem(await bob.http.post(clips, files=second, data={"transcript": "x"}), 422, "consent-needed")
    problem(await bob.http.post(clips, files=second, data={"consent_statement": "sure"}), 422, "bad-request")
    added = await bob.http.post(clips, files=second, data={"transcript": "x", "consent_statement": "self"})
    assert added.status_code == 201, added.text
    kept = (await bob.http.get("/api/v1/consents")).json()["items"]
    assert [(k["statement"], k["sha256"]) for k in kept] == [
        ("self", hashlib.sha256(takes[1]).hexdigest()),
        ("written", hashlib.sha256(takes[0]).hexdigest()),
    ]
    assert (await bob.post(f"consents/{kept[0]['id']}/withdrawal")).status_code == 200
    assert all(k["withdrawn_at"] for k in (await bob.http.get("/api/v1/consents")).json()["items"])
    assert made.json()["voice_id"] not in tts.cloned, "a voice of several recordings is one voice"


async def test_withdrawing_a_voice_deletes_what_was_heard_of_it(cast: Cast) -> None:
    bob, storage = cast.bob, cast.world.folder / "storage"
    cast.world.fakes.tts.clones = tts_pb2.Cloning(engine="fake-clone")
    form = {"name": "Bob", "consent": "My own words.", "consent_by": "Bob", "consent_statement": "self"}
    take = {"file": ("me.wav", media.wav(media.tone(4)))}
    voice = (await bob.http.post("/api/v1/voices", files=take, data=form)).json()["voice_id"]
    heard = await bob.post("videos/preview", {"text": "你好", "voice_id": voice})
    assert heard.status_code == 200 and list(storage.glob("previews/*/*.wav")), heard.text
    (kept,) = (await bob.http.get("/api/v1/consents")).json()["items"]
    assert (await bob.post(f"consents/{kept['id']}/withdrawal")).status_code == 200
    assert not list(storage.glob("previews/*/*.wav"))


async def test_withdrawing_a_training_that_made_no_model_leaves_nothing_of_the_person(cast: Cast) -> None:
    bob, world = cast.bob, cast.world
    clip = media.video([media.np.full((64, 96, 3), i * 3, media.np.uint8) for i in range(75)], sound=media.tone(3))
    asset = (await bob.http.post("/api/v1/assets", files={"file": ("me.mp4", clip)})).json()["id"]
    world.fakes.render.training.hold.clear()
    asked = await bob.post("trainings", {"video_asset_id": asset, "consent": {"statement": "self"}})
    assert asked.status_code == 202, asked.text
    (kept,) = (await bob.http.get("/api/v1/consents")).json()["items"]
    owner = (await bob.http.get(f"/api/v1/avatars/{await cast.avatar(bob)}")).json()["owner"]
    prepared = f"t-me-{hashlib.sha256(clip).hexdigest()[:8]}"
    world.fakes.render.avatars[prepared] = render_pb2.Avatar(avatar_id=prepared, owner=owner, name="me")
    world.storage.put(f"trainings/{owner}/{kept['resource_id']}/last.pt", b"of the person")
    withdrawn = await bob.post(f"consents/{kept['id']}/withdrawal")
    assert withdrawn.status_code == 200, withdrawn.text
    world.fakes.render.training.hold.set()
    world.http = bob.http
    job = await world.done(asked.json()["id"])
    assert job["state"] == "cancelled" and job["consent_withdrawn"], job
    assert prepared not in world.fakes.render.avatars and len(world.fakes.render.avatars) == 1, "the other one stays"
    assert not list((world.folder / "storage" / "trainings").rglob("*.pt"))


async def test_an_account_and_all_of_it_is_removed(cast: Cast) -> None:
    bob, eve, world = cast.bob, cast.eve, cast.world
    avatar = await cast.avatar(bob)
    job = await cast.done(bob, await bob.post("dialogues", {"text": "你好", "avatar_id": avatar}))
    await cast.share(bob, "avatar", avatar)
    eves = await cast.avatar(eve)
    owner = world.fakes.render.avatars[avatar].owner
    wrong = {"name": "bob", "password": "x"}
    problem(await bob.http.request("DELETE", "/api/v1/me", json=wrong), 401, "wrong-password")
    wrong = {"name": "eve", "password": PASSWORD}
    problem(await bob.http.request("DELETE", "/api/v1/me", json=wrong), 422, "bad-request")
    answer = await bob.http.request("DELETE", "/api/v1/me", json={"name": "Bob", "password": PASSWORD})
    assert answer.status_code == 204, answer.text
    problem(await people.sign_in(world, "bob"), 401, "wrong-password")
    assert list(world.fakes.render.avatars) == [eves]
    names = [p.as_posix() for p in (world.folder / "storage").rglob("*")]
    assert not [n for n in names if job["id"] in n], "its results are gone"
    assert len([n for n in names if "/assets/" in n and n.endswith("content")]) == 1, "eve's upload is there"
    with sqlite3.connect(world.folder / "data" / "gateway.sqlite") as db:
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            columns = [c[1] for c in db.execute(f"PRAGMA table_info({table})")]
            if "owner" in columns and table != "consents":
                left = db.execute(f"SELECT count(*) FROM {table} WHERE owner = ?", (owner,)).fetchone()
                assert left == (0,), table
    log = (await cast.ann.http.get("/api/v1/audit?limit=200")).json()["items"]
    assert "bob" not in {r["actor"] for r in log} and "(removed)" in {r["actor"] for r in log}
    assert (await eve.http.get(f"/api/v1/avatars/{eves}")).status_code == 200


async def test_an_admin_removes_a_person(cast: Cast) -> None:
    assert (await cast.ann.http.delete(f"/api/v1/users/{cast.bob.id}")).status_code == 204
    problem(await cast.bob.http.get("/api/v1/me"), 401, "sign-in-needed")
    problem(await cast.ann.http.delete(f"/api/v1/users/{cast.bob.id}"), 404, "unknown-id")


async def test_a_removal_that_a_dead_service_stops_can_be_asked_for_again(cast: Cast) -> None:
    await cast.world.fakes.kill("tts")
    refused = await cast.ann.http.delete(f"/api/v1/users/{cast.bob.id}")
    problem(refused, 503, "service-down")
    problem(await people.sign_in(cast.world, "bob"), 401, "wrong-password")
    await cast.world.fakes.start("tts")
    for _ in range(200):
        if (await cast.ann.http.delete(f"/api/v1/users/{cast.bob.id}")).status_code == 204:
            return
    raise AssertionError("it was not removed")


async def test_all_that_is_mine_comes_as_a_zip(cast: Cast) -> None:
    bob = cast.bob
    await cast.avatar(bob)
    job = await cast.done(bob, await bob.post("dialogues", {"text": "你好"}))
    answer = await bob.http.get("/api/v1/me/export")
    assert answer.headers["content-type"] == "application/zip"
    assert "huasheng-bob-" in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        records = {n: json.loads(archive.read(n)) for n in archive.namelist() if n.endswith(".json") and "/" not in n}
        files = [n for n in archive.namelist() if n.startswith("files/")]
        assert archive.read(next(n for n in files if "/assets/" in n)) == FACE
    assert records["conversations.json"][0]["messages"][0]["text"] == "你好"
    assert [j["id"] for j in records["jobs.json"] if j["kind"] == "dialogue"] == [job["id"]]
    assert records["consents.json"][0]["statement"] == "self" and records["avatars.json"][0]["name"] == "Ann herself"
    assert any(n.endswith("reply.mp4") for n in files) and any(n.endswith("idle.mp4") for n in files)
    assert "hash" not in json.dumps(records["keys.json"]) and "password_hash" not in records["profile.json"]
