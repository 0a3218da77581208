"""Signing in and out, links, sessions, keys, the operator's command line, and what is kept of it all."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from huasheng.gateway.v1 import gateway_pb2, gateway_pb2_grpc

from services.common.errors import from_rpc
from services.gateway.settings import GatewaySettings
from tests.fakes import people
from tests.fakes.gateway_process import ROOT, GatewayProcess
from tests.fakes.people import PASSWORD
from tests.fakes.problems import problem
from tests.integration.gateway.conftest import World, open_world


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path, GATEWAY_AUTH="accounts") as world:
        yield world


def command(world: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.gateway.admin", *arguments],
        env=world.gateway.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_the_set_up_link_makes_one_admin_once(house: World) -> None:
    assert (await house.http.get("/api/v1/sign-in")).json() == {"accounts": True, "set_up": False, "provider": None}
    link = house.gateway.log.split("/setup#")[-1].split()[0]
    body = {"link": link, "name": "Ann", "password": PASSWORD}
    problem(await house.post("set-up", body | {"link": link[:-1]}), 410, "link-used")
    problem(await house.post("set-up", body | {"password": "short"}), 422, "weak-password")
    problem(await house.post("set-up", body | {"password": "ANN" * 4, "name": "annannannann"}), 422, "weak-password")
    assert (await house.post("set-up", body)).status_code == 201
    problem(await house.post("set-up", body | {"name": "bob"}), 410, "link-used")
    assert (await house.http.get("/api/v1/sign-in")).json()["set_up"]
    await house.gateway.stop()
    await house.gateway.start()
    assert house.gateway.log.count("/setup#") == 1, "nobody is invited twice"


async def test_what_was_made_without_accounts_belongs_to_the_first_admin(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        job = (await world.post("dialogues", {"text": "你好"})).json()
        await world.done(job["id"])
        await world.gateway.stop()
        world.gateway.environment["GATEWAY_AUTH"] = "accounts"
        await world.gateway.start()
        admin = await people.first_admin(world)
        bob = await people.member(world, admin, "bob")
        assert [j["id"] for j in (await admin.http.get("/api/v1/jobs")).json()["items"]] == [job["id"]]
        assert (await bob.http.get("/api/v1/jobs")).json()["items"] == []


async def test_a_wrong_name_and_a_wrong_password_are_told_alike_and_guesses_end(house: World) -> None:
    await people.first_admin(house)
    wrong = [await people.sign_in(house, "ann", f"wrong {i}") for i in range(5)]
    other = await people.sign_in(house, "nobody", "wrong")
    same = [{k: v for k, v in r.json().items() if k != "request_id"} for r in (*wrong, other)]
    assert all(s == same[0] for s in same) and wrong[0].status_code == 401
    refused = await people.sign_in(house, "ann")
    assert problem(refused, 429, "too-many-attempts")["retryable"]
    assert 800 < int(refused.headers["retry-after"]) <= 901
    log = (await house.http.get("/api/v1/audit")).status_code
    assert log == 401


async def test_the_cookie_is_out_of_reach_and_new_at_each_sign_in(house: World) -> None:
    admin = await people.first_admin(house)
    old = admin.http.cookies["huasheng_session"]
    again = await admin.post("sign-in", {"name": "ann", "password": PASSWORD})
    set_cookie = again.headers["set-cookie"]
    assert "HttpOnly" in set_cookie and "samesite=lax" in set_cookie.lower() and "Path=/" in set_cookie
    assert admin.http.cookies["huasheng_session"] != old
    async with people.browser(house) as thief:
        thief.cookies.set("huasheng_session", old)
        problem(await thief.get("/api/v1/me"), 401, "sign-in-needed")
        fixed = {"Cookie": "huasheng_session=chosen-by-another"}
        signed = await thief.post("/api/v1/sign-in", json={"name": "ann", "password": PASSWORD}, headers=fixed)
        assert signed.status_code == 200 and "chosen-by-another" not in signed.headers["set-cookie"]
    async with people.browser(house) as waiting:
        problem(await waiting.get("/api/v1/me", headers=fixed), 401, "sign-in-needed")
    stored = sqlite3.connect(house.folder / "data" / "gateway.sqlite").execute("SELECT * FROM sessions").fetchall()
    assert admin.http.cookies["huasheng_session"] not in str(stored), "kept as a hash only"
    assert PASSWORD not in house.gateway.log and admin.http.cookies["huasheng_session"] not in house.gateway.log


async def test_over_tls_the_cookie_is_bound_to_the_host(house: World) -> None:
    await people.first_admin(house)
    async with people.browser(house) as http:
        headers = {"X-Forwarded-Proto": "https"}
        answer = await http.post("/api/v1/sign-in", json={"name": "ann", "password": PASSWORD}, headers=headers)
        assert answer.headers["set-cookie"].startswith("__Host-huasheng_session=")
        assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
async def test_another_sites_page_changes_nothing(house: World, origin: str) -> None:
    admin = await people.first_admin(house)
    headers = {"Origin": origin} if origin else {}
    del admin.http.headers["Origin"]
    for method, path in (("POST", "users"), ("POST", "me/keys"), ("DELETE", "me/sessions"), ("POST", "dialogues")):
        answer = await admin.http.request(method, f"/api/v1/{path}", json={"name": "x"}, headers=headers)
        problem(answer, 403, "foreign-origin")
    same_site = {"Sec-Fetch-Site": "same-site"}
    problem(await admin.http.post("/api/v1/me/keys", json={"name": "x"}, headers=same_site), 403, "foreign-origin")
    assert (await admin.http.get("/api/v1/me/keys")).json()["items"] == []


async def test_sessions_are_listed_and_ended(house: World) -> None:
    admin = await people.first_admin(house)
    async with people.browser(house) as phone:
        await phone.post("/api/v1/sign-in", json={"name": "ann", "password": PASSWORD}, headers={"User-Agent": "Phone"})
        found = (await admin.http.get("/api/v1/me/sessions")).json()["items"]
        assert [s["is_this"] for s in found].count(True) == 1 and len(found) == 2
        other = next(s for s in found if s["agent"] == "Phone")
        assert (await admin.http.delete(f"/api/v1/me/sessions/{other['id']}")).status_code == 204
        problem(await phone.get("/api/v1/me"), 401, "sign-in-needed")
        await phone.post("/api/v1/sign-in", json={"name": "ann", "password": PASSWORD})
        answer = await phone.put("/api/v1/me/password", json={"old": "no", "new": "another horse"})
        problem(answer, 401, "wrong-password")
        changed = await phone.put("/api/v1/me/password", json={"old": PASSWORD, "new": "another horse"})
        assert changed.status_code == 204
        assert (await phone.get("/api/v1/me")).status_code == 200, "this one goes on, with a new cookie"
        problem(await admin.http.get("/api/v1/me"), 401, "sign-in-needed")
        await phone.delete("/api/v1/me/sessions")
        problem(await phone.get("/api/v1/me"), 401, "sign-in-needed")
        assert (await people.sign_in(house, "ann", "another horse")).status_code == 200


async def test_a_closed_account_is_out_at_once_and_the_last_admin_stays(house: World) -> None:
    admin = await people.first_admin(house)
    bob = await people.member(house, admin, "bob")
    key = people.program(house, await bob.key())
    closed = await admin.http.patch(f"/api/v1/users/{bob.id}", json={"disabled": True})
    assert closed.json()["disabled"]
    problem(await bob.http.get("/api/v1/me"), 401, "sign-in-needed")
    problem(await key.get("/api/v1/me"), 401, "key-refused")
    problem(await people.sign_in(house, "bob"), 401, "wrong-password")
    await admin.http.patch(f"/api/v1/users/{bob.id}", json={"disabled": False})
    assert (await key.get("/api/v1/me")).status_code == 200
    for change in ({"disabled": True}, {"role": "member"}):
        problem(await admin.http.patch(f"/api/v1/users/{admin.id}", json=change), 409, "last-admin")
    problem(await admin.http.delete(f"/api/v1/users/{admin.id}"), 409, "last-admin")
    await admin.http.patch(f"/api/v1/users/{bob.id}", json={"role": "admin"})
    assert (await admin.http.patch(f"/api/v1/users/{admin.id}", json={"role": "member"})).status_code == 200


async def test_a_password_link_is_good_once_and_ends_all_sessions(house: World) -> None:
    admin = await people.first_admin(house)
    bob = await people.member(house, admin, "bob")
    first = (await admin.post(f"users/{bob.id}/password-link")).json()["link"].split("#")[1]
    second = (await admin.post(f"users/{bob.id}/password-link")).json()["link"].split("#")[1]
    problem(await house.post("password-links/open", {"link": first}), 410, "link-used")
    opened = (await house.post("password-links/open", {"link": second})).json()
    assert opened == {"name": "bob", "display_name": "bob", "is_new": False}
    used = await house.post("password-links/use", {"link": second, "password": "yet another horse"})
    assert used.status_code == 200
    problem(await house.post("password-links/use", {"link": second, "password": "x" * 12}), 410, "link-used")
    problem(await bob.http.get("/api/v1/me"), 401, "sign-in-needed")
    problem(await people.sign_in(house, "bob"), 401, "wrong-password")


async def test_a_key_is_shown_once_and_can_be_revoked(house: World) -> None:
    admin = await people.first_admin(house)
    made = (await admin.post("me/keys", {"name": "build", "scopes": ["read"], "days": 1})).json()
    key, info = made["key"], made["info"]
    assert key.startswith(info["prefix"] + "_") and info["expires_at"] and not info["last_used_at"]
    program = people.program(house, key)
    assert (await program.get("/api/v1/me")).json()["scopes"] == ["read"]
    (listed,) = (await admin.http.get("/api/v1/me/keys")).json()["items"]
    assert listed["last_used_at"] and key not in str(listed)
    data = (house.folder / "data" / "gateway.sqlite").read_bytes()
    assert key.rpartition("_")[2].encode() not in data
    assert (await admin.http.delete(f"/api/v1/me/keys/{info['id']}")).status_code == 204
    problem(await program.get("/api/v1/me"), 401, "key-refused")
    bob = await people.member(house, admin, "bob")
    problem(await bob.post("me/keys", {"name": "x", "scopes": ["admin"]}), 403, "not-allowed")


async def test_requests_are_counted_for_each_person(tmp_path: Path) -> None:
    async with open_world(tmp_path, GATEWAY_AUTH="accounts", GATEWAY_LIMIT_REQUESTS_PER_MINUTE="30") as world:
        admin = await people.first_admin(world)
        bob = await people.member(world, admin, "bob")
        answers = [await bob.http.get("/api/v1/jobs") for _ in range(40)]
        refused = next(a for a in answers if a.status_code != 200)
        problem(refused, 429, "too-many-requests")
        assert refused.headers["ratelimit-limit"] == "30" and refused.headers["ratelimit-remaining"] == "0"
        assert 1 <= int(refused.headers["retry-after"]) <= 3
        left = [int(a.headers["ratelimit-remaining"]) for a in answers[:10]]
        assert left == sorted(left, reverse=True)
        assert (await admin.http.get("/api/v1/jobs")).status_code == 200, "one person's haste is not another's"
        await admin.http.patch(f"/api/v1/users/{bob.id}", json={"limits": {"requests_per_minute": 0}})
        assert (await bob.http.get("/api/v1/jobs")).status_code == 200


async def test_the_audit_log_names_who_and_what_and_no_content(house: World) -> None:
    admin = await people.first_admin(house)
    bob = await people.member(house, admin, "bob")
    asked = (await bob.post("dialogues", {"text": "geheimnis"})).json()
    await people.sign_in(house, "bob", "wrong password")
    rows = (await admin.http.get("/api/v1/audit?limit=200")).json()["items"]
    lines = [(r["actor"], r["action"], r["object"]) for r in rows]
    assert ("bob", "POST /api/v1/dialogues", asked["id"]) in lines
    assert ("bob", "sign-in refused", "wrong-password") in lines
    assert ("ann", "set-up", admin.id) in lines
    assert "geheimnis" not in str(rows) and "wrong password" not in str(rows)
    assert all(r["address"] == "127.0.0.1" for r in rows)
    await people.sign_in(house, PASSWORD, "x")
    assert PASSWORD not in (await admin.http.get("/api/v1/audit")).text, "typed in the field of the name"
    mine = (await admin.http.get(f"/api/v1/audit?user_id={bob.id}")).json()["items"]
    assert {r["actor"] for r in mine} == {"bob"}


async def test_the_command_line_lets_people_in_and_out(house: World) -> None:
    refused = await asyncio.to_thread(command, house, "create", "bob")
    assert refused.returncode == 1 and "set-up" in refused.stderr
    admin = await people.first_admin(house)
    made = await asyncio.to_thread(command, house, "create", "Bob", "--admin")
    link = re.search(r"/password#(\S+)", made.stdout)
    assert link, made
    answer = await house.post("password-links/use", {"link": link[1], "password": PASSWORD})
    assert answer.json()["role"] == "admin"
    await asyncio.to_thread(command, house, "disable", "bob")
    problem(await people.sign_in(house, "bob"), 401, "wrong-password")
    await asyncio.to_thread(command, house, "enable", "bob")
    assert (await people.sign_in(house, "bob")).status_code == 200
    listed = await asyncio.to_thread(command, house, "list")
    assert re.search(r"^bob +admin +active$", listed.stdout, re.MULTILINE), listed.stdout
    unknown = await asyncio.to_thread(command, house, "reset", "carl")
    assert unknown.returncode == 1 and "Traceback" not in unknown.stderr
    rows = (await admin.http.get("/api/v1/audit")).json()["items"]
    assert ("command line", "admin create", "Bob") in [(r["actor"], r["action"], r["object"]) for r in rows]


async def test_a_turn_over_grpc_needs_a_key(house: World) -> None:
    admin = await people.first_admin(house)
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{house.gateway.grpc_port}")
    stub = gateway_pb2_grpc.GatewayServiceStub(channel)

    async def ask(*metadata: tuple[str, str]) -> str:
        async def requests() -> AsyncIterator[gateway_pb2.StreamTurnRequest]:
            yield gateway_pb2.StreamTurnRequest(config=gateway_pb2.TurnConfig(text="你好"))

        try:
            parts = [p async for p in stub.StreamTurn(requests(), timeout=30, metadata=metadata)]
        except grpc.aio.AioRpcError as e:
            return from_rpc(e, "gateway").slug
        return str(parts[-1].WhichOneof("payload"))

    assert await ask() == "sign-in-needed"
    assert await ask(("authorization", "Bearer hs_x_y")) == "key-refused"
    assert await ask(("authorization", f"Bearer {await admin.key('read')}")) == "not-allowed"
    assert await ask(("authorization", f"Bearer {await admin.key('live')}")) == "finished"
    await channel.close()


async def test_no_door_is_open_without_accounts(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="GATEWAY_AUTH=accounts"):
        GatewaySettings(host="0.0.0.0").check_door()
    GatewaySettings(host="0.0.0.0", auth="accounts").check_door()
    GatewaySettings(host="0.0.0.0", open_to_anyone=True).check_door()
    gateway = GatewayProcess(tmp_path, {"GATEWAY_HOST": "0.0.0.0"})
    with pytest.raises(AssertionError, match="did not start"):
        await gateway.start()
    assert "GATEWAY_OPEN_TO_ANYONE" in gateway.log and "Traceback" not in gateway.log


async def test_without_accounts_there_are_none(world: World) -> None:
    assert (await world.http.get("/api/v1/me")).json()["accounts"] is False
    for method, path in (("GET", "users"), ("GET", "me/keys"), ("POST", "sign-in"), ("GET", "audit")):
        answer = await world.http.request(method, f"/api/v1/{path}", json={"name": "x", "password": "y"})
        problem(answer, 409, "accounts-off")


async def test_events_end_with_the_sign_out(house: World) -> None:
    admin = await people.first_admin(house)
    async with admin.http.stream("GET", "/api/v1/events") as events:
        lines = events.aiter_lines()
        assert (await anext(lines)) == "event: snapshot"
        async with people.browser(house) as other:
            other.cookies.update(admin.http.cookies)
            assert (await other.delete("/api/v1/sign-in")).status_code == 204
        async with asyncio.timeout(60):
            async for _ in lines:
                pass


async def test_the_same_idempotency_key_of_two_people_are_two(house: World) -> None:
    admin = await people.first_admin(house)
    bob = await people.member(house, admin, "bob")
    key = {"Idempotency-Key": "same"}
    first = await admin.http.post("/api/v1/dialogues", json={"text": "你好"}, headers=key)
    other = await bob.http.post("/api/v1/dialogues", json={"text": "别的"}, headers=key)
    assert other.status_code == first.status_code == 202 and "idempotency-replayed" not in other.headers
    assert other.json()["id"] != first.json()["id"]
    again = await bob.http.post("/api/v1/dialogues", json={"text": "别的"}, headers=key)
    assert again.json()["id"] == other.json()["id"] and again.headers["idempotency-replayed"] == "true"


async def test_a_stranger_may_check_a_file_and_learns_nothing_of_its_owner(house: World) -> None:
    admin = await people.first_admin(house)
    house.http = admin.http
    job = await house.done((await admin.post("videos", {"text": "大家好，我是画声，很高兴见到你。"})).json()["id"])
    film = (await admin.http.get(job["result"]["video_url"])).content
    async with people.program(house) as stranger:
        answers = [await stranger.post("/api/v1/verify", files={"file": ("a.mp4", film)}) for _ in range(12)]
    found = answers[0].json()
    assert found["made_here"] and found["made"]["is_mine"] is False and found["made"]["job_id"] is None
    assert "ann" not in answers[0].text and job["id"] not in str(found["made"])
    problem(answers[-1], 429, "too-many-requests")
    mine = (await admin.http.post("/api/v1/verify", files={"file": ("a.mp4", film)})).json()
    assert mine["made"]["is_mine"] and mine["made"]["job_id"] == job["id"]
