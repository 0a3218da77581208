"""``huasheng say``, ``ask``, ``video`` and ``scenes``, as processes in front of the real gateway."""

import io
import json
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.fakes import media
from tests.fakes.command import Command
from tests.integration.clients.conftest import frames, seconds
from tests.integration.gateway.conftest import World

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_text_becomes_a_sound_file(world: World, huasheng: Command) -> None:
    done = await huasheng("say", "你好，世界。", "-o", "hello.wav", "--voice", "v_zh", "--speed", "1.5")
    assert done.text.startswith("hello.wav: 0.6 s") and not done.err
    assert seconds((huasheng.home / "hello.wav").read_bytes()) == pytest.approx(0.6, abs=0.01)
    assert (world.fakes.tts.configs[-1].voice_id, world.fakes.tts.configs[-1].speed) == ("v_zh", 1.5)
    told = (await huasheng("say", "你好。", "-o", "a.wav", "--json")).data
    assert (told["file"], told["sample_rate_hz"], told["fallbacks"]) == ("a.wav", 24000, [])


@pytest.mark.parametrize("arguments", [["-"], [], ["-o", "-"], ["-o", "-", "--stream"]], ids=" ".join)
async def test_text_comes_from_a_pipe_and_sound_goes_into_one(huasheng: Command, arguments: list[str]) -> None:
    done = await huasheng("say", *arguments, stdin="你好，世界。".encode())
    assert not done.err
    assert seconds(done.out) == pytest.approx(0.6, abs=0.01)
    with wave.open(io.BytesIO(done.out)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (24000, 1, 2)


async def test_what_was_left_out_is_told_beside_the_sound(huasheng: Command) -> None:
    done = await huasheng("say", "你好 Привет", "-o", "-")
    assert done.err == "left-out: Привет\n" and seconds(done.out)
    assert not (await huasheng("say", "你好 Привет", "-o", "-", "--quiet")).err


async def test_a_question_is_answered_in_words_and_as_a_video(world: World, huasheng: Command) -> None:
    assert (await huasheng("ask", "你是谁？")).text == world.fakes.llm.reply + "\n"
    done = await huasheng("ask", "-", "-o", "-", stdin="你是谁？".encode())
    assert frames(done.out) and done.err == world.fakes.llm.reply + "\n"
    (huasheng.home / "question.wav").write_bytes(media.wav(media.tone(1)))
    told = (await huasheng("ask", "--recording", "question.wav", "-o", "answer.mp4", "--json")).data
    assert frames((huasheng.home / "answer.mp4").read_bytes()) == told["frames"]
    assert (told["reply"], told["file"]) == (world.fakes.llm.reply, "answer.mp4") and told["transcript"]
    recording = (huasheng.home / "question.wav").read_bytes()
    again = await huasheng("ask", "--recording", "-", "--conversation", told["conversation_id"], stdin=recording)
    assert again.text == f"? {told['transcript']}\n{world.fakes.llm.reply}\n"
    assert len(world.fakes.llm.script.seen[-1].messages) > 2, "the conversation goes on"


async def test_a_video_with_subtitles_beside_it(huasheng: Command) -> None:
    done = await huasheng("video", "大家好。", "-o", "hello.mp4", "--subtitles", "vtt")
    assert done.text.splitlines() == ["hello.mp4: 0.4 s, 64×64", "hello.vtt"] and not done.err
    assert frames((huasheng.home / "hello.mp4").read_bytes()) == 10
    assert (huasheng.home / "hello.vtt").read_text(encoding="utf-8").startswith("WEBVTT")
    recording = media.wav(media.tone(1))
    spoken = await huasheng("video", "--recording", "-", "-o", "-", stdin=recording)
    assert frames(spoken.out) == 25 and "64×64" in spoken.err


async def test_options_of_the_studio_reach_the_gateway(world: World, huasheng: Command) -> None:
    (huasheng.home / "wall.png").write_bytes(media.png(np.zeros((64, 64, 3), np.uint8)))
    (huasheng.home / "music.wav").write_bytes(media.wav(media.tone(1)))
    options = "--ratio 9:16 --resolution 240 --quality draft --framing head --highlight --subtitle-size large --burn"
    more = "--background wall.png --key auto --logo wall.png --corner top-left --music music.wav --music-level -20"
    words = f"{options} {more} --loudness -14 --no-fallback --detach".split()
    started = (await huasheng("video", "大家好。", *words)).text.strip()
    params = (await world.job(started))["params"]
    assert params["format"] | {"ratio": "9:16", "resolution": 240, "quality": "draft"} == params["format"]
    (scene,) = params["scenes"]
    wall = (params["background"] or scene["background"])["asset_id"]
    assert wall == params["logo"]["asset_id"], "a file that is named twice is sent once"
    assert (params["background"] or scene["background"])["kind"] == "picture"
    assert params["subtitles"]["burn"] and params["subtitles"]["highlight"] and params["logo"]["corner"] == "top-left"
    assert params["sound"]["loudness_lufs"] == -14 and params["sound"]["music"]["level_db"] == -20
    assert not params["fallback"]
    await huasheng("jobs", "cancel", started)


@pytest.mark.parametrize("kind", ["json", "toml", "list"])
async def test_scenes_of_a_file(world: World, huasheng: Command, kind: str) -> None:
    world.fakes.render.draws_parts = True
    (huasheng.home / "in").mkdir()
    (huasheng.home / "in" / "b.wav").write_bytes(media.wav(media.tone(1)))
    scenes = [{"text": "大家好。"}, {"audio_file": "b.wav", "pause_s": 0.5}]
    texts = {
        "json": json.dumps({"scenes": scenes, "subtitles": {"files": ["srt"]}}),
        "list": json.dumps(scenes),
        "toml": 'subtitles = {files = ["srt"]}\n[[scenes]]\ntext = "大家好。"\n'
        '[[scenes]]\naudio_file = "b.wav"\npause_s = 0.5\n',
    }
    file = huasheng.home / "in" / ("script.toml" if kind == "toml" else "script.json")
    file.write_text(texts[kind], encoding="utf-8")
    told = (await huasheng("scenes", file, "-o", "out.mp4", "--json")).data
    assert frames((huasheng.home / "out.mp4").read_bytes())
    assert [s["text"] for s in told["scenes"]] == ["大家好。", None]
    assert told["subtitle_files"] == ([] if kind == "list" else ["out.srt"])
    if kind == "json":
        again = (await huasheng("scenes", file, "-o", "out.mp4", "--from-job", told["job_id"], "--json")).data
        assert again["job_id"] != told["job_id"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["say", "x", "-o", "a.mp3"], "must end in .wav"),
        (["say", "x", "-o", "-", "--json"], "both want stdout"),
        (["say", "x", "-o", "a.wav", "--stream"], "--stream"),
        (["say", "x", "-o", "no/where.wav"], "not a folder"),
        (["video", "x"], "say where to"),
        (["video", "x", "-o", "a.mp4", "--detach"], "say where to"),
        (["video", "x", "-o", "a.mp4", "--container", "webm"], "does not go with this name"),
        (["video", "x", "-o", "-", "--subtitles", "vtt"], "no place beside stdout"),
        (["video", "x", "-o", "a.mp4", "--background", "green"], "--background"),
        (["video", "x", "-o", "a.mp4", "--size", "big"], "1080x1920"),
        (["video", "x", "-o", "a.mp4", "--highlight"], "which subtitles"),
        (["video", "x", "-o", "a.mp4", "--subtitles", "sub"], "none of them"),
        (["video", "x", "--recording", "a.wav", "-o", "a.mp4"], "does not exist"),
        (["video", "x", "--recording", "-", "-o", "a.mp4"], "not both"),
        (["scenes", "-", "-o", "a.mp4"], "Expecting value"),
        (["avatars", "add", "-", "--consent-challenge", "x"], "all three"),
        (["jobs", "--json", "get", "x"], "options go after it"),
        (["say", "x", "-o", "a.wav", "--url", "ftp://x"], "must be like"),
        (["nonsense"], "No such command"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
async def test_a_command_that_is_not_right_is_refused_before_anything_is_sent(
    world: World, huasheng: Command, arguments: list[str], told: str
) -> None:
    done = await huasheng(*arguments, code=2)
    assert told in " ".join(done.err.split()) and not done.out
    assert not list(Path(huasheng.home).glob("a.*"))


async def test_a_file_of_scenes_that_is_not_right_is_refused(huasheng: Command) -> None:
    for body, told in (({"scenes": [], "colour": 1}, "colour is not known"), ({}, "no list of scenes")):
        done = await huasheng("scenes", "-", "-o", "a.mp4", stdin=json.dumps(body).encode(), code=2)
        assert told in done.err
    body = {"scenes": [{"audio_file": "none.wav"}]}
    assert "not a file" in (await huasheng("scenes", "-", "--detach", stdin=json.dumps(body).encode(), code=2)).err
