"""The MCP server, asked by the SDK's own client over stdio and streamable HTTP, before the real gateway."""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from huasheng import AsyncHuasheng
from mcp import ClientSession, McpError
from mcp.types import CancelledNotification, CancelledNotificationParams, ClientNotification
from pydantic import AnyUrl

from tests.fakes.command import Command
from tests.fakes.mcp_host import http_server, over_http, over_stdio, text_of
from tests.fakes.waiting import until, until_answered
from tests.integration.clients.conftest import frames, seconds
from tests.integration.gateway.conftest import World

pytestmark = pytest.mark.asyncio(loop_scope="module")
Open = Callable[..., Any]
both = pytest.mark.parametrize("connect", [over_stdio, over_http], ids=["stdio", "http"])
TOKEN = "a-token-of-the-tests"


async def read(session: ClientSession, uri: str) -> tuple[str, bytes]:
    """Type and bytes of a resource."""
    (found,) = (await session.read_resource(AnyUrl(uri))).contents
    data = base64.b64decode(found.blob) if hasattr(found, "blob") else found.text.encode()
    return found.mimeType, data


@both
async def test_the_server_tells_what_it_has(huasheng: Command, connect: Open) -> None:
    async with connect(huasheng) as session:
        tools = {t.name: t for t in (await session.list_tools()).tools}
        made = "list_avatars list_voices say make_video ask follow_job cancel_job"
        assert set(tools) == set(made.split())
        assert all(t.description and t.outputSchema for t in tools.values())
        assert tools["list_avatars"].annotations.readOnlyHint and tools["cancel_job"].annotations.destructiveHint
        assert "ctx" not in tools["make_video"].inputSchema["properties"]
        templates = {t.uriTemplate: t.mimeType for t in (await session.list_resource_templates()).resourceTemplates}
        assert templates["huasheng://jobs/{job_id}/video"] == "video/mp4"
        avatars = await session.call_tool("list_avatars")
        assert [a["avatar_id"] for a in avatars.structuredContent["items"]] == ["builtin"]
        voices = await session.call_tool("list_voices", {"language": "zh"})
        assert [v["voice_id"] for v in voices.structuredContent["items"]] == ["v_zh"]
        assert text_of(voices) == "v_zh: 小画, zh-CN, female"


@both
async def test_speech_is_made_and_read(world: World, huasheng: Command, connect: Open) -> None:
    async with connect(huasheng) as session:
        done = await session.call_tool("say", {"text": "你好 Привет", "voice_id": "v_zh", "speed": 1.5})
        assert "left-out: Привет" in text_of(done) and world.fakes.tts.configs[-1].speed == 1.5
        link = done.content[1]
        assert (link.type, link.mimeType, str(link.uri)) == (
            "resource_link",
            "audio/wav",
            done.structuredContent["sound"],
        )
        mime, wav = await read(session, str(link.uri))
        assert mime == "audio/wav" and seconds(wav) == pytest.approx(done.structuredContent["duration_s"], abs=0.01)
        with pytest.raises(McpError, match="say it again"):
            await read(session, "huasheng://speech/none")


