"""Settings that are changed during a live conversation: from the next answer, or the next utterance, on."""

from services.gateway.live.hearing import END_SILENCE_MS
from tests.fakes.live_client import live_client
from tests.fakes.waiting import until
from tests.integration.gateway.test_live import ENDED, final, partial, say, started


async def test_another_voice_speaks_from_the_next_answer_on(world) -> None:
    async with live_client(world.gateway.url) as client:
        client.plays = False
        await client.until("welcome")
        await client.send("text", text="你是谁")
        first = await client.until("turn")
        await client.send("settings", voice_id="v_en")
        told = await client.until("settings")
        assert (told["voice_id"], told["problem"]) == ("v_en", None)
        end = await client.until("end")
        assert end["gen"] == first["gen"], "the answer that is heard goes on"
        await client.send("played", gen=end["gen"], us=end["duration_us"], is_end=True)
        await client.until("timings")
        client.plays = True
        await client.send("text", text="你会什么")
        await client.until("timings")
        voices = [config.voice_id for config in world.fakes.tts.configs]
        assert voices[0] == "" and voices[-1] == "v_en"


async def test_an_unknown_voice_is_told_and_nothing_changes(world) -> None:
    async with live_client(world.gateway.url, {"patience": 1.5}) as client:
        await client.until("welcome")
        await client.send("settings", voice_id="nobody", patience=3)
        told = await client.until("settings")
        assert told["problem"]["type"].endswith("unknown-voice")
        assert (told["voice_id"], told["patience"]) == ("", 1.5)
        await client.send("text", text="你是谁")
        await client.until("timings")


async def test_patience_and_language_wait_for_the_end_of_what_is_being_said(world) -> None:
    asr = world.fakes.asr
    async with live_client(world.gateway.url) as client:
        await client.until("welcome")
        await until(lambda: len(asr.script.seen) == 1)
        await say(world, started(), partial("你好"))
        await client.until("partial")
        await client.send("settings", patience=2, language="zh")
        assert (await client.until("settings"))["patience"] == 2
        assert len(asr.script.seen) == 1, "the user is speaking"
        await say(world, ENDED, final("你好，你是谁"))
        assert (await client.until("final"))["text"] == "你好，你是谁"
        await client.until("timings")
        await until(lambda: len(asr.script.seen) == 2 and asr.listening == 1)
        after = asr.script.seen[-1]
        assert (after.end_silence_ms, after.language) == (2 * END_SILENCE_MS, "zh")
        await say(world, started(), ENDED, final("还在吗"))
        assert (await client.until("final"))["text"] == "还在吗"


async def test_patience_changes_at_once_while_nobody_speaks(world) -> None:
    asr = world.fakes.asr
    async with live_client(world.gateway.url) as client:
        await client.until("welcome")
        await until(lambda: len(asr.script.seen) == 1)
        await client.send("settings", patience=0.5)
        await client.send("settings", persona="一位老师")
        await until(lambda: len(asr.script.seen) == 2 and asr.listening == 1)
        assert asr.script.seen[-1].end_silence_ms == END_SILENCE_MS / 2
        await client.send("text", text="你是谁")
        await client.until("timings")
        assert world.fakes.llm.script.seen[-1].persona == "一位老师"
        assert len(asr.script.seen) == 2, "it is restarted for nothing else"
