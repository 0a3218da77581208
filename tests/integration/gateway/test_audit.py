"""The audit log: who did what, when, from where; also what was refused. No contents, no secrets."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from huasheng.gateway.v1 import gateway_pb2, gateway_pb2_grpc

from tests.fakes import people
from tests.fakes.live_client import live_client
from tests.fakes.people import Person
from tests.fakes.postgres import Postgres
from tests.fakes.problems import problem
from tests.integration.gateway.conftest import World, open_world


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path, GATEWAY_AUTH="accounts") as world:
        yield world


async def lines(admin: Person, **query: str) -> list[tuple[str, str, str]]:
    rows = (await admin.http.get("/api/v1/audit", params={"limit": "200", **query})).json()["items"]
    return [(r["actor"], r["action"], r["object"]) for r in rows]


async def video(world: World, who: Person, text: str) -> str:
    asked = await who.post("videos", {"text": text})
    world.http = who.http
    return str((await world.done(asked.json()["id"]))["id"])


async def test_changes_say_what_they_were_done_to(house: World) -> None:
    ann = await people.first_admin(house)
    bob = await people.member(house, ann, "bob")
    ids = [await video(house, bob, f"第{n}个") for n in range(3)]
    await bob.post("videos/bulk", {"ids": ids[:2], "action": "delete"})
    await bob.http.delete(f"/api/v1/jobs/{ids[2]}?forget=true")
    key = (await bob.post("me/keys", {"name": "geheimer Name", "scopes": ["read"]})).json()["info"]["id"]
    await bob.http.put("/api/v1/pronunciations/geheimwort", json={"say": "hwah shung", "language": "en"})
    draft = (await bob.post("drafts", {"name": "x", "script": {}})).json()
    await bob.http.put(f"/api/v1/drafts/{draft['id']}", json={"script": {}, "version": draft["version"]})
    await bob.http.get("/api/v1/me/export")
    await ann.http.patch(f"/api/v1/users/{bob.id}", json={"limits": {"queued_jobs": 3}, "role": "admin"})
    found = await lines(ann)
    for line in (
        *(("bob", "POST /api/v1/videos/bulk", f"{i} forgotten") for i in ids[:2]),
        ("bob", "DELETE /api/v1/jobs/{job_id}", f"{ids[2]} forgotten"),
        ("bob", "POST /api/v1/me/keys", key),
        ("bob", "PUT /api/v1/pronunciations/{word}", "-"),
        ("bob", "POST /api/v1/drafts", draft["id"]),
        ("bob", "GET /api/v1/me/export", "-"),
        ("ann", "POST /api/v1/users", bob.id),
        ("ann", "PATCH /api/v1/users/{user_id}", f"{bob.id} role=admin limits"),
    ):
        assert found.count(line) == 1, (line, found)
    assert not [f for f in found if f[1].startswith("PUT /api/v1/drafts")], "saved as one types"
    assert "geheim" not in str(found) and "第" not in str(found)


async def test_a_link_that_was_taken_stands_there_without_its_secret(house: World) -> None:
    ann = await people.first_admin(house)
    bob = await people.member(house, ann, "bob")
    job = await video(house, bob, "你好")
    share = (await bob.post("shares", {"kind": "video", "id": job, "audience": "link"})).json()
    token = share["link"].rsplit("/", 1)[1]
    assert (await ann.post(f"shared/{token}")).status_code == 200
    found = await lines(ann)
    assert ("ann", "POST /api/v1/shared/{token}", share["id"]) in found
    assert ("bob", "POST /api/v1/shares", f"{share['id']} video {job} link") in found
    assert token not in str(found)


async def test_what_is_refused_has_a_line_a_minute(house: World) -> None:
    ann = await people.first_admin(house)
    bob = await people.member(house, ann, "bob")
    key = await bob.key("read")
    for _ in range(3):
        problem(await people.program(house, key[:-4] + "AAAA").get("/api/v1/jobs"), 401, "key-refused")
        problem(await people.program(house, "hs_x_y").post("/api/v1/videos", json={}), 401, "key-refused")
        problem(await people.program(house, key).post("/api/v1/videos", json={}), 403, "not-allowed")
        problem(await bob.http.get("/api/v1/audit"), 403, "not-allowed")
        problem(await people.program(house).get("/api/v1/jobs"), 401, "sign-in-needed")
        used = {"link": "no such link", "password": people.PASSWORD}
        problem(await people.browser(house).post("/api/v1/password-links/use", json=used), 410, "link-used")
    async with live_client(house.gateway.url, None, Authorization=f"Bearer {key}") as client:
        assert (await client.until("error"))["problem"]["reason"] == "not-allowed"
    assert sorted(await lines(ann, action="refused")) == [
        ("(unknown)", "refused", "key-refused POST /api/v1/videos"),
        ("(unknown)", "refused", "link-used POST /api/v1/password-links/use"),
        ("bob", "refused", "key-refused GET /api/v1/jobs"),
        ("bob", "refused", "not-allowed GET /api/v1/audit"),
        ("bob", "refused", "not-allowed POST /api/v1/videos"),
        ("bob", "refused", "not-allowed live"),
    ]


async def test_a_turn_over_grpc_has_a_line(house: World) -> None:
    ann = await people.first_admin(house)
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{house.gateway.grpc_port}")
    stub = gateway_pb2_grpc.GatewayServiceStub(channel)

    async def ask(key: str) -> None:
        async def requests() -> AsyncIterator[Any]:
            yield gateway_pb2.StreamTurnRequest(config=gateway_pb2.TurnConfig(text="你好"))

        metadata = (("authorization", f"Bearer {key}"),)
        [p async for p in stub.StreamTurn(requests(), timeout=30, metadata=metadata)]

    await ask(await ann.key("live"))
    with pytest.raises(grpc.aio.AioRpcError):
        await ask(await ann.key("read"))
    await channel.close()
    rows = (await ann.http.get("/api/v1/audit")).json()["items"]
    (turn,) = [r for r in rows if r["action"] == "turn"]
    assert (turn["actor"], turn["via"], turn["address"]) == ("ann", "key", "127.0.0.1")
    assert [r["object"] for r in rows if r["action"] == "refused"] == ["not-allowed turn"]


async def test_postgresql_keeps_long_actions_and_counts_guesses_at_once(tmp_path: Path, server: Postgres) -> None:
    async with open_world(tmp_path, GATEWAY_AUTH="accounts", GATEWAY_DATABASE_URL=server.url) as world:
        ann = await people.first_admin(world)
        await ann.post(f"users/{ann.id}/password-link")
        action = "POST /api/v1/users/{user_id}/password-link"
        assert await lines(ann, action=action) == [("ann", action, ann.id)]
        assert (await people.sign_in(world, "ann")).status_code == 200
        wrong = await asyncio.gather(*(people.sign_in(world, "ann", "wrong password") for _ in range(8)))
        assert Counter(a.status_code for a in wrong) == {401: 5, 429: 3}, "those at once count too"
        assert len(await lines(ann, action="sign-in refused")) == 6, "five, and one that had to wait"
