"""What a live answer begins with, and what is shown where its speech is late. No test depends on speed."""

import asyncio
import itertools

import pytest

from services.gateway.live.frames import PICTURE
from tests.fakes.live_client import live_client
from tests.fakes.waiting import until
from tests.integration.gateway.test_live import ANSWER, messages


async def test_words_that_the_voice_cannot_say_are_named(world) -> None:
    world.fakes.llm.reply = "这是 Привет 和 GIF。"
    put = await world.http.put("/api/v1/pronunciations/GIF", json={"say": "/dʒɪf/", "language": "en"})
    assert put.status_code == 200
    async with live_client(world.gateway.url) as client:
        await client.until("welcome")
        await client.send("text", text="你好")
        turn = await client.until("turn")
        await client.until("end")
        found = [e for e in client.events if e["type"] == "warning"]
        assert [(w["gen"], w["reason"], w["text"], w["script"]) for w in found] == [
            (turn["gen"], "left-out", "Привет", "Cyrillic"),
            (turn["gen"], "entry-ignored", "GIF", ""),
        ]


async def test_an_opener_covers_a_first_clause_that_must_be_synthesised(world) -> None:
    world.fakes.tts.is_warm = True
    async with live_client(world.gateway.url) as client:
        await client.until("welcome")
        await until(lambda: world.fakes.tts.warmed)
        await asyncio.sleep(0.2)  # the answer to that reaches the session
        openers = []
        for question in ("你是谁？", "你会什么？", "你在哪里？"):
            await client.send("text", text=question)
            first = await client.until("clause")
            openers.append(first["text"])
            await client.until("timings")
        assert all(o in world.fakes.tts.warmed for o in openers)
        assert openers[0] != openers[1] != openers[2]
        conversation = client.events[0]["conversation_id"]
        assert [text for role, text, _ in await messages(world, conversation) if role == "assistant"] == [ANSWER] * 3


async def test_no_opener_where_the_answer_is_ready(world) -> None:
    world.fakes.tts.is_warm = True
    world.fakes.llm.openings = ["我是画声，"]
    async with live_client(world.gateway.url) as client:
        await client.until("welcome")
        await until(lambda: "我是画声，" in world.fakes.tts.warmed)
        await asyncio.sleep(0.2)
        await client.send("text", text="你是谁？")
        assert (await client.until("clause"))["text"].startswith("我是画声")
        await client.until("timings")


@pytest.mark.parametrize(("accept", "begins"), [("zh-CN", "你好"), ("en-GB,en", "Hello")])
async def test_the_avatar_greets_in_the_language_of_the_page_and_prepares_it_first(world, accept, begins) -> None:
    async with live_client(world.gateway.url, {"greet": True}, **{"Accept-Language": accept}) as client:
        assert (await client.until("clause"))["text"].startswith(begins)
        await client.until("timings")
        await until(lambda: world.fakes.tts.warmed)
        warmed = world.fakes.tts.warmed
        assert warmed[0].isascii() == (begins == "Hello")
        both = {text.isascii() for text in warmed[:4]}
        assert both == {True, False}, "an opener of each language before the rest"


async def test_nobody_greets_in_a_conversation_that_goes_on_and_the_model_knows_what_was_said(world) -> None:
    async with live_client(world.gateway.url, {"greet": True}) as client:
        conversation = (await client.until("welcome"))["conversation_id"]
        await client.until("timings")
        await client.send("bye")
        await client.until_closed()
    async with live_client(world.gateway.url, {"greet": True, "conversation_id": conversation}) as client:
        assert (await client.until("welcome"))["conversation_id"] == conversation
        await client.send("text", text="你是谁？")
        turns = [await client.until("turn")]
        await client.until("timings")
        assert [t["question"] for t in turns] == ["你是谁？"], "the first thing said is the answer"
        greeting, question = world.fakes.llm.script.seen[-1].messages
        assert greeting.content.startswith(("你好", "Hello"))
        assert question.content == "你是谁？"


async def test_speech_that_is_late_leaves_no_gap_in_the_pictures(world) -> None:
    world.fakes.tts.script.delay_s = 1.0  # before each clause; what is there is played at once
    async with live_client(world.gateway.url) as client:
        await client.until("welcome")
        await client.send("text", text="你是谁？")
        end = await client.until("end")
        pictures = [f.pts_us for f in client.frames if f.kind == PICTURE]
        assert pictures == [i * 40_000 for i in range(len(pictures))]
        clauses = [e for e in client.events if e["type"] == "clause"]
        assert "".join(c["text"] for c in clauses) == ANSWER
        gaps = [b["start_us"] - a["end_us"] for a, b in itertools.pairwise(clauses)]
        assert all(gap >= 100_000 for gap in gaps) and len(gaps) > 1
        spoken = sum(c["end_us"] - c["start_us"] for c in clauses)
        assert end["duration_us"] == pytest.approx(spoken + sum(gaps), abs=40_000)
