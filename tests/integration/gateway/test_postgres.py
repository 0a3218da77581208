"""The same gateway on PostgreSQL: jobs, idempotency and recovery after kill -9; a second replica sees them too."""

import asyncio
from pathlib import Path

import httpx
import sqlalchemy as sa

from services.gateway.store.db import jobs
from tests.fakes import people
from tests.fakes.gateway_process import GatewayProcess
from tests.fakes.postgres import Postgres
from tests.fakes.problems import problem
from tests.fakes.waiting import PATIENCE_S, until
from tests.integration.gateway.conftest import open_world
from tests.integration.gateway.test_dialogue import events_of


async def test_a_database_that_is_away_is_named_until_it_is_back(tmp_path: Path, server: Postgres) -> None:
    async with open_world(tmp_path, GATEWAY_DATABASE_URL=server.url) as world:
        server.stop()
        try:
            answer = await world.post("videos", {"text": "geheimnis"})
            problem(answer, 503, "database-down")
            assert int(answer.headers["retry-after"]) > 0
            assert (await world.http.get("/readyz")).json()["missing"] == ["database"]
            assert 'reason="database-down"' in (await world.http.get("/metrics")).text
        finally:
            server.start()
        await until(lambda: httpx.get(f"{world.gateway.url}/readyz", trust_env=False).status_code == 200)
        made = await world.post("videos", {"text": "好"})
        assert (await world.done(made.json()["id"]))["state"] == "succeeded"
        assert "geheimnis" not in world.gateway.log


def is_reply_kept(url: str, job: str) -> bool:
    """Whether the whole reply of a dialogue is in the table, so that no other attempt asks for it again."""
    engine = sa.create_engine(url)
    try:
        with engine.connect() as c:
            return bool(c.scalar(sa.select(jobs.c.partial).where(jobs.c.id == job)).get("reply_is_whole"))
    finally:
        engine.dispose()


async def test_two_replicas_and_a_kill(tmp_path: Path, postgres: str) -> None:
    shared = {"GATEWAY_DATABASE_URL": postgres, "GATEWAY_SECRET": "s" * 40}
    async with open_world(tmp_path, **shared, GATEWAY_EXECUTOR_ID="one", GATEWAY_DIALOGUE_CONCURRENCY="1") as world:
        world.fakes.render.script.hold.clear()
        keys = {"Idempotency-Key": "k"}
        first = (await world.post("dialogues", {"text": "你好"}, **keys)).json()
        assert (await world.post("dialogues", {"text": "你好"}, **keys)).json() == first
        await world.until(first["id"], "running", stage="tts")
        environment = {**world.fakes.environment(), **shared, "GATEWAY_EXECUTOR_ID": "two"}
        environment |= {"GATEWAY_DATA_DIR": str(tmp_path / "data2"), "GATEWAY_DIALOGUE_CONCURRENCY": "1"}
        other = GatewayProcess(tmp_path, environment)
        await other.start()
        try:
            async with httpx.AsyncClient(base_url=other.url, timeout=30) as http:
                assert (await http.get(f"/api/v1/jobs/{first['id']}")).json()["state"] == "running"
                second = (await http.post("/api/v1/dialogues", json={"text": "再见"})).json()
                assert second["queue_position"] == 1, "one at a time over all replicas"
                await until(lambda: is_reply_kept(postgres, first["id"]))  # "tts" is seen a moment before
                watching = asyncio.create_task(events_of(http, first["events_url"]))
                asked = world.fakes.llm.script.calls
                await world.gateway.kill()
                world.fakes.render.script.hold.set()
                await world.gateway.start()
                done = await world.done(first["id"])
                assert done["state"] == "succeeded", done
                assert world.fakes.llm.script.calls <= asked + 1, "the first answer was known"
                seen = await asyncio.wait_for(watching, PATIENCE_S)
                assert seen[-1][0] == "done", "the other replica's watchers hear of it as well"
                assert (await world.done(second["id"]))["state"] == "succeeded"
                video = await http.get(done["result"]["video_url"])
                assert video.status_code == 200, "links of one replica are good at all"
                world.fakes.render.script.hold.clear()
                third = (await http.post("/api/v1/videos", json={"text": "停"})).json()
                await world.until(third["id"], "running")
                for client in (http, world.http):  # one of the two does not run it
                    await client.delete(f"/api/v1/jobs/{third['id']}")
                assert (await world.until(third["id"], "cancelled", seconds=5))["state"] == "cancelled"
                world.fakes.render.script.hold.set()
        finally:
            await other.kill()


async def test_accounts_on_postgresql(tmp_path: Path, postgres: str) -> None:
    """The statements that differ between databases: locks, tuples in order, hashes, sums."""
    async with open_world(tmp_path, GATEWAY_DATABASE_URL=postgres, GATEWAY_AUTH="accounts") as world:
        ann = await people.first_admin(world)
        bob = await people.member(world, ann, "bob")
        problem(await ann.http.patch(f"/api/v1/users/{ann.id}", json={"role": "member"}), 409, "last-admin")
        key = people.program(world, await bob.key("read", "create"))
        world.http = bob.http
        jobs_of_bob = [(await key.post("/api/v1/videos", json={"text": t})).json()["id"] for t in ("一", "二")]
        assert [(await world.done(j))["state"] for j in jobs_of_bob] == ["succeeded"] * 2
        share = await bob.post("shares", {"kind": "video", "id": jobs_of_bob[0], "audience": "members", "days": 1})
        with_ann = (await ann.http.get("/api/v1/shares/with-me")).json()["items"]
        assert [s["id"] for s in with_ann] == [share.json()["id"]]
        problem(await people.sign_in(world, "bob", "wrong password"), 401, "wrong-password")
        assert [u["name"] for u in (await ann.http.get("/api/v1/users")).json()["items"]] == ["ann", "bob"]
        assert (await ann.http.delete(f"/api/v1/users/{bob.id}")).status_code == 204
        assert (await ann.http.get("/api/v1/shares/with-me")).json()["items"] == []
