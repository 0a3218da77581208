"""Drafts: kept as they are, overwritten by nobody who has not seen them, theirs alone, in the export, gone with one."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import pytest

from services.gateway.store.drafts import MOST
from tests.fakes import people
from tests.fakes.problems import problem
from tests.integration.gateway.conftest import World, open_world

SCRIPT: dict[str, Any] = {"scenes": [{"text": "大家好。", "pause_s": 0.4}, {"text": None}], "unfinished": [1, None]}


async def create(world: World, **fields: Any) -> dict[str, Any]:
    answer = await world.post("drafts", {"script": SCRIPT, **fields})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/v1/drafts/{answer.json()['id']}"
    return dict(answer.json())


async def test_a_draft_is_kept_listed_changed_and_deleted(world: World) -> None:
    first, second = await create(world, name="新年"), await create(world)
    assert (first["name"], first["version"], first["script"]) == ("新年", 1, SCRIPT)
    change = {"name": "春节", "script": {"text": "好"}, "version": 1}
    changed = (await world.http.put(f"/api/v1/drafts/{first['id']}", json=change)).json()
    assert changed == first | change | {"version": 2, "updated_at": changed["updated_at"]}
    assert changed["updated_at"] > first["updated_at"]
    await world.gateway.stop()
    await world.gateway.start()
    listed = (await world.http.get("/api/v1/drafts")).json()["items"]
    assert [(d["id"], d["version"]) for d in listed] == [(first["id"], 2), (second["id"], 1)]
    assert "script" not in listed[0]
    assert (await world.http.get(f"/api/v1/drafts/{first['id']}")).json() == changed
    assert (await world.http.delete(f"/api/v1/drafts/{first['id']}")).status_code == 204
    problem(await world.http.get(f"/api/v1/drafts/{first['id']}"), 404, "unknown-id")
    problem(await world.http.delete(f"/api/v1/drafts/{first['id']}"), 404, "unknown-id")


async def test_of_two_that_save_at_once_one_is_told(world: World) -> None:
    draft = await create(world)
    path = f"/api/v1/drafts/{draft['id']}"
    bodies = [{"script": {"text": str(n)}, "version": 1} for n in range(8)]
    answers = await asyncio.gather(*(world.http.put(path, json=b) for b in bodies))
    (saved,) = [i for i, a in enumerate(answers) if a.status_code == 200]
    for answer in (a for a in answers if a.status_code != 200):
        assert problem(answer, 409, "draft-changed")["params"] == {"version": "2"}
    assert (await world.http.get(path)).json()["script"] == bodies[saved]["script"]
    problem(await world.http.put("/api/v1/drafts/d_none", json=bodies[0]), 404, "unknown-id")


@pytest.mark.parametrize(
    "content",
    [
        '{"script": {"a": NaN}}',
        '{"script": {"a": 1e999}}',
        '{"script": {"a": ' + "[" * 40 + "]" * 40 + "}}",
        '{"script": {"a": ' + '{"a":' * 500 + "1" + "}" * 500 + "}}",
        '{"script": []}',
        '{"script": {}, "name": "' + "x" * 81 + '"}',
        '{"script": {"a": "\\ud800"}}',
        '{"script": {"a": "\\u0000"}}',
    ],
)
async def test_what_cannot_be_kept_is_refused(world: World, content: str) -> None:
    answer = await world.http.post("/api/v1/drafts", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert (await world.http.get("/api/v1/drafts")).json()["items"] == []


async def test_number_and_size_are_bounded(world: World) -> None:
    large = {"script": {"text": "好" * 333_000}}
    content = json.dumps(large, ensure_ascii=False).encode()
    headers = {"content-type": "application/json"}
    assert (await world.http.post("/api/v1/drafts", content=content, headers=headers)).status_code == 201
    problem(
        await world.http.post("/api/v1/drafts", content=b" " * 2000 + content, headers=headers), 413, "too-large-body"
    )
    for _ in range(MOST - 1):
        await create(world)
    problem(await world.post("drafts", {"script": {}}), 409, "drafts-full")


async def test_drafts_are_their_owners_alone(tmp_path: Path) -> None:
    async with open_world(tmp_path, GATEWAY_AUTH="accounts") as world:
        ann = await people.first_admin(world)
        bob = await people.member(world, ann, "bob")
        made = (await bob.post("drafts", {"name": "秘", "script": SCRIPT})).json()
        path = f"/api/v1/drafts/{made['id']}"
        assert (await ann.http.get("/api/v1/drafts")).json()["items"] == []
        problem(await ann.http.get(path), 404, "unknown-id")
        change = {"script": {}, "version": 1}
        problem(await ann.http.put(path, json=change), 404, "unknown-id")
        problem(await ann.http.delete(path), 404, "unknown-id")
        with zipfile.ZipFile(io.BytesIO((await bob.http.get("/api/v1/me/export")).content)) as archive:
            (exported,) = json.loads(archive.read("drafts.json"))
        assert (exported["name"], exported["script"]) == ("秘", SCRIPT)
        gone = await bob.http.request("DELETE", "/api/v1/me", json={"name": "bob", "password": people.PASSWORD})
        assert gone.status_code == 204, gone.text
        await world.gateway.stop()
        with contextlib.closing(sqlite3.connect(world.folder / "data" / "gateway.sqlite")) as db:
            assert db.execute("SELECT count(*) FROM drafts").fetchone() == (0,)
