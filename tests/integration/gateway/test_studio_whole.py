"""What belongs to a whole video: one text with options, music, intro and outro, transparency, long scenes, avatars of
different rates."""

import io
import wave

import av
import numpy as np
import pytest
from huasheng.render.v1 import render_pb2

from services.common.audio import Samples
from tests.fakes.boxes import signature_of
from tests.fakes.media import blank, png, tone, video
from tests.fakes.tiny_video import FPS
from tests.integration.gateway.conftest import World
from tests.integration.gateway.test_studio_scenes import SMALL, greys, made, sound


async def test_one_text_with_options_of_the_studio(world: World) -> None:
    ground = (await world.upload(png(blank(64)), "p.png")).json()["id"]
    logo = {"asset_id": ground, "corner": "bottom-left", "width": 0.25}
    background = {"kind": "picture", "asset_id": ground, "key": "auto"}
    body = {"text": "大家好。", "background": background, "logo": logo, "framing": "whole", "format": SMALL}
    done = await made(world, body)
    assert done["result"]["text"] == "大家好。" and done["result"]["duration_s"] == 0.4
    composition = world.fakes.render.script.seen[0].composition
    assert composition.background.picture_uri.startswith("file://") and composition.background.HasField("key")
    assert composition.overlays[0].box.right - composition.overlays[0].box.left == pytest.approx(0.25)
    assert (composition.crop.right, composition.crop.bottom) == (1, 1)
    plain = (await made(world, {"text": "大家好。", "subtitles": True}))["result"]
    assert not world.fakes.render.script.seen[-1].HasField("composition")
    assert "scenes" not in plain and "subtitles_urls" not in plain
    assert "studio" not in str((await world.http.get("/api/v1/jobs")).json()["items"][0]["params"])


def stereo(samples: Samples, rate: int) -> bytes:
    """A WAV file with the second channel half as loud."""
    out = io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(2)
        w.setsampwidth(2)
        w.setframerate(rate)
        w.writeframes((np.stack([samples, samples / 2], 1) * 20000).astype("<i2").tobytes())
    return out.getvalue()


async def test_music_intro_and_outro(world: World) -> None:
    music = (await world.upload(stereo(tone(1.5, 48000), 48000), "m.wav")).json()["id"]
    film = (await world.upload(video([blank(64)] * 20, sound=tone(0.8)), "f.mp4")).json()["id"]
    body = {
        "scenes": [{"text": "大家好，这里有音乐。"}, {"text": "还有片头片尾。"}],
        "format": SMALL,
        "sound": {"loudness_lufs": -14, "music": {"asset_id": music}},
        "intro_asset_id": film,
        "outro_asset_id": film,
    }
    result = (await made(world, body))["result"]
    data = (await world.http.get(result["video_url"])).content
    with av.open(io.BytesIO(data)) as c:
        assert c.streams.audio[0].channels == 2
        times = [float(f.time or 0) for f in c.decode(video=0)]
    assert np.allclose(np.diff(times), 1 / FPS, atol=1e-3)
    assert len(times) == result["frames"]
    assert result["scenes"][0]["start_s"] == 0.8, "after the intro"
    assert result["duration_s"] == pytest.approx(result["scenes"][-1]["end_s"] + 0.8)
    assert abs(result["loudness_lufs"] + 14) < 1
    whole, rate = sound((await world.http.get(result["audio_url"])).content)
    assert len(whole) / rate == pytest.approx(result["duration_s"], abs=1 / rate)


@pytest.mark.parametrize(
    ("container", "codec", "mime"), [("webm", "vp9", "video/webm"), ("mov", "prores", "video/quicktime")]
)
async def test_transparent_videos(world: World, container: str, codec: str, mime: str) -> None:
    body = {
        "scenes": [{"text": "透明背景。"}, {"text": "再来。"}],
        "format": {"width": 64, "height": 64, "container": container},
        "background": {"kind": "transparent"},
    }
    result = (await made(world, body))["result"]
    assert world.fakes.render.script.seen[0].composition.alpha
    file = await world.http.get(result["video_url"])
    assert file.headers["content-type"] == mime and result["mime_type"].startswith(mime)
    with av.open(io.BytesIO(file.content)) as c:
        assert c.streams.video[0].codec_context.name.startswith(codec)
        assert (c.streams.video[0].width, c.streams.video[0].height) == (64, 64)
        assert "AIGC" in {k.upper() for k in c.metadata}
        assert sum(1 for _ in c.decode(video=0)) == result["frames"]
    job = await world.http.get((await world.http.get("/api/v1/videos")).json()["items"][0]["video_url"])
    assert job.content == file.content


async def test_avatars_of_other_rates_and_sizes_share_the_first_ones(world: World) -> None:
    world.fakes.render.avatars["p-slow"] = render_pb2.Avatar(
        avatar_id="p-slow", owner="local", name="Slow", engine="fake-render", kind="video", width=32, height=32, fps=24
    )
    body = {
        "scenes": [{"text": "第一个。"}, {"text": "慢一点。", "avatar_id": "p-slow"}],
        "format": {"ratio": "1:1", "resolution": 240},
    }
    result = (await made(world, body))["result"]
    assert (result["width"], result["height"], result["fps"]) == (240, 240, 25)
    slow = next(c for c in world.fakes.render.script.seen if c.avatar_id == "p-slow")
    assert slow.composition.fps == 25
    assert [w["text"] for w in result["warnings"] if w["reason"] == "enlarged"] == ["画", "Slow"]
    assert [w["reason"] for w in result["scenes"][1]["warnings"]] == ["enlarged"]


async def test_a_long_scene_is_drawn_in_pieces(world: World) -> None:
    world.fakes.render.draws_parts = True
    world.fakes.render.slots = 4
    world.fakes.tts.seconds_per_character = 0.5
    text = "这是很长的一段话，一句接着一句。" * 16  # 128 s
    result = (await made(world, {"scenes": [{"text": text}, {"text": "完。"}], "format": SMALL}))["result"]
    parts = [c.part for c in world.fakes.render.script.seen if c.HasField("part")]
    assert len(parts) > 2 and result["pieces"] == len(parts) + 1
    assert len(greys((await world.http.get(result["video_url"])).content)) == result["frames"]
    assert result["scenes"][0]["end_s"] == 128.4


async def test_what_is_made_is_signed(world: World) -> None:
    result = (await made(world, {"scenes": [{"text": "好。"}], "format": SMALL}))["result"]
    assert signature_of((await world.http.get(result["video_url"])).content)
