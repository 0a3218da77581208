"""Conversations whose person or face is no longer good end at whichever replica they are."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from tests.fakes import people
from tests.fakes.gateway_process import GatewayProcess
from tests.fakes.live_client import LiveClient, live_client
from tests.fakes.people import Person
from tests.integration.gateway.conftest import open_world, second_gateway
from tests.integration.gateway.test_accounts import command
from tests.integration.gateway.test_sharing import Cast

HELLO = {"can": ["mse"]}


@contextlib.asynccontextmanager
async def talking(who: Person, gateway: GatewayProcess, avatar_id: str = "builtin") -> AsyncIterator[LiveClient]:
    cookie = "; ".join(f"{k}={v}" for k, v in who.http.cookies.items())
    async with live_client(gateway.url, HELLO | {"avatar_id": avatar_id}, Cookie=cookie, Origin=gateway.url) as client:
        await client.until("welcome")
        yield client


async def test_conversations_at_another_replica_end(tmp_path: Path, postgres: str) -> None:
    shared = {"GATEWAY_DATABASE_URL": postgres, "GATEWAY_SECRET": "s" * 40, "GATEWAY_AUTH": "accounts"}
    async with open_world(tmp_path, **shared, GATEWAY_EXECUTOR_ID="one", GATEWAY_LIVE_SESSIONS="9") as world:
        ann = await people.first_admin(world)
        bob, eve = await people.member(world, ann, "bob"), await people.member(world, ann, "eve")
        cast = Cast(world, ann, bob, eve)
        avatar = await cast.avatar(bob)
        share = await cast.share(bob, "avatar", avatar)
        async with (
            second_gateway(world, **shared, GATEWAY_EXECUTOR_ID="two", GATEWAY_LIVE_SESSIONS="9") as other,
            talking(bob, other, avatar) as shown,
            talking(eve, other, share["id"]) as shown_to_others,
            talking(bob, other) as as_before,
            talking(eve, other) as signed_out,
        ):
            (kept,) = (await bob.http.get("/api/v1/consents")).json()["items"]
            assert (await bob.post(f"consents/{kept['id']}/withdrawal")).status_code == 200
            for client in (shown, shown_to_others):
                assert (await client.until("error"))["problem"]["reason"] == "unknown-id"
            assert (await eve.http.delete("/api/v1/sign-in")).status_code == 204
            assert (await signed_out.until("error"))["problem"]["reason"] == "sign-in-needed"
            assert as_before.closed is None and not [e for e in as_before.events if e["type"] == "error"]


async def test_a_conversation_ends_when_the_operator_closes_the_account(tmp_path: Path) -> None:
    async with open_world(tmp_path, GATEWAY_AUTH="accounts") as world:
        bob = await people.member(world, await people.first_admin(world), "bob")
        async with talking(bob, world.gateway) as client:
            await asyncio.to_thread(command, world, "disable", "bob")
            assert (await client.until("error"))["problem"]["reason"] == "sign-in-needed"
        assert (await people.sign_in(world, "bob")).status_code == 401
        await asyncio.to_thread(command, world, "enable", "bob")
        bob.http.cookies.clear()
        assert (await bob.post("sign-in", {"name": "bob", "password": people.PASSWORD})).status_code == 200
        async with talking(bob, world.gateway) as client:
            await asyncio.sleep(2.5)  # two looks: what ended earlier conversations does not end this one
            assert client.closed is None
