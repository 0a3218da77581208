"""A client whose player fails in the middle of a conversation: the answer goes on in the other form. Over a real
WebSocket, in front of fake engine services."""

import pytest

from services.gateway.live.frames import MP4, PICTURE
from tests.fakes.live_client import live_client
from tests.fakes.waiting import until
from tests.integration.gateway.test_live import ANSWER, ENDED, final, messages, paused, say, started


async def fallbacks(world) -> list[str]:
    lines = (await world.http.get("/metrics")).text.splitlines()
    return [s.partition("{")[2] for s in lines if s.startswith("huasheng_live_fallbacks_total{")]


async def asked(client) -> int:
    """A question whose answer is being sent as single pictures."""
    client.plays = False
    await client.send("text", text="你是谁")
    gen: int = (await client.until("turn"))["gen"]
    await client.until_frames(3)
    return gen


async def play_to_end(client) -> dict:
    end = await client.until("end")
    await client.send("played", gen=end["gen"], us=end["duration_us"], is_end=True)
    await client.until("timings")
    return end


def words(client, gen: int) -> str:
    return "".join(e["text"] for e in client.events if e["type"] == "clause" and e["gen"] == gen)


async def test_what_was_not_heard_follows_as_mp4_in_the_same_conversation(world) -> None:
    async with live_client(world.gateway.url) as client:
        welcome = await client.until("welcome")
        gen = await asked(client)
        await client.until("end")
        await client.send("played", gen=gen, us=500_000)
        await client.send("transport", can=["mse"], gen=gen, heard_us=500_000)
        broken = await client.until("interrupted")
        assert (broken["gen"], broken["reason"]) == (gen, "player")
        assert ANSWER.startswith(broken["heard"]) and broken["heard"]
        assert (await client.until("transport"))["transport"] == "mse"
        turn = await client.until("turn")
        assert turn["video"]["mime_type"].startswith("video/mp4")
        await play_to_end(client)
        assert broken["heard"] + words(client, turn["gen"]) == ANSWER
        assert {f.kind for f in client.frames if f.generation == turn["gen"]} == {MP4}
        assert await messages(world, welcome["conversation_id"]) == [
            ("user", "你是谁", False),
            ("assistant", broken["heard"], True),
            ("assistant", ANSWER.removeprefix(broken["heard"]), False),
        ]
        await client.send("text", text="再说一次")
        last = (await play_to_end(client))["gen"]
        assert {f.kind for f in client.frames if f.generation == last} == {MP4}
        await client.lose()
    assert await fallbacks(world) == ['reason="failed",used="mse",wanted="webcodecs"} 1.0']
    assert "the player of a live conversation failed" in world.gateway.log
    async with live_client(world.gateway.url, {"session": welcome["session"]}) as client:
        assert (await client.until("welcome"))["transport"] == "mse"


async def test_an_answer_of_which_nothing_was_heard_is_said_whole_and_kept_once(world) -> None:
    async with live_client(world.gateway.url) as client:
        welcome = await client.until("welcome")
        gen = await asked(client)
        await client.send("transport", can=["mse"], gen=gen, reason="stalled")
        assert (await client.until("interrupted"))["heard"] == ""
        turn = await client.until("turn")
        assert turn["question"] == "你是谁"
        await play_to_end(client)
        assert words(client, turn["gen"]) == ANSWER
        saved = await messages(world, welcome["conversation_id"])
        assert saved == [("user", "你是谁", False), ("assistant", ANSWER, False)]
        assert len(world.fakes.llm.script.seen) == 1, "it is not thought of twice"
    assert await fallbacks(world) == ['reason="stalled",used="mse",wanted="webcodecs"} 1.0']


