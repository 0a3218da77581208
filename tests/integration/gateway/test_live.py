"""Live conversations over a real WebSocket, in front of fake engine services. No test depends on speed."""

import asyncio

import pytest
import websockets
from huasheng.asr.v1 import asr_pb2
from huasheng.render.v1 import render_pb2

from services.common.errors import HuashengError
from services.gateway.live.frames import MP4
from tests.fakes.live_client import live_client
from tests.fakes.problems import problem
from tests.fakes.waiting import until

Heard = asr_pb2.StreamTranscribeResponse
ANSWER = "我是画声，很高兴见到你。今天想聊些什么呢？"


def started(us: int = 0) -> Heard:
    return Heard(speech_started=asr_pb2.SpeechStarted(pts_us=us))


def partial(text: str) -> Heard:
    return Heard(partial=asr_pb2.Partial(text=text))


def paused(text: str, until_us: int = 10_000_000) -> Heard:
    return Heard(paused=asr_pb2.Paused(pts_us=until_us, text=text, language="zh", complete=0.9))


RESUMED = Heard(speech_resumed=asr_pb2.SpeechResumed(pts_us=2))
ENDED = Heard(speech_ended=asr_pb2.SpeechEnded(pts_us=3))


def final(text: str, until_us: int = 10_000_000) -> Heard:
    return Heard(final=asr_pb2.Final(text=text, language="zh", engine="fake-asr", end_us=until_us))


async def say(world, *events: Heard) -> None:
    for event in events:
        await world.fakes.asr.live.put(event)


async def messages(world, conversation: str) -> list[tuple[str, str, bool]]:
    got = (await world.http.get(f"/api/v1/conversations/{conversation}")).json()
    return [(m["role"], m["text"], m["interrupted"]) for m in got["messages"]]


async def test_a_spoken_question_is_answered_with_pictures_sound_and_words(world) -> None:
    async with live_client(world.gateway.url) as client:
        welcome = await client.until("welcome")
        assert welcome["transport"] == "webcodecs"
        await client.until("state", lambda e: e["state"] == "listening")
        await client.speak(bytes(640))
        await until(lambda: world.fakes.asr.live_bytes == 640)
        await say(world, started(), partial("你好"), paused("你好，你是谁？"), ENDED, final("你好，你是谁？"))
        assert (await client.until("final"))["text"] == "你好，你是谁？"
        turn = await client.until("turn")
        assert turn["question"] == "你好，你是谁？"
        assert turn["video"]["codec"] == "avc1.42c00a"
        end = await client.until("end")
        assert (await client.until("timings"))["ms"]["first_heard"] > 0
        await client.until("state", lambda e: e["state"] == "listening")
        pictures = client.pictures(turn["gen"])
        assert pictures == list(range(len(pictures)))
        assert len(pictures) == round(end["duration_us"] / 1e6 * 25)
        seconds = client.sound_bytes(turn["gen"]) / 2 / turn["sample_rate_hz"]
        assert seconds == pytest.approx(end["duration_us"] / 1e6, abs=0.05)
        kinds = [e["type"] for e in client.events]
        assert "speaking" in [e.get("state") for e in client.events]
        clauses = [e for e in client.events if e["type"] == "clause"]
        assert "".join(c["text"] for c in clauses) == ANSWER
        assert kinds.index("turn") < kinds.index("clause")
        assert len(world.fakes.llm.script.seen) == 1  # what was begun in the pause was used
        saved = await messages(world, welcome["conversation_id"])
        assert saved == [("user", "你好，你是谁？", False), ("assistant", ANSWER, False)]


async def test_pictures_and_sound_are_sent_no_further_ahead_than_four_seconds(world) -> None:
    world.fakes.tts.seconds_per_character = 1.0
    async with live_client(world.gateway.url) as client:
        client.plays = False
        await client.until("welcome")
        await client.send("text", text="说长一点")
        gen = (await client.until("turn"))["gen"]
        await client.until_frames(100)
        await asyncio.sleep(0.3)
        assert max(f.pts_us for f in client.frames) <= 4_000_000
        await client.send("played", gen=gen, us=2_000_000)
        await client.until_frames(150)


