"""Live conversations of the Python client, in front of the real gateway."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from huasheng import AsyncHuasheng, ConnectionFailedError, Huasheng, NotFoundError, events, live
from huasheng.asr.v1 import asr_pb2

from tests.fakes.cutting_proxy import CuttingProxy
from tests.fakes.waiting import PATIENCE_S, until
from tests.integration.gateway.conftest import World

pytestmark = pytest.mark.asyncio(loop_scope="module")
Heard = asr_pb2.StreamTranscribeResponse


async def collect(talk: Any, is_last: Callable[[Any], bool]) -> list[Any]:
    """What comes, up to the first that is the last."""
    out = []
    async with asyncio.timeout(PATIENCE_S):
        async for item in talk.items():
            out.append(item)
            if is_last(item):
                return out
    raise AssertionError(f"it ended before: {out[-3:]}")


def of(kind: type) -> Callable[[Any], bool]:
    return lambda item: isinstance(item, kind)


async def test_a_typed_question_is_answered_with_words_pictures_and_sound(world: World, hs: AsyncHuasheng) -> None:
    async with hs.live.connect(language="zh", playback="instant") as talk:
        await talk.say("你是谁？")
        items = await collect(talk, of(live.Timings))
        assert not [e for e in items if isinstance(e, live.LiveEvent) and e.model_extra], "every field is known"
        assert not [e for e in items if isinstance(e, live.OtherLiveEvent)]
        turn = next(e for e in items if isinstance(e, live.Turn))
        end = next(e for e in items if isinstance(e, live.End))
        pictures = [e for e in items if isinstance(e, live.Picture) and e.pts_us >= 0]
        assert len(pictures) == round(end.duration_us / 1e6 * turn.video.fps)
        assert isinstance(next(e for e in items if isinstance(e, live.Picture)), live.KeyPicture)
        sound = b"".join(e.data for e in items if isinstance(e, live.Sound))
        assert len(sound) / 2 / turn.sample_rate_hz == pytest.approx(end.duration_us / 1e6, abs=0.05)
        assert "".join(e.text for e in items if isinstance(e, live.Clause)) == world.fakes.llm.reply
        assert "speaking" in [e.state for e in items if isinstance(e, live.State)]
        assert talk.conversation_id
    saved = await hs.conversations.get(talk.conversation_id)
    assert [m.text for m in saved.messages] == ["你是谁？", world.fakes.llm.reply]


async def test_words_that_were_not_said_come_with_the_answer_live_and_in_a_job(world: World, hs: AsyncHuasheng) -> None:
    world.fakes.llm.reply = "这是 Привет。"
    async with hs.live.connect(playback="instant") as talk:
        await talk.say("你好")
        items = await collect(talk, of(live.End))
    found = [e for e in items if isinstance(e, live.Warning)]
    assert [(w.reason, w.text, w.script) for w in found] == [("left-out", "Привет", "Cyrillic")]
    job = await hs.dialogues.create(text="你好")
    told = [e async for e in hs.jobs.watch(job)]
    assert [(e.reason, e.text) for e in told if isinstance(e, events.SpeechWarning)] == [("left-out", "Привет")]
    made = await hs.jobs.get(job.id)
    saved = await hs.conversations.get(made.result.conversation_id)
    assert [w.text for w in saved.messages[-1].warnings or []] == ["Привет"]


async def test_settings_are_changed_during_a_conversation(world: World, hs: AsyncHuasheng) -> None:
    async with hs.live.connect(playback="instant") as talk:
        await talk.change(voice_id="v_en", patience=2)
        told = (await collect(talk, of(live.Settings)))[-1]
        assert (told.voice_id, told.patience, told.problem) == ("v_en", 2, None)
        await talk.change(voice_id="nobody")
        told = (await collect(talk, of(live.Settings)))[-1]
        assert told.voice_id == "v_en" and told.problem.type.endswith("unknown-voice")
        await talk.say("你是谁？")
        await collect(talk, of(live.Timings))
    assert world.fakes.tts.configs[-1].voice_id == "v_en"


async def test_a_spoken_question_is_recognised_from_the_microphone(world: World, hs: AsyncHuasheng) -> None:
    before = world.fakes.asr.live_bytes
    async with hs.live.connect(listening="auto", playback="instant") as talk:
        await talk.microphone(bytes(9600))
        items = asyncio.create_task(collect(talk, of(live.Timings)))
        await until(lambda: world.fakes.asr.live_bytes == before + 9600)
        for event in (
            Heard(speech_started=asr_pb2.SpeechStarted(pts_us=0)),
            Heard(speech_ended=asr_pb2.SpeechEnded(pts_us=1)),
            Heard(final=asr_pb2.Final(text="你好", language="zh", engine="fake-asr")),
        ):
            await world.fakes.asr.live.put(event)
        got = await items
        assert [e.text for e in got if isinstance(e, live.Final)] == ["你好"]
        assert of(live.SpeechEnded)(next(e for e in got if isinstance(e, live.SpeechEnded)))
    with pytest.raises(ValueError, match="two bytes"):
        live.microphone_frames(b"123")


async def test_stopping_an_answer_says_what_was_heard_and_the_rest_can_be_had(world: World, hs: AsyncHuasheng) -> None:
    async with hs.live.connect(playback="own") as talk:
        await talk.say("你是谁？")
        turn = (await collect(talk, of(live.Turn)))[-1]
        await collect(talk, of(live.End))
        await talk.played(turn.gen, 500_000)
        assert talk.position_us == 500_000
        await talk.interrupt()
        broken = (await collect(talk, of(live.Interrupted)))[-1]
        assert (broken.reason, broken.heard_us) == ("hand", 500_000)
        assert world.fakes.llm.reply.startswith(broken.heard)
        await talk.again("continue")
        rest = [e.text for e in await collect(talk, of(live.End)) if isinstance(e, live.Clause)]
        assert world.fakes.llm.reply.endswith("".join(rest))


async def test_a_lost_connection_goes_on_without_saying_anything_twice(world: World) -> None:
    async with (
        CuttingProxy(world.gateway.http_port, plan=[9000, 6000]) as proxy,
        AsyncHuasheng(proxy.url) as hs,
        hs.live.connect(playback="instant") as talk,
    ):
        await talk.say("你是谁？")
        items = await collect(talk, of(live.Timings))
        assert proxy.connections == 3
        assert [e.resumed for e in items if isinstance(e, live.Welcome)] == [False, True, True]
        assert len([e for e in items if isinstance(e, live.Reconnecting)]) == 2
        assert "".join(e.text for e in items if isinstance(e, live.Clause)) == world.fakes.llm.reply
        due = [e.pts_us for e in items if isinstance(e, live.Picture)]
        assert due == sorted(set(due)), "no picture twice"
        order = [e.sequence if isinstance(e, live.Media) else e.seq for e in items]
        counted = [n for n in order if n >= 0]
        assert counted == list(range(len(counted))), "nothing is missing, nothing comes twice"


async def test_what_is_refused_is_raised_with_its_reason(world: World, hs: AsyncHuasheng) -> None:
    with pytest.raises(NotFoundError) as refused:
        async with hs.live.connect(conversation_id="none") as talk:
            await collect(talk, of(live.Welcome))
    assert refused.value.reason == "unknown-id"
    async with AsyncHuasheng("http://127.0.0.1:9") as nobody:
        with pytest.raises(ConnectionFailedError, match="live"):
            async with nobody.live.connect():
                pass


def _talk(url: str) -> list[Any]:
    out: list[Any] = []
    with Huasheng(url) as hs, hs.live.connect(playback="instant") as talk:
        talk.say("你是谁？")
        for item in talk.items():
            out.append(item)
            if isinstance(item, live.Timings):
                return out
    return out


async def test_the_synchronous_client_talks_as_well(world: World) -> None:
    items = await asyncio.to_thread(_talk, world.gateway.url)
    assert "".join(e.text for e in items if isinstance(e, live.Clause)) == world.fakes.llm.reply
