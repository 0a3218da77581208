"""An answer that is broken off keeps the times of what had happened."""

from tests.fakes.live_client import live_client

STAGES = {"llm_first_token", "tts_first_audio", "render_first_frame", "first_video", "first_heard"}


async def test_an_interrupted_answer_keeps_its_times_in_the_stored_conversation_too(world) -> None:
    async with live_client(world.gateway.url) as client:
        client.plays = False
        welcome = await client.until("welcome")
        await client.send("text", text="你是谁")
        gen = (await client.until("turn"))["gen"]
        await client.until("end")
        await client.send("played", gen=gen, us=500_000)
        await client.send("interrupt", gen=gen, heard_us=500_000)
        ms = (await client.until("interrupted"))["ms"]
        assert set(ms) >= STAGES and all(value > 0 for value in ms.values())
        await client.until("state", lambda e: e["state"] == "listening")
        got = (await world.http.get(f"/api/v1/conversations/{welcome['conversation_id']}")).json()["messages"]
        assert [(m["interrupted"], m["timings_ms"]) for m in got] == [(False, None), (True, ms)]


async def test_what_never_happened_has_no_time(world) -> None:
    world.fakes.llm.script.hold.clear()
    async with live_client(world.gateway.url) as client:
        await client.until("welcome")
        await client.send("text", text="你是谁")
        await client.until("state", lambda e: e["state"] == "thinking")
        await client.send("interrupt", gen=0, heard_us=0)
        broken = await client.until("interrupted")
        assert (broken["heard"], broken["ms"]) == ("", {})


async def test_a_whole_answer_keeps_its_times_in_the_stored_conversation(world) -> None:
    async with live_client(world.gateway.url) as client:
        welcome = await client.until("welcome")
        await client.send("text", text="你是谁")
        ms = (await client.until("timings"))["ms"]
        got = (await world.http.get(f"/api/v1/conversations/{welcome['conversation_id']}")).json()["messages"]
        assert [m["timings_ms"] for m in got] == [None, ms]
