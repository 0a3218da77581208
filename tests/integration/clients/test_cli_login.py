"""``huasheng`` and a gateway where people sign in: keys, where they are kept, and that nobody sees them."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.fakes import media, people
from tests.fakes.command import Command
from tests.fakes.mcp_host import over_stdio, text_of
from tests.integration.gateway.conftest import World, open_world

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("world")
    rules = {"GATEWAY_AUTH": "accounts", "GATEWAY_LIMIT_REQUESTS_PER_MINUTE": "0", "GATEWAY_CONSENT_CLIP": "optional"}
    async with open_world(folder, **rules) as w:
        yield w


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ann(world: World) -> people.Person:
    return await people.first_admin(world)


async def test_a_key_is_tried_stored_for_its_owner_only_and_used(
    world: World, ann: people.Person, tmp_path: Path
) -> None:
    key, huasheng = await ann.key("read", "create", "live"), Command(tmp_path)
    refused = await huasheng("login", "--url", world.gateway.url, stdin=b"hs_wrong\n", code=5)
    assert "key-refused" in refused.err and not (tmp_path / "config").exists()
    done = await huasheng("login", "--url", world.gateway.url, stdin=f"{key}\n".encode())
    stored = tmp_path / "config" / "huasheng" / "login.json"
    assert done.text.startswith(f"ann at {world.gateway.url}") and str(stored) in done.text
    assert stored.stat().st_mode & 0o777 == 0o600 and stored.parent.stat().st_mode & 0o777 == 0o700
    assert json.loads(stored.read_text()) == {"url": world.gateway.url, "api_key": key}
    said = await huasheng("say", "你好。", "-o", "a.wav", "--json")
    asked = await huasheng("talk", "--json", stdin="你是谁？\n".encode())
    assert '"answered"' in asked.text
    for run in (refused, done, said, asked):
        assert key not in run.text + run.err
    assert (await huasheng("logout", "--json")).data == {"was_stored": True}
    assert not stored.exists()
    assert "huasheng login" in (await huasheng("voices", "--url", world.gateway.url, code=5)).err


async def test_keys_of_the_environment_go_first(world: World, ann: people.Person, tmp_path: Path) -> None:
    key = await ann.key("read")
    huasheng = Command(tmp_path, HUASHENG_URL=world.gateway.url, HUASHENG_API_KEY=key)
    assert (await huasheng("avatars", "--json")).data[0]["avatar_id"] == "builtin"
    done = await huasheng("video", "你好。", "-o", "a.mp4", "--json", code=5)
    assert done.problem["reason"] == "not-allowed" and key not in done.err
    wrong = Command(tmp_path, HUASHENG_URL=world.gateway.url, HUASHENG_API_KEY="hs_wrong")
    done = await wrong("avatars", "--lang", "zh", code=5)
    assert "key-refused" in done.err and "hs_wrong" not in done.err
    assert "sign-in-needed" in (await Command(tmp_path)("jobs", "--url", world.gateway.url, code=5)).err


async def test_a_stored_key_goes_to_its_own_gateway_only(world: World, ann: people.Person, tmp_path: Path) -> None:
    huasheng = Command(tmp_path)
    await huasheng("login", "--url", world.gateway.url + "/", stdin=f"{await ann.key()}\n".encode())
    elsewhere = world.gateway.url.replace("127.0.0.1", "localhost")
    assert "sign-in-needed" in (await huasheng("avatars", "--url", elsewhere, code=5)).err
    await huasheng("avatars")
    (tmp_path / "config" / "huasheng" / "login.json").write_text("{")
    assert "cannot be read" in (await huasheng("avatars", code=2)).err


async def test_faces_and_voices_need_a_statement(world: World, ann: people.Person, tmp_path: Path) -> None:
    huasheng = Command(tmp_path, HUASHENG_URL=world.gateway.url, HUASHENG_API_KEY=await ann.key())
    (tmp_path / "me.png").write_bytes(media.png(media.portrait(64)))
    without = await huasheng("avatars", "add", "me.png", "--json", code=3)
    assert without.problem["reason"] == "consent-needed"
    made = (await huasheng("avatars", "add", "me.png", "--consent", "self", "--json")).data
    assert made["avatar"]["consent"]["statement"] == "self"
    challenge = (await huasheng("avatars", "challenge", "--json")).data
    world.fakes.asr.text = challenge["sentence"]
    (tmp_path / "said.mp4").write_bytes(media.video(media.rocking(1.5, 128), sound=media.tone(1.5)))
    clip = ("--consent-challenge", challenge["id"], "--consent-clip", "said.mp4")
    made = (await huasheng("avatars", "add", "me.png", "--consent", "written", *clip, "--json")).data
    (record,) = [c for c in (await ann.http.get("/api/v1/consents")).json()["items"] if c["clip"]]
    assert record["resource_id"] == made["avatar"]["avatar_id"] and record["statement"] == "written"
    again = await huasheng("avatars", "add", "me.png", "--consent", "written", *clip, "--json", code=3)
    assert again.problem["reason"] == "consent-used"


async def test_a_limit_that_is_reached_has_a_code_of_its_own(world: World, ann: people.Person, tmp_path: Path) -> None:
    bob = await people.member(world, ann, "bob")
    changed = await ann.http.patch(f"/api/v1/users/{bob.id}", json={"limits": {"minutes_per_day": 0.001}})
    assert changed.status_code == 200, changed.text
    huasheng = Command(tmp_path, HUASHENG_URL=world.gateway.url, HUASHENG_API_KEY=await bob.key())
    await huasheng("say", "你好，世界。", "-o", "a.wav")
    done = await huasheng("say", "你好，世界。", "-o", "a.wav", "--json", code=6)
    assert done.problem["reason"] == "quota-minutes"


async def test_the_mcp_server_uses_the_same_key(world: World, ann: people.Person, tmp_path: Path) -> None:
    key = await ann.key("read")
    command = Command(tmp_path, HUASHENG_URL=world.gateway.url, HUASHENG_API_KEY=key)
    async with over_stdio(command) as session:
        assert not (await session.call_tool("list_avatars")).isError
        refused = await session.call_tool("say", {"text": "你好。"})
        assert refused.isError and "not-allowed" in text_of(refused) and key not in refused.model_dump_json()


async def test_a_gateway_without_accounts_needs_no_key(tmp_path: Path, open_gateway: str) -> None:
    done = await Command(tmp_path)("login", "--url", open_gateway, stdin=b"")
    assert "without accounts" in done.text


@pytest_asyncio.fixture(loop_scope="module")
async def open_gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    async with open_world(tmp_path_factory.mktemp("plain")) as w:
        yield w.gateway.url