async def test_words_that_are_only_thought_of_later_are_said_too(world) -> None:
    async with live_client(world.gateway.url) as client:
        await client.until("welcome")
        world.fakes.llm.script.delay_s = 0.05
        gen = await asked(client)
        world.fakes.llm.script.hold.clear()
        await client.send("played", gen=gen, us=200_000)
        await client.send("transport", can=["mse"], gen=gen, heard_us=200_000)
        heard = (await client.until("interrupted"))["heard"]
        await client.until("transport")
        world.fakes.llm.script.hold.set()
        turn = await client.until("turn")
        await play_to_end(client)
        assert heard + words(client, turn["gen"]) == ANSWER
        await until(lambda: world.fakes.render.script.active == 0)


async def test_an_answer_that_waits_for_its_words_can_be_stopped(world) -> None:
    async with live_client(world.gateway.url) as client:
        await client.until("welcome")
        world.fakes.llm.script.delay_s = 0.05
        gen = await asked(client)
        world.fakes.llm.script.hold.clear()
        await client.send("transport", can=["mse"], gen=gen)
        await client.send("interrupt", gen=0, heard_us=0)
        await client.until("interrupted", lambda e: e["reason"] == "hand")
        await client.until("state", lambda e: e["state"] == "listening")
        await until(lambda: world.fakes.render.script.active == 0 and world.fakes.tts.script.active == 0)


async def test_after_an_answer_that_was_heard_to_its_end_nothing_follows(world) -> None:
    async with live_client(world.gateway.url) as client:
        welcome = await client.until("welcome")
        gen = await asked(client)
        end = await client.until("end")
        await client.send("transport", can=["mse"], gen=gen, heard_us=end["duration_us"])
        await client.until("state", lambda e: e["state"] == "listening")
        saved = await messages(world, welcome["conversation_id"])
        assert saved == [("user", "你是谁", False), ("assistant", ANSWER, False)]
        await client.send("text", text="再说一次")
        assert (await client.until("turn"))["question"] == "再说一次"


async def test_an_answer_begun_in_a_pause_comes_in_the_new_form(world) -> None:
    async with live_client(world.gateway.url) as client:
        client.plays = False
        await client.until("welcome")
        await say(world, started(), paused("你好"))
        await until(lambda: world.fakes.llm.script.calls)
        await client.send("transport", can=["mse"])
        await client.until("transport")
        await say(world, ENDED, final("你好"))
        await play_to_end(client)
        assert not [f for f in client.frames if f.kind == PICTURE]


async def test_a_client_with_nothing_left_leaves_with_what_was_heard_kept(world) -> None:
    async with live_client(world.gateway.url) as client:
        welcome = await client.until("welcome")
        gen = await asked(client)
        await client.until("end")
        await client.send("transport", can=[], gen=gen, heard_us=500_000)
        await client.send("bye")
        await client.until_closed()
        heard = next(e["heard"] for e in client.events if e["type"] == "interrupted")
        saved = await messages(world, welcome["conversation_id"])
        assert saved == [("user", "你是谁", False), ("assistant", heard, True)]
    assert await fallbacks(world) == ['reason="failed",used="none",wanted="webcodecs"} 1.0']


async def test_a_rest_that_is_broken_off_has_a_rest_too(world) -> None:
    async with live_client(world.gateway.url) as client:
        await client.until("welcome")
        gen = await asked(client)
        heard = ""
        for _ in range(3):
            await client.until("end")
            await client.send("interrupt", gen=gen, heard_us=500_000)
            heard += (await client.until("interrupted"))["heard"]
            await client.send("again", what="continue")
            gen = (await client.until("turn"))["gen"]
        await play_to_end(client)
        assert heard + words(client, gen) == ANSWER


@pytest.mark.parametrize("wrong", [{"can": ["flash"]}, {"can": ["mse"] * 3}, {}])
async def test_a_form_that_does_not_exist_is_refused(world, wrong) -> None:
    async with live_client(world.gateway.url) as client:
        await client.until("welcome")
        await client.send("transport", **wrong)
        error = await client.until("error")
        assert error["fatal"] and error["problem"]["reason"] == "bad-request"
