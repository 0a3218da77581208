"""How much a person may use: jobs, minutes, storage, live conversations; turns in the queue; tokens of other pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import media, people
from tests.fakes.live_client import LiveClient, live_client
from tests.fakes.people import Person
from tests.fakes.problems import problem
from tests.integration.gateway.conftest import World, open_world


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path, GATEWAY_AUTH="accounts", GATEWAY_LIVE_IDLE_S="60") as world:
        yield world


def cookie(who: Person) -> dict[str, str]:
    pairs = "; ".join(f"{k}={v}" for k, v in who.http.cookies.items())
    return {"Cookie": pairs, "Origin": str(who.http.base_url).rstrip("/")}


async def refusal(client: LiveClient) -> str:
    return str((await client.until("error"))["problem"]["reason"])


async def limit(admin: Person, who: Person, **limits: float) -> None:
    answer = await admin.http.patch(f"/api/v1/users/{who.id}", json={"limits": limits})
    assert answer.status_code == 200, answer.text


async def test_a_persons_hundred_jobs_do_not_keep_another_waiting(house: World) -> None:
    ann = await people.first_admin(house)
    bob, eve = await people.member(house, ann, "bob"), await people.member(house, ann, "eve")
    await limit(ann, bob, queued_jobs=0)
    house.fakes.render.script.hold.clear()
    many = [(await bob.post("videos", {"text": f"第{i}个"})).json()["id"] for i in range(12)]
    mine = (await eve.post("videos", {"text": "我的"})).json()
    assert mine["queue_position"] <= 2, "right behind the one at work"
    second = (await eve.post("videos", {"text": "第二"})).json()
    assert second["queue_position"] <= 4, "owners take turns"
    house.fakes.render.script.hold.set()
    house.http = eve.http
    assert (await house.done(mine["id"]))["state"] == "succeeded"
    house.http = bob.http
    assert [(await house.done(j))["state"] for j in many] == ["succeeded"] * 12
    ended = {
        j["id"]: j["finished_at"] for who in (bob, eve) for j in (await who.http.get("/api/v1/jobs")).json()["items"]
    }
    assert ended[mine["id"]] < ended[many[4]], "not after all of the other's"
    order = [ended[j] for j in many]
    assert order == sorted(order), "one's own stay in order"


async def test_no_more_jobs_than_allowed_and_for_a_key_fewer(house: World) -> None:
    ann = await people.first_admin(house)
    bob = await people.member(house, ann, "bob")
    await limit(ann, bob, queued_jobs=3)
    too_many = {"name": "k", "scopes": ["create"], "limits": {"queued_jobs": 9}}
    problem(await bob.post("me/keys", too_many), 422, "bad-request")
    program = people.program(house, await bob.key("create", "read", limits={"queued_jobs": 1}))
    house.fakes.render.script.hold.clear()
    assert (await program.post("/api/v1/videos", json={"text": "一"})).status_code == 202
    problem(await program.post("/api/v1/videos", json={"text": "二"}), 429, "quota-jobs")
    assert (await bob.post("videos", {"text": "三"})).status_code == 202
    assert (await bob.post("videos", {"text": "四"})).status_code == 202
    refused = await bob.post("videos", {"text": "五"})
    assert "3" in problem(refused, 429, "quota-jobs")["detail"] and int(refused.headers["retry-after"]) > 0
    house.fakes.render.script.hold.set()


async def test_minutes_of_a_day_are_counted_and_end(house: World) -> None:
    ann = await people.first_admin(house)
    bob = await people.member(house, ann, "bob")
    await limit(ann, bob, minutes_per_day=0.01)
    house.http = bob.http
    job = await house.done((await bob.post("videos", {"text": "大家好，我是画声。"})).json()["id"])
    assert job["state"] == "succeeded"
    await until_counted(bob)
    refused = await bob.post("videos", {"text": "再来"})
    assert "UTC" in problem(refused, 429, "quota-minutes")["hint"]
    assert 0 < int(refused.headers["retry-after"]) <= 86_400
    problem(await bob.post("speech", {"text": "再来"}), 429, "quota-minutes")
    async with live_client(house.gateway.url, None, **cookie(bob)) as client:
        await client.until("welcome")
        await client.send("text", text="你好")
        assert await refusal(client) == "quota-minutes"
    rows = (await bob.http.get("/api/v1/usage")).json()["items"]
    assert {r["metric"] for r in rows} == {"video_s"}
    everybody = (await ann.http.get("/api/v1/users/usage")).json()["items"]
    assert [(r["name"], round(r["amount"], 3)) for r in everybody] == [("bob", round(rows[0]["amount"], 3))]


async def until_counted(who: Person) -> None:
    for _ in range(500):
        if (await who.http.get("/api/v1/usage")).json()["items"]:
            return
    raise AssertionError("nothing is counted")


async def test_storage_is_counted_and_ends(house: World) -> None:
    ann = await people.first_admin(house)
    bob = await people.member(house, ann, "bob")
    await limit(ann, bob, stored_mb=0.2)
    sound = media.wav(media.tone(5))  # 160 kB
    first = await bob.http.post("/api/v1/assets", files={"file": ("a.wav", sound)})
    assert first.status_code == 201
    refused = await bob.http.post("/api/v1/assets", files={"file": ("b.wav", sound)})
    problem(refused, 429, "quota-storage")
    await bob.http.delete(f"/api/v1/assets/{first.json()['id']}")
    assert (await bob.http.post("/api/v1/assets", files={"file": ("b.wav", sound)})).status_code == 201


async def test_live_conversations_are_counted_for_each_person(house: World) -> None:
    ann = await people.first_admin(house)
    bob = await people.member(house, ann, "bob")
    await limit(ann, bob, live_sessions=1)
    async with live_client(house.gateway.url, None, **cookie(bob)) as first:
        await first.until("welcome")
        async with live_client(house.gateway.url, None, **cookie(bob)) as second:
            assert await refusal(second) == "quota-live"
        async with live_client(house.gateway.url, None, **cookie(ann)) as other:
            await other.until("welcome")
        await first.send("bye")
        await first.until_closed()
    async with live_client(house.gateway.url, None, **cookie(bob)) as again:
        await again.until("welcome")


async def test_a_live_conversation_needs_a_person_and_ends_with_the_sign_out(house: World) -> None:
    ann = await people.first_admin(house)
    url = house.gateway.url
    async with live_client(url) as nobody:
        assert await refusal(nobody) == "sign-in-needed"
    async with live_client(url, None, **(cookie(ann) | {"Origin": "https://evil.example"})) as stranger:
        assert await refusal(stranger) == "foreign-origin"
    async with live_client(url, None, **{"Cookie": cookie(ann)["Cookie"]}) as hidden:
        assert await refusal(hidden) == "foreign-origin"
    async with live_client(url, None, Authorization=f"Bearer {await ann.key('read')}") as reader:
        assert await refusal(reader) == "not-allowed"
    async with live_client(url, None, Authorization=f"Bearer {await ann.key('live')}") as program:
        await program.until("welcome")
    async with live_client(url, None, **cookie(ann)) as client:
        session = (await client.until("welcome"))["session"]
        bob = await people.member(house, ann, "bob")
        async with live_client(url, {"can": ["mse"], "session": session}, **cookie(bob)) as thief:
            welcome = await thief.until("welcome")
            assert not welcome["resumed"] and welcome["session"] != session
        await ann.http.delete("/api/v1/sign-in")
        assert await refusal(client) == "sign-in-needed"
        await client.until_closed()


SHOP = "https://shop.example"


async def token(who: Person, **fields: Any) -> str:
    made = await who.post("tokens", {"origins": [SHOP], **fields})
    assert made.status_code == 201, made.text
    return str(made.json()["token"])


async def test_a_page_elsewhere_talks_with_one_avatar_for_some_turns(house: World) -> None:
    ann = await people.first_admin(house)
    url, given = house.gateway.url, await token(ann, turns=1)
    hello = {"can": ["mse"], "token": given}
    async with live_client(url, hello, Origin=SHOP) as client:
        await client.until("welcome")
        await client.send("text", text="你好")
        await client.until("end")
        await client.send("text", text="再问")
        assert await refusal(client) == "token-used-up"
    for more, origin, reason in (
        ({}, "https://other.example", "foreign-origin"),
        ({"avatar_id": "p-other"}, SHOP, "not-allowed"),
        ({"persona": "You are a pirate."}, SHOP, "not-allowed"),
        ({"conversation_id": "c_x"}, SHOP, "not-allowed"),
        ({"token": given[:-2] + "AA"}, SHOP, "key-refused"),
    ):
        async with live_client(url, hello | more, Origin=origin) as client:
            assert await refusal(client) == reason, (more, origin)
    problem(await people.program(house, given).get("/api/v1/me"), 403, "not-allowed")
    problem(await ann.post("tokens", {"origins": ["shop.example"]}), 422, "bad-request")
    problem(await ann.post("tokens", {"origins": [SHOP], "avatar_id": "p-none"}), 404, "unknown-id")


async def test_a_token_ends_with_the_key_that_made_it(house: World) -> None:
    ann = await people.first_admin(house)
    made = (await ann.post("me/keys", {"name": "shop", "scopes": ["live"]})).json()
    answer = await people.program(house, made["key"]).post("/api/v1/tokens", json={"origins": [SHOP]})
    hello = {"can": ["mse"], "token": answer.json()["token"]}
    async with live_client(house.gateway.url, hello, Origin=SHOP) as client:
        await client.until("welcome")
        await ann.http.delete(f"/api/v1/me/keys/{made['info']['id']}")
        await client.send("text", text="你好")
        assert await refusal(client) == "token-used-up"
    async with live_client(house.gateway.url, hello, Origin=SHOP) as client:
        assert await refusal(client) == "key-refused"