@both
async def test_a_video_is_made_with_its_progress_told(huasheng: Command, connect: Open) -> None:
    told: list[tuple[float, float | None, str | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    async with connect(huasheng) as session:
        done = await session.call_tool("make_video", {"text": "大家好。", "subtitles": True}, progress_callback=note)
        data = done.structuredContent
        assert (data["state"], data["duration_s"]) == ("succeeded", pytest.approx(0.4)) and not done.isError
        assert [c.mimeType for c in done.content[1:]] == ["video/mp4", "audio/wav", "text/vtt"]
        for name, kind in (("video", "video/mp4"), ("audio", "audio/wav"), ("subtitles", "text/vtt")):
            mime, content = await read(session, data[name])
            assert mime == kind
            if name == "video":
                assert frames(content) == 10
            elif name == "audio":
                assert seconds(content) == pytest.approx(0.4, abs=0.01)
            else:
                assert content.startswith(b"WEBVTT")
        mime, job = await read(session, f"huasheng://jobs/{data['job_id']}")
        assert mime == "application/json" and json.loads(job)["state"] == "succeeded"
        newest = (await session.list_resources()).resources[0]
        assert (str(newest.uri), newest.mimeType) == (data["video"], "video/mp4") and newest.size
        await until(lambda: told)
        assert told[-1] == (1.0, 1.0, "succeeded") and [t[0] for t in told] == sorted(t[0] for t in told)


@both
async def test_a_question_is_answered_and_the_conversation_goes_on(
    world: World, huasheng: Command, connect: Open
) -> None:
    async with connect(huasheng) as session:
        first = await session.call_tool("ask", {"question": "你是谁？"})
        assert text_of(first) == world.fakes.llm.reply
        kept = first.structuredContent["conversation_id"]
        again = await session.call_tool("ask", {"question": "还有呢？", "conversation_id": kept})
        assert again.structuredContent["conversation_id"] == kept
        assert len(world.fakes.llm.script.seen[-1].messages) > 2


@both
async def test_a_job_is_left_followed_and_cancelled(world: World, huasheng: Command, connect: Open) -> None:
    async with connect(huasheng) as session:
        world.fakes.render.script.hold.clear()
        left = (await session.call_tool("make_video", {"text": "大家好。", "wait": False})).structuredContent
        assert left["state"] in ("queued", "running") and left["video"] is None
        with pytest.raises(McpError, match="follow_job"):
            await read(session, f"huasheng://jobs/{left['job_id']}/video")
        early = await session.call_tool("follow_job", {"job_id": left["job_id"], "wait_s": 0.2})
        assert early.structuredContent["state"] in ("queued", "running") and not early.isError
        world.fakes.render.script.hold.set()
        done = await session.call_tool("follow_job", {"job_id": left["job_id"]})
        assert done.structuredContent["video"] == f"huasheng://jobs/{left['job_id']}/video"
        world.fakes.render.script.hold.clear()
        other = (await session.call_tool("ask", {"question": "你是谁？", "wait": False})).structuredContent["job_id"]
        await session.call_tool("cancel_job", {"job_id": other})
        world.fakes.render.script.hold.set()
        ended = await session.call_tool("follow_job", {"job_id": other})
        assert ended.isError and "was cancelled" in text_of(ended)


@both
async def test_cancelling_a_call_cancels_its_job(
    world: World, huasheng: Command, hs: AsyncHuasheng, connect: Open
) -> None:
    async with connect(huasheng) as session:
        world.fakes.render.script.hold.clear()
        number = session._request_id
        asking = asyncio.create_task(session.call_tool("make_video", {"text": "大家好。"}))
        (job,) = await until_answered(lambda: hs.jobs.list(state="running"))
        params = CancelledNotificationParams(requestId=number, reason="enough")
        note = CancelledNotification(method="notifications/cancelled", params=params)
        await session.send_notification(ClientNotification(note))
        with pytest.raises(McpError, match="cancelled"):
            await asking
        world.fakes.render.script.hold.set()
        assert (await world.done(job.id))["state"] == "cancelled"


@both
async def test_errors_are_told_in_the_servers_words(world: World, huasheng: Command, connect: Open) -> None:
    async with connect(huasheng, "--lang", "zh") as session:
        for tool, arguments, reason in (
            ("say", {"text": "x", "voice_id": "nobody"}, "unknown-voice"),
            ("make_video", {"text": "x", "avatar_id": "nobody"}, "unknown-id"),
            ("ask", {"question": "x" * 9000}, "long-text"),
            ("follow_job", {"job_id": "j_none"}, "unknown-id"),
        ):
            failed = await session.call_tool(tool, arguments)
            assert failed.isError and reason in text_of(failed) and "。" in text_of(failed), text_of(failed)
        assert (await session.call_tool("say", {})).isError
        with pytest.raises(McpError, match="unknown-id"):
            await read(session, "huasheng://jobs/j_none/video")
        await world.fakes.kill("tts")
        try:
            down = await session.call_tool("say", {"text": "你好。"})
        finally:
            await world.fakes.start("tts")
        assert down.isError and "service-down" in text_of(down)


async def test_a_token_is_demanded_where_one_is_set(huasheng: Command) -> None:
    locked = Command(huasheng.home, **{**huasheng.environment, "HUASHENG_MCP_TOKEN": TOKEN})
    async with over_http(locked, token=TOKEN) as session:
        assert (await session.list_tools()).tools
    async with http_server(locked) as url, httpx.AsyncClient() as http:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
            answer = await http.post(url, json={}, headers=headers)
            assert answer.status_code == 401 and answer.headers["www-authenticate"].startswith("Bearer")


async def test_other_sites_cannot_call_it_from_a_browser(huasheng: Command) -> None:
    async with http_server(huasheng, "--allow-host", "mcp.example.org") as url, httpx.AsyncClient() as http:
        hello = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        accept = {"Accept": "application/json, text/event-stream"}
        evil = await http.post(url, json=hello, headers={**accept, "Host": "evil.example"})
        foreign = await http.post(url, json=hello, headers={**accept, "Origin": "https://evil.example"})
        assert (evil.status_code, foreign.status_code) == (421, 403)
        named = await http.post(url, json=hello, headers={**accept, "Host": "mcp.example.org"})
        assert named.status_code not in (403, 421)


@pytest.mark.parametrize(
    ("words", "token", "told"),
    [
        (["--http", "--host", "0.0.0.0"], "", "set HUASHENG_MCP_TOKEN"),
        (["--http", "--host", "::"], "", "set HUASHENG_MCP_TOKEN"),
        (["--http"], "short", "at least 16"),
        (["--url", "ftp://x"], "", "must be like"),
        (["--lang", "fr"], "", "invalid choice"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
async def test_it_does_not_start_where_it_would_be_open(
    huasheng: Command, words: list[str], token: str, told: str
) -> None:
    command = Command(huasheng.home, **{**huasheng.environment, "HUASHENG_MCP_TOKEN": token})
    done = await command.end(await command.start(*words, program="huasheng.mcp_server"), code=2)
    assert told in done.err and not done.out
