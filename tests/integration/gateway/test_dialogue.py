"""A question in, a video answer out, through the real gateway and fake engines."""

import asyncio
import io
import itertools
import json
from typing import Any

import av
import httpx

from services.common.audio import Samples, wav_bytes
from services.common.errors import HuashengError
from tests.fakes.boxes import media_of, signature_of
from tests.fakes.media import silence, tone
from tests.integration.gateway.conftest import World


async def events_of(
    client: httpx.AsyncClient, path: str, out: list[tuple[str, Any]] | None = None
) -> list[tuple[str, Any]]:
    """All events of a stream; ``out`` has those that came so far."""
    out, name = [] if out is None else out, ""
    async with client.stream("GET", path) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        async for line in response.aiter_lines():
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                out.append((name, json.loads(line[6:])))
    return out


def frames(data: bytes) -> int:
    with av.open(io.BytesIO(data)) as c:
        return sum(1 for _ in c.decode(video=0))


def speech(seconds: float = 1.0) -> bytes:
    x: Samples = tone(seconds)
    return wav_bytes(x, 16000)


async def test_spoken_question_to_video(world: World) -> None:
    asset = (await world.upload(speech())).json()
    world.fakes.llm.script.delay_s = 0.05
    response = await world.post("dialogues", {"audio_asset_id": asset["id"]})
    assert response.status_code == 202, response.text
    job = response.json()
    assert response.headers["location"] == f"/api/v1/jobs/{job['id']}"
    assert job["state"] == "queued"
    assert job["queue_position"] == 1
    seen, live = await asyncio.gather(events_of(world.http, job["events_url"]), world.http.get(job["video_url"]))
    names = [n for n, _ in seen]
    assert names[0] == "snapshot"
    assert names[-1] == "done"
    for needed in ("transcript", "reply", "timing", "video", "progress"):
        assert needed in names
    assert names.index("transcript") < names.index("reply") < names.index("video") < names.index("done")
    done = seen[-1][1]
    assert done["state"] == "succeeded", done
    result = done["result"]
    assert result["transcript"] == "你好，你是谁？"
    assert result["reply"] == world.fakes.llm.reply
    assert result["language"] == "zh"
    assert result["engines"] == {"asr": "fake-asr", "llm": "fake-llm", "tts": "fake-tts", "render": "fake-render"}
    stages = {
        "queued",
        "asr",
        "llm_first_token",
        "llm",
        "tts_first_audio",
        "tts",
        "render_first_frame",
        "render",
        "first_video",
        "total",
    }
    assert set(result["timings_ms"]) == stages
    assert result["timings_ms"]["first_video"] < result["timings_ms"]["total"]
    # the speech began before the whole answer was known
    assert result["timings_ms"]["llm"] > result["timings_ms"]["llm_first_token"] + 100
    timings = {d["stage"]: d["ms"] for n, d in seen if n == "timing"}
    assert {k: timings[k] for k in timings if k != "queued"} == {
        k: v for k, v in result["timings_ms"].items() if k in timings and k != "queued"
    }
    final = await world.http.get(result["video_url"])
    assert final.headers["content-type"] == "video/mp4"
    assert frames(final.content) == round(result["duration_s"] * 25)
    same = "the growing video and the final one are the same bytes, but for the signature"
    assert media_of(live.content) == media_of(final.content), same
    assert signature_of(final.content) and not signature_of(live.content)
    wav = await world.http.get(result["audio_url"])
    assert wav.content[:4] == b"RIFF"
    order = world.fakes.render.order
    assert order[0] == "config"
    assert order[1] == "phonemes"
    assert order[-1] == "end"
    assert world.fakes.render.script.seen[0].has_phonemes


async def test_clauses_tell_what_is_said_when(world: World) -> None:
    world.fakes.llm.reply = "第一句话说得很长很长。第二句。"
    job = (await world.post("dialogues", {"text": "说说看"})).json()
    seen = await events_of(world.http, job["events_url"])
    expected = [
        {"index": 0, "text": "第一句话说得很长很长。", "start_s": 0.0, "end_s": 1.1},
        {"index": 1, "text": "第二句。", "start_s": 1.1, "end_s": 1.5},
    ]
    clauses = [{k: d[k] for k in ("index", "text", "start_s", "end_s")} for n, d in seen if n == "clause"]
    assert clauses == expected
    done = seen[-1][1]
    assert done["partial"]["clauses"] == expected
    conversation = (await world.http.get(f"/api/v1/conversations/{done['result']['conversation_id']}")).json()
    assert [m["clauses"] for m in conversation["messages"]] == [None, expected]


async def test_a_voice_without_phonemes_that_comes_in_parts(world: World) -> None:
    world.fakes.tts.has_phonemes = False
    job = (await world.post("dialogues", {"text": "你好"})).json()
    done = (await events_of(world.http, job["events_url"]))[-1][1]
    assert done["state"] == "succeeded", done
    clauses = done["partial"]["clauses"]
    assert all(c["text"] for c in clauses)
    assert all(a["end_s"] == b["start_s"] for a, b in itertools.pairwise(clauses))
    assert abs(clauses[-1]["end_s"] - done["result"]["duration_s"]) < 0.1


async def test_language_of_a_typed_question(world: World) -> None:
    for text, language in (("你好，你是谁？", "zh"), ("Who are you?", "en")):
        job = (await world.post("dialogues", {"text": text})).json()
        seen = await events_of(world.http, job["events_url"])
        done = seen[-1][1]
        assert done["result"]["language"] == done["partial"]["language"] == language
        assert [d["language"] for n, d in seen if n == "transcript"][:1] in ([], [language])
        assert not world.fakes.llm.script.seen[-1].language, "the model sees for itself what it was asked in"
    given = (await world.post("dialogues", {"text": "Qui es-tu ?", "language": "fr"})).json()
    assert (await world.done(given["id"]))["result"]["language"] == "fr"
    assert world.fakes.llm.script.seen[-1].language == "fr"


