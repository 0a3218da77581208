"""The gallery: found by words, tag and avatar; named; many deleted or downloaded at once; what is stored."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from services.gateway.settings import GatewaySettings
from services.gateway.store.db import Database
from services.gateway.store.gallery import GalleryStore
from services.gateway.store.jobs import JobStore
from services.gateway.store.schema import upgrade_on
from tests.fakes import media, people
from tests.fakes.problems import problem
from tests.integration.gateway.conftest import World, open_world


async def make(world: World, text: str) -> dict[str, Any]:
    job = await world.done((await world.post("videos", {"text": text, "subtitles": True})).json()["id"])
    assert job["state"] == "succeeded", job
    return dict(job)


async def found(world: World, **query: str) -> list[str]:
    answer = await world.http.get("/api/v1/videos", params=query)
    assert answer.status_code == 200, answer.text
    return [job["id"] for job in answer.json()["items"]]


async def change(world: World, job: dict[str, Any], **fields: Any) -> dict[str, Any]:
    answer = await world.http.patch(f"/api/v1/videos/{job['id']}", json=fields)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_videos_are_named_tagged_found_zipped_and_deleted(world: World) -> None:
    one, two = await make(world, "大家好，我是画声。"), await make(world, "Hello from BERLIN, 100% sure.")
    assert await found(world) == [two["id"], one["id"]]
    named = await change(world, one, name=" 新年 / 祝福 ", tags=["春节", "Demo", "春节"])
    assert (named["name"], named["tags"]) == ("新年 / 祝福", ["Demo", "春节"])
    await change(world, two, tags=["Demo"])
    for query, ids in {
        "我是画": [one],
        "berlin HELLO": [two],
        "新年": [one],
        "100%": [two],
        "100_": [],
        "berlin 画声": [],
    }.items():
        assert await found(world, q=query) == [job["id"] for job in ids], query
    assert await found(world, tag="春节") == [one["id"]] and await found(world, tag="demo") == []
    assert await found(world, tag="Demo", q="hello") == [two["id"]]
    assert len(await found(world, avatar_id="builtin")) == 2 and await found(world, avatar_id="built") == []
    assert await found(world, before=two["id"]) == [one["id"]]
    tags = (await world.http.get("/api/v1/videos/tags")).json()["items"]
    assert tags == [{"tag": "Demo", "videos": 2}, {"tag": "春节", "videos": 1}]
    assert (await change(world, one, tags=[]))["name"] == "新年 / 祝福", "what is left out stays"

    download = await world.http.get(named["result"]["video_url"] + "&download=1")
    assert quote("新年 祝福.mp4") in download.headers["content-disposition"]
    zipped = await world.post("videos/bulk", {"ids": [one["id"], two["id"], "j_none"], "action": "zip"})
    assert zipped.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(zipped.content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names[0] == "新年 祝福.mp4" and archive.read(names[0]) == download.content
        assert {n.rsplit(".", 1)[-1] for n in names} == {"mp4", "vtt", "txt"} and len(names) == 5
        assert archive.read("not-included.txt") == b"j_none\n"

    used = (await world.http.get("/api/v1/me/storage")).json()
    (videos,) = [i for i in used["items"] if i["kind"] == "video"]
    assert videos["things"] == 2 and videos["bytes"] > len(download.content) and used["limit_bytes"] is None
    gone = (await world.post("videos/bulk", {"ids": [one["id"], "j_none"], "action": "delete"})).json()
    assert gone["done"] == [one["id"]]
    assert [(f["id"], f["problem"]["reason"]) for f in gone["failed"]] == [("j_none", "unknown-id")]
    assert await found(world) == [two["id"]] and not world.storage.exists(f"results/{one['id']}/video.mp4")
    assert (await world.http.get("/api/v1/me/storage")).json()["total_bytes"] < used["total_bytes"]
    problem(await world.post("videos/bulk", {"ids": [one["id"]], "action": "zip"}), 404, "unknown-id")


@pytest.mark.parametrize("fields", [{"name": "x" * 81}, {"tags": ["x" * 41]}, {"tags": [" "]}, {"tags": ["a"] * 13}])
async def test_names_and_tags_are_bounded(world: World, fields: dict[str, Any]) -> None:
    assert (await world.http.patch("/api/v1/videos/j_none", json=fields)).status_code == 422


async def test_others_videos_are_not_found_named_zipped_or_deleted(tmp_path: Path) -> None:
    async with open_world(tmp_path, GATEWAY_AUTH="accounts") as world:
        ann = await people.first_admin(world)
        bob = await people.member(world, ann, "bob")
        world.http = bob.http
        job = await make(world, "秘密")
        await change(world, job, tags=["私"])
        world.http = ann.http
        assert await found(world, q="秘密") == [] and await found(world, tag="私") == []
        assert (await world.http.get("/api/v1/videos/tags")).json()["items"] == []
        problem(await world.http.patch(f"/api/v1/videos/{job['id']}", json={"name": "x"}), 404, "unknown-id")
        problem(await world.post("videos/bulk", {"ids": [job["id"]], "action": "zip"}), 404, "unknown-id")
        assert (await world.post("videos/bulk", {"ids": [job["id"]], "action": "delete"})).json()["done"] == []
        clip = await world.upload(media.wav(media.tone(1)))
        assert (await world.http.get("/api/v1/me/storage")).json()["total_bytes"] == clip.json()["bytes"]
        world.http = bob.http
        assert await found(world, q="秘密") == [job["id"]]


def test_one_of_ten_thousand_videos_of_the_release_before_is_found(tmp_path: Path) -> None:
    """They are added as the release before did, so that the migration has them to fill in."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'gateway.sqlite'}")
    before = sa.MetaData()
    with engine.begin() as c:
        upgrade_on(c, "0008")
        before.reflect(c)
        texts = ["这是一段比较长的讲解，" * 20 + f"第{i}个 Video" for i in range(10_000)]
        common = {"queue": "render", "stage": "", "progress": 1.0, "partial": {}, "cancel_requested": False}
        rows = [
            {"id": f"j_{i:05}", "owner": "local", "kind": "video", "state": "succeeded", "params": {"text": text}}
            | common
            | {"created_at": float(i), "executor": "", "result": {}}
            for i, text in enumerate(texts)
        ]
        c.execute(before.tables["jobs"].insert(), rows)
    engine.dispose()
    db = Database(GatewaySettings(data_dir=tmp_path))
    gallery = GalleryStore(db)
    (row,) = gallery.search("local", q="第77个 VIDEO", limit=50)
    assert (row["id"], row["drawn"]) == ("j_00077", " builtin ")
    assert len(gallery.search("local", avatar_id="builtin", limit=200)) == 200
    JobStore(db, 10).forget("local", "j_00077")
    assert gallery.search("local", q="第77个", limit=50) == []
    db.close()