async def test_speech_again_in_a_pause_drops_what_was_begun_with_its_words(world) -> None:
    async with live_client(world.gateway.url) as client:
        await client.until("welcome")
        await say(world, started(), paused("我想问"), RESUMED, paused("我想问你是谁"), ENDED, final("我想问你是谁"))
        assert (await client.until("turn"))["question"] == "我想问你是谁"
        await client.until("timings")
        assert len([e for e in client.events if e["type"] == "turn"]) == 1


async def test_speech_soon_after_the_end_joins_the_question(world) -> None:
    world.fakes.llm.script.hold.clear()  # nothing of the answer is heard yet
    async with live_client(world.gateway.url) as client:
        welcome = await client.until("welcome")
        await say(world, started(), ENDED, final("我想问一下"))
        await client.until("state", lambda e: e["state"] == "thinking")
        await say(world, started(), ENDED, final("你是谁"))
        joined = await client.until("final", lambda e: e["joined"])
        assert joined["text"] == "我想问一下，你是谁"
        world.fakes.llm.script.hold.set()
        await client.until("timings")
        assert await messages(world, welcome["conversation_id"]) == [
            ("user", "我想问一下，你是谁", False),
            ("assistant", ANSWER, False),
        ]


@pytest.mark.parametrize(
    ("gap_us", "words", "is_joined"),
    [(900_000, "你们几点开门", True), (900_000, "停一下", False), (5_000_000, "你们几点开门", False)],
)
async def test_who_speaks_on_when_the_answer_has_just_begun_is_answered_as_a_whole(
    world, gap_us: int, words: str, is_joined: bool
) -> None:
    async with live_client(world.gateway.url) as client:
        client.plays = False
        welcome = await client.until("welcome")
        await say(world, started(), ENDED, final("我想去图书馆"))
        gen = (await client.until("turn"))["gen"]
        await client.until("end")
        await client.send("played", gen=gen, us=300_000)
        await client.until("state", lambda e: e["state"] == "speaking")
        await say(world, started(3 + gap_us))
        await client.until("hold")
        client.plays = True
        await say(world, partial(words))
        broken = await client.until("interrupted")
        assert bool(broken["heard"]) != is_joined
        await say(world, ENDED, final(words))
        last = await client.until("final", lambda e: words in e["text"])
        assert (last["text"], last["joined"]) == (f"我想去图书馆，{words}" if is_joined else words, is_joined)
        await client.until("timings")
        saved = await messages(world, welcome["conversation_id"])
        assert [role for role, _, _ in saved] == ["user", "assistant"] * (1 if is_joined else 2)


async def test_an_answer_goes_on_at_the_pause_after_a_cough_and_is_held_again_by_speech(world) -> None:
    async with live_client(world.gateway.url) as client:
        client.plays = False
        await client.until("welcome")
        await client.send("text", text="你是谁")
        gen = (await client.until("turn"))["gen"]
        await client.until("end")
        await client.send("played", gen=gen, us=500_000)
        await client.until("state", lambda e: e["state"] == "speaking")
        await say(world, started())
        await client.until("hold")
        await say(world, paused("嗯"))
        await client.until("resume")
        await say(world, RESUMED)
        await client.until("hold")
        await say(world, partial("嗯，等一下"))
        assert (await client.until("interrupted"))["reason"] == "speech"


async def test_words_interrupt_and_history_keeps_what_was_heard(world) -> None:
    async with live_client(world.gateway.url) as client:
        client.plays = False
        welcome = await client.until("welcome")
        await client.send("text", text="你是谁")
        gen = (await client.until("turn"))["gen"]
        await client.until("end")
        await client.send("played", gen=gen, us=500_000)
        await client.until("state", lambda e: e["state"] == "speaking")
        await say(world, started())
        assert (await client.until("hold"))["gen"] == gen
        await say(world, partial("等一下"))
        broken = await client.until("interrupted")
        assert broken["gen"] == gen
        assert broken["reason"] == "speech"
        assert ANSWER.startswith(broken["heard"])
        assert 4 <= len(broken["heard"]) <= 6
        await say(world, ENDED, final("等一下，换个话题"))
        client.plays = True
        after = await client.until("turn")
        assert after["gen"] > gen
        await client.until("timings")
        assert all(f.generation == after["gen"] for f in client.frames[-5:])
        saved = await messages(world, welcome["conversation_id"])
        assert saved[1] == ("assistant", broken["heard"], True)
        assert saved[2][1] == "等一下，换个话题"
        assert ("assistant", broken["heard"]) in [
            ("assistant", m.content) for m in world.fakes.llm.script.seen[-1].messages
        ]


