"""Videos of scenes through the real gateway and fake engines: what comes out is decoded."""

import asyncio
import io
from typing import Any

import av
import numpy as np
from huasheng.render.v1 import render_pb2

from services.common.audio import wav_bytes
from services.gateway.studio.drawing import MARKED_S
from tests.fakes.media import tone
from tests.fakes.tiny_video import FPS, grey_of
from tests.integration.gateway.conftest import World
from tests.integration.gateway.test_dialogue import events_of

SMALL = {"width": 72, "height": 128}
SECOND = render_pb2.Avatar(
    avatar_id="p-two", owner="local", name="Two", engine="fake-render", kind="video", width=128, height=96, fps=FPS
)


def greys(data: bytes) -> list[int]:
    """Brightness of every picture."""
    with av.open(io.BytesIO(data)) as c:
        return [round(float(f.to_ndarray(format="gray").mean())) for f in c.decode(video=0)]


def sound(data: bytes) -> tuple[np.ndarray, int]:
    """Samples, mixed to one channel, and their rate."""
    with av.open(io.BytesIO(data)) as c:
        rate = c.streams.audio[0].rate
        resampler = av.AudioResampler("flt", "mono", rate)
        pieces = [out.to_ndarray()[0] for f in c.decode(audio=0) for out in resampler.resample(f)]
    return np.concatenate(pieces).astype(np.float64), rate


async def made(world: World, body: dict[str, Any]) -> dict[str, Any]:
    response = await world.post("videos", body)
    assert response.status_code == 202, response.text
    done = await world.done(response.json()["id"])
    assert done["state"] == "succeeded", done["error"] or done
    return done


async def test_three_scenes_of_two_avatars(world: World) -> None:
    world.fakes.render.avatars["p-two"] = SECOND
    world.fakes.render.slots = 2
    body = {
        "scenes": [
            {"text": "大家好。[pause 0.5]我是画声。", "pause_s": 0.4},
            {"text": "第二个人来说话。", "avatar_id": "p-two", "voice_id": "v_en", "pause_s": 0.25},
            {"text": "再见！", "pause_s": 0},
        ],
        "format": SMALL,
        "subtitles": {"files": ["srt", "vtt", "ass"], "burn": True},
    }
    job = (await world.post("videos", body)).json()
    seen, growing = await asyncio.gather(events_of(world.http, job["events_url"]), world.http.get(job["video_url"]))
    done = seen[-1][1]
    assert done["state"] == "succeeded", done
    result = done["result"]
    video = (await world.http.get(result["video_url"])).content
    assert greys(growing.content) == greys(video), "the growing file is the finished one"
    assert (result["width"], result["height"], result["fps"]) == (72, 128, 25)

    scenes = result["scenes"]
    assert [s["text"] for s in scenes] == [s["text"] for s in body["scenes"]]
    assert [s["state"] for s in scenes] == ["drawn"] * 3
    assert scenes[0]["start_s"] == 0
    assert [a["end_s"] for a in scenes[:-1]] == [b["start_s"] for b in scenes[1:]]
    assert scenes[-1]["end_s"] == result["duration_s"] == result["frames"] / FPS
    # nine characters of 0.1 s, a pause of 0.5 s within and one of 0.4 s after
    assert scenes[0]["end_s"] == 1.8
    assert [c["text"] for c in scenes[0]["clauses"]] == ["大家好。", "我是画声。"]
    assert scenes[0]["clauses"][1]["start_s"] == 0.9

    # a scene's first picture is bright as picture 0; its sound begins at the same time, to the sample
    pictures = greys(video)
    starts = [round(s["start_s"] * FPS) for s in scenes]
    assert len(pictures) == result["frames"]
    assert all(abs(pictures[n] - grey_of(0)) <= 1 for n in starts)
    spoken, rate = sound((await world.http.get(result["audio_url"])).content)
    assert rate == 48000
    assert len(spoken) == round(result["duration_s"] * rate)
    for n in starts:
        at = round(n / FPS * rate)
        assert np.abs(spoken[at : at + 480]).max() > 0.05
        if n:
            assert np.abs(spoken[at - 960 : at - 2]).max() < 0.01, "silence before it"
            assert np.abs(spoken[at - 2 : at + 12]).max() > np.abs(spoken[at - 960 : at - 2]).max()
    heard, heard_rate = sound(video)
    assert heard_rate == rate
    n = min(len(heard), len(spoken))
    lags = {lag: float(np.dot(heard[2000 + lag : n - 2000 + lag], spoken[2000 : n - 2000])) for lag in range(-40, 41)}
    assert max(lags, key=lags.__getitem__) == 0

    configs = world.fakes.render.script.seen
    assert {c.avatar_id for c in configs} == {"", "p-two"}
    assert {(c.composition.width, c.composition.height) for c in configs} == {(72, 128)}
    assert all(c.composition.captions.cues for c in configs)
    marks = [c.HasField("mark") for c in configs]
    assert scenes[1]["start_s"] < MARKED_S < scenes[2]["start_s"]
    assert sorted(marks) == [False, True, True], "at the start of the video; the first scene is shorter than the mark"
    assert [c.voice_id for c in world.fakes.tts.configs].count("v_en") == 1

    assert set(result["subtitles_urls"]) == {"srt", "vtt", "ass"}
    vtt = (await world.http.get(result["subtitles_url"])).text
    assert vtt.startswith("WEBVTT") and "第二个人来说话" in vtt
    srt = await world.http.get(result["subtitles_urls"]["srt"])
    assert "-->" in srt.text and srt.headers["content-type"].startswith("application/x-subrip")
    assert {n for n, _ in seen} >= {"scene", "progress", "video", "done"}
    assert not list((world.folder / "data" / "work").glob("*/*")), "work in progress is cleared away"


async def test_a_scene_can_be_heard_before_the_video_is_made(world: World) -> None:
    answer = await world.post("videos/preview", {"text": "大家好。[pause 0.5]我是画声。", "pause_s": 3})
    assert answer.status_code == 200, answer.text
    heard = answer.json()
    assert heard["duration_s"] == 1.4
    assert [c["text"] for c in heard["clauses"]] == ["大家好。", "我是画声。"]
    assert "".join(c["text"] for c in heard["cues"]).replace("\n", "").startswith("大家好")
    assert heard["voice_id"] == "v_zh" and heard["warnings"] == heard["fallbacks"] == []
    file = await world.http.get(heard["audio_url"])
    assert file.headers["content-type"] == "audio/wav"
    samples, rate = sound(file.content)
    assert len(samples) == 1.4 * rate
    assert np.abs(samples[int(0.5 * rate) : int(0.88 * rate)]).max() < 0.01 < np.abs(samples[: int(0.4 * rate)]).max()
    # its cues are what a scene takes
    scene = {"text": "大家好。[pause 0.5]我是画声。", "cues": heard["cues"]}
    done = await made(world, {"scenes": [scene], "format": SMALL, "subtitles": {"burn": True}})
    burned = world.fakes.render.script.seen[-1].composition.captions
    assert len(burned.cues) == len(heard["cues"])
    assert done["result"]["duration_s"] == 1.8

    asset = (await world.upload(wav_bytes(tone(2.0), 16000))).json()["id"]
    recording = (await world.post("videos/preview", {"audio_asset_id": asset})).json()
    assert recording["duration_s"] == 2.0 and recording["clauses"][0]["text"] == world.fakes.asr.text
    assert (await world.http.get(recording["audio_url"])).status_code == 200
    assert (await world.post("videos/preview", {"text": " "})).json()["reason"] == "empty-text"
    assert not list((world.folder / "data" / "work").glob("*"))