async def test_an_attempt_after_a_crash_tells_its_clauses_anew(world: World) -> None:
    world.fakes.llm.reply = "第一句话在这里。第二句话在那里。"
    world.fakes.render.script.error = HuashengError("service-down", service="render")
    world.fakes.render.script.error_times = 1
    world.fakes.render.script.delay_s = 0.05
    job = (await world.post("dialogues", {"text": "说说看"})).json()
    done = await world.done(job["id"])
    assert done["state"] == "succeeded", done
    assert [c["index"] for c in done["partial"]["clauses"]] == [0, 1]


async def test_video_can_be_watched_while_it_is_made(world: World) -> None:
    world.fakes.llm.reply = "第一句话在这里。" * 12
    world.fakes.render.script.delay_s = 0.15
    job = (await world.post("dialogues", {"text": "说说看"})).json()
    first_state, size = "", 0
    async with world.http.stream("GET", job["video_url"]) as response:
        assert response.status_code == 200
        async for chunk in response.aiter_bytes():
            if not size:
                first_state = (await world.job(job["id"]))["state"]
            size += len(chunk)
    assert first_state == "running"
    done = await world.done(job["id"])
    final = (await world.http.get(done["result"]["video_url"])).content
    assert done["result"]["bytes"] == len(final) == size + len(signature_of(final))
    part = await world.http.get(job["video_url"], headers={"Range": "bytes=0-99"})
    assert part.status_code == 206
    assert part.headers["content-range"] == f"bytes 0-99/{len(final)}"


async def test_conversation_goes_on_with_its_history(world: World) -> None:
    first = (await world.post("dialogues", {"text": "我叫小明"})).json()
    conversation = (await world.done(first["id"]))["result"]["conversation_id"]
    second = (await world.post("dialogues", {"text": "我叫什么？", "conversation_id": conversation})).json()
    await world.done(second["id"])
    messages = [m.content for m in world.fakes.llm.script.seen[-1].messages]
    assert messages == ["我叫小明", world.fakes.llm.reply, "我叫什么？"]
    shown = (await world.http.get(f"/api/v1/conversations/{conversation}")).json()
    assert [m["role"] for m in shown["messages"]] == ["user", "assistant"] * 2
    assert shown["title"] == "我叫小明"
    assert (await world.http.get(shown["messages"][1]["video_url"])).status_code == 200
    assert shown["messages"][1]["timings_ms"]["total"] > 0
    listed = (await world.http.get("/api/v1/conversations")).json()["items"]
    assert [(c["id"], c["messages"]) for c in listed] == [(conversation, 4)]
    assert (await world.http.delete(f"/api/v1/conversations/{conversation}")).status_code == 204
    assert (await world.http.get(f"/api/v1/conversations/{conversation}")).status_code == 404


async def test_eight_at_once_are_neither_lost_nor_mixed_up(world: World) -> None:
    world.fakes.llm.reply = "你问的是{question}。"
    posted = await asyncio.gather(*(world.post("dialogues", {"text": f"问题{i}号"}) for i in range(8)))
    jobs = [r.json() for r in posted]
    places = {(await world.job(j["id"]))["queue_position"] for j in jobs}
    assert places & {2, 3, 4, 5, 6}
    for i, job in enumerate(jobs):
        done = await world.done(job["id"])
        assert done["state"] == "succeeded", done
        assert done["result"]["reply"] == f"你问的是问题{i}号。"
        assert done["queue_position"] is None
    assert world.fakes.render.most_at_once <= 2


async def test_nothing_said_and_silence(world: World) -> None:
    quiet = (await world.upload(wav_bytes(silence(1.0), 16000))).json()
    refused = await world.post("dialogues", {"audio_asset_id": quiet["id"]})
    assert (refused.status_code, refused.json()["reason"]) == (422, "silent-audio")
    world.fakes.asr.text = ""
    hum = (await world.upload(speech())).json()
    job = (await world.post("dialogues", {"audio_asset_id": hum["id"]})).json()
    done = await world.done(job["id"])
    assert done["error"]["reason"] == "no-speech"
    broken = await world.http.get(job["video_url"] + "?lang=zh")
    assert broken.status_code == 422
    assert broken.json()["title"] == "没有听到语音"


async def test_what_users_think_of_an_answer_is_kept_with_it(world: World) -> None:
    job = await world.done((await world.post("dialogues", {"text": "你是谁？"})).json()["id"])
    conversation = job["result"]["conversation_id"]
    path = f"/api/v1/conversations/{conversation}/answers/{job['id']}/rating"

    async def ratings() -> list[str | None]:
        got = (await world.http.get(f"/api/v1/conversations/{conversation}")).json()
        return [m["rating"] for m in got["messages"]]

    assert await ratings() == [None, None]
    for rating in ("up", "down", None):
        assert (await world.http.put(path, json={"rating": rating})).status_code == 204
        assert await ratings() == [None, rating]
    assert (await world.http.put(path, json={"rating": "great"})).status_code == 422
    for wrong in (path.replace(job["id"], "j_none"), path.replace(conversation, "c_none")):
        missing = await world.http.put(wrong, json={"rating": "up"})
        assert (missing.status_code, missing.json()["reason"]) == (404, "unknown-id")
    await world.http.put(path, json={"rating": "up"})
    assert (await world.http.delete(f"/api/v1/conversations/{conversation}")).status_code == 204