MERE_SOUNDS = [("", 10.0), ("嗯", 10.0), ("对，对。", 10.0), ("No.", 0.4), ("没想到", 0.5), ("Yeah, no.", 10.0)]


@pytest.mark.parametrize(("sound", "until_s"), MERE_SOUNDS)
async def test_a_cough_or_a_yes_only_holds_the_answer(world, sound: str, until_s: float) -> None:
    async with live_client(world.gateway.url) as client:
        client.plays = False
        await client.until("welcome")
        await client.send("text", text="你是谁")
        gen = (await client.until("turn"))["gen"]
        await client.until("end")
        await client.send("played", gen=gen, us=500_000)
        await client.until("state", lambda e: e["state"] == "speaking")
        await say(world, started())
        await client.until("hold")
        until_us = round(until_s * 1e6)
        await say(world, paused(sound, until_us), ENDED, final(sound, until_us))
        assert (await client.until("resume"))["gen"] == gen
        await client.send("played", gen=gen, us=10_000_000, is_end=True)
        await client.until("timings")
        assert not [e for e in client.events if e["type"] == "interrupted"]


async def test_a_hand_stops_at_once_and_the_rest_can_be_heard_later(world) -> None:
    async with live_client(world.gateway.url) as client:
        client.plays = False
        await client.until("welcome")
        await client.send("text", text="你是谁")
        gen = (await client.until("turn"))["gen"]
        await client.until("end")
        await client.send("played", gen=gen, us=500_000)
        await client.send("interrupt", gen=gen, heard_us=500_000)
        heard = (await client.until("interrupted"))["heard"]
        await until(lambda: world.fakes.render.script.active == 0)
        client.plays = True
        await client.send("again", what="continue")
        await client.until("timings")
        rest = "".join(e["text"] for e in client.events if e["type"] == "clause" and e["gen"] > gen + 1)
        assert heard + rest == ANSWER


async def test_an_answer_that_is_only_thought_of_can_be_stopped(world) -> None:
    world.fakes.llm.script.hold.clear()
    async with live_client(world.gateway.url) as client:
        await client.until("welcome")
        await client.send("text", text="你是谁")
        await client.until("state", lambda e: e["state"] == "thinking")
        await client.send("interrupt", gen=0, heard_us=0)
        assert (await client.until("interrupted"))["heard"] == ""
        await client.until("state", lambda e: e["state"] == "listening")


async def test_a_lost_connection_is_taken_up_without_a_gap(world) -> None:
    async with live_client(world.gateway.url) as client:
        client.plays = False
        welcome = await client.until("welcome")
        await client.send("text", text="你是谁")
        gen = (await client.until("turn"))["gen"]
        await client.until_frames(10)
        await client.send("played", gen=gen, us=200_000)
        await client.lose()
        first, last = client, client.frames[-1].sequence
    hello = {"session": welcome["session"], "last": {"gen": gen, "us": 200_000}, "last_seq": last}
    async with live_client(world.gateway.url, hello) as client:
        again = await client.until("welcome")
        assert again["resumed"]
        await client.until("timings")
        numbers = first.pictures(gen) + client.pictures(gen)
        assert numbers == list(range(len(numbers)))
        assert [e["type"] for e in first.events + client.events].count("end") == 1


async def test_a_session_that_is_gone_keeps_its_conversation(world) -> None:
    async with live_client(world.gateway.url) as client:
        welcome = await client.until("welcome")
        await client.send("bye")
        await client.until_closed()
    hello = {"session": welcome["session"], "conversation_id": welcome["conversation_id"], "last_seq": 5}
    async with live_client(world.gateway.url, hello) as client:
        again = await client.until("welcome")
        assert not again["resumed"]
        assert again["conversation_id"] == welcome["conversation_id"]


async def test_the_avatar_of_a_conversation_cannot_be_deleted_before_its_end(world) -> None:
    world.fakes.render.avatars["p-me"] = render_pb2.Avatar(avatar_id="p-me", owner="local", name="-me", fps=25)
    async with live_client(world.gateway.url, {"avatar_id": "p-me"}) as client:
        await client.until("welcome")
        problem(await world.http.delete("/api/v1/avatars/p-me"), 409, "in-use")
        await client.send("bye")
        await client.until_closed()

    async def gone() -> bool:
        return (await world.http.delete("/api/v1/avatars/p-me")).status_code == 204

    for _ in range(100):
        if await gone():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it cannot be deleted after the conversation")


async def test_leaving_frees_every_engine(world) -> None:
    world.fakes.tts.seconds_per_character = 2.0
    async with live_client(world.gateway.url) as client:
        client.plays = False
        await client.until("welcome")
        await client.send("text", text="你是谁")
        await client.until_frames(3)
        assert world.fakes.render.script.active == 1
        await client.send("bye")
        await client.until_closed()
    await until(lambda: world.fakes.render.script.active == 0 and world.fakes.asr.listening == 0)


async def test_without_webcodecs_fragments_of_mp4_come(world) -> None:
    async with live_client(world.gateway.url, {"can": ["mse"]}) as client:
        client.plays = False
        assert (await client.until("welcome"))["transport"] == "mse"
        await client.send("text", text="你是谁")
        turn = await client.until("turn")
        assert turn["video"]["mime_type"].startswith("video/mp4")
        end = await client.until("end")
        assert {f.kind for f in client.frames} == {MP4}
        await client.send("played", gen=turn["gen"], us=end["duration_us"], is_end=True)
        await client.until("timings")


async def test_push_to_talk_ends_the_utterance_with_the_key(world) -> None:
    async with live_client(world.gateway.url, {"listening": "push"}) as client:
        await client.until("welcome")
        await client.speak(bytes(640))
        assert world.fakes.asr.listening == 0
        await client.send("talk", on=True)
        await until(lambda: world.fakes.asr.listening == 1)
        await client.speak(bytes(640))
        await until(lambda: world.fakes.asr.live_bytes == 640)
        await client.send("talk", on=False)
        await until(lambda: world.fakes.asr.was_ended)
        await say(world, ENDED, final("你好"))
        await client.until("timings")


async def test_a_service_that_fails_is_reported_and_the_session_goes_on(world) -> None:
    world.fakes.tts.script.error = HuashengError("engine-failed", engine="fake-tts", why="x")
    async with live_client(world.gateway.url) as client:
        await client.until("welcome")
        await client.send("text", text="你是谁")
        error = await client.until("error")
        assert not error["fatal"]
        assert error["problem"]["reason"] == "engine-failed"
        await client.until("state", lambda e: e["state"] == "listening")
        world.fakes.tts.script.error = None
        await client.send("text", text="你是谁")
        await client.until("timings")


async def test_six_at_once_see_and_hear_only_their_own(world) -> None:
    world.fakes.llm.reply = "{question}"

    async def talk(name: str) -> None:
        async with live_client(world.gateway.url) as client:
            await client.until("welcome")
            for n in range(3):
                question = f"{name}{n}号问题"
                await client.send("text", text=question)
                turn = await client.until("turn")
                end = await client.until("end", lambda e, g=turn["gen"]: e["gen"] == g)
                await client.until("timings")
                said = [e["text"] for e in client.events if e["type"] == "clause" and e["gen"] == turn["gen"]]
                assert "".join(said) == question == turn["question"]
                pictures = client.pictures(turn["gen"])
                assert pictures == list(range(round(end["duration_us"] / 1e6 * 25)))
            await client.send("bye")

    await asyncio.gather(*(talk(name) for name in "甲乙丙丁戊己"))


@pytest.mark.parametrize(
    ("first", "where"),
    [
        ('{"type": "text", "text": "x"}', "hello"),
        ('{"type": "hello", "can": []}', "can"),
        ('{"type": "hello", "can": ["webcodecs"], "protocol": 9}', "protocol"),
        ('{"type": "hello", "can": ["webcodecs"], "persona": "\\u001b[2J"}', "U+001B"),
        ("{", ""),
        (b"\x01", "20 bytes"),
    ],
)
async def test_bad_messages_are_refused_with_a_reason(world, first, where: str) -> None:
    async with live_client(world.gateway.url, {}) as client:
        await client.socket.send(first)
        error = await client.until("error")
        assert error["fatal"]
        assert where in error["problem"]["detail"]
        assert await client.until_closed() == 1008


async def test_a_page_of_another_site_is_refused(world) -> None:
    with pytest.raises(websockets.InvalidStatus):
        async with live_client(world.gateway.url, Origin="http://elsewhere.example"):
            pass
