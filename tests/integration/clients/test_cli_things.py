"""``huasheng avatars``, ``voices``, ``jobs``, ``train`` and ``verify``, and how a running job is left."""

import asyncio
import json
import signal
from pathlib import Path

import numpy as np
import pytest
from huasheng import AsyncHuasheng
from huasheng.tts.v1 import tts_pb2

from tests.fakes import media
from tests.fakes.command import Command
from tests.fakes.waiting import until, until_answered
from tests.integration.clients.conftest import frames
from tests.integration.gateway.conftest import World

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def film(huasheng: Command) -> Path:
    path = huasheng.home / "me.mp4"
    pictures = [np.full((64, 64, 3), i, np.uint8) for i in range(50)]
    path.write_bytes(media.video(pictures, sound=media.tone(2)))
    return path


async def test_avatars_are_added_listed_and_deleted(huasheng: Command, film: Path) -> None:
    name = "小明 [bold] " + "很长" * 30
    made = (await huasheng("avatars", "add", film, "--name", name, "--voice", "v_en", "--json")).data
    assert (made["avatar"]["name"], made["avatar"]["voice_id"]) == (name, "v_en")
    listed = (await huasheng("avatars", "--json")).data
    assert [a["avatar_id"] for a in listed] == ["builtin", made["avatar_id"]]
    shown = (await huasheng("avatars", "list")).text.splitlines()
    assert shown[0].split() == ["AVATAR", "NAME", "ENGINE", "SIZE", "VOICE"] and len(shown) == 3
    assert name in shown[2], "as it is, and not cut to the width of a terminal that is not there"
    spoken = await huasheng("video", "你好。", "--avatar", made["avatar_id"], "-o", "-")
    assert frames(spoken.out)
    assert (await huasheng("avatars", "delete", made["avatar_id"])).text == f"avatar {made['avatar_id']} is deleted\n"
    assert (await huasheng("avatars", "delete", made["avatar_id"], "--json", code=4)).problem["reason"] == "unknown-id"
    from_pipe = await huasheng("avatars", "add", "-", "--json", stdin=film.read_bytes())
    assert from_pipe.data["avatar"]["name"] == "stdin"


async def test_voices_are_added_listed_and_deleted(world: World, huasheng: Command) -> None:
    refused = await huasheng("voices", "add", "-", "--name", "x", "--consent-by", "x", "--consent-text", "x", code=1)
    assert "cloning-unavailable" in refused.err
    world.fakes.tts.clones = tts_pb2.Cloning(engine="fake-clone")
    (huasheng.home / "li.wav").write_bytes(media.wav(media.tone(4)))
    said = ("--consent-text", "I agree.", "--consent-by", "Li Na", "--transcript", "你好", "--language", "zh-CN")
    made = (await huasheng("voices", "add", "li.wav", "--name", "Li", *said, "--json")).data
    assert made["is_cloned"] and made["consent"]["given_by"] == "Li Na"
    listed = (await huasheng("voices", "--language", "zh", "--json")).data
    assert [v["voice_id"] for v in listed] == ["v_zh", made["voice_id"]]
    assert "cloned" in (await huasheng("voices", "list")).text
    await huasheng("voices", "delete", made["voice_id"])
    missing = await huasheng("voices", "add", "li.wav", "--name", "Li", code=2)
    assert "--consent-text" in missing.err, "nobody's voice is taken without a statement"


async def test_a_model_is_trained(huasheng: Command, film: Path) -> None:
    done = await huasheng("train", film, "--steps", "100", "--name", "me")
    assert done.text == "model me_steps100, mouth opening follows 0.41 → 0.68\n"
    assert done.err == "warning: out-of-sync\n"


async def test_a_file_is_verified(huasheng: Command) -> None:
    await huasheng("video", "大家好。", "-o", "hello.mp4")
    done = await huasheng("verify", "hello.mp4")
    assert done.text.startswith("made here (evidence: file)")
    other = await huasheng("verify", "-", "--json", stdin=media.wav(media.tone(2)), code=9)
    assert other.data["made_here"] is False


async def test_a_job_that_is_left_is_listed_followed_fetched_and_cancelled(
    world: World, huasheng: Command, hs: AsyncHuasheng
) -> None:
    world.fakes.render.script.hold.clear()
    job = (await huasheng("video", "大家好。", "--detach")).text.strip()
    (listed,) = (await huasheng("jobs", "--state", "active", "--json")).data
    assert listed["id"] == job
    assert "not over yet" in (await huasheng("jobs", "get", job, "-o", "a.mp4", code=2)).err
    watching = await huasheng.start("jobs", "--watch", "--json")
    assert watching.stdout
    seen = [json.loads(await watching.stdout.readline())]
    following = await huasheng.start("jobs", "get", job, "--watch", "-o", "a.mp4")
    world.fakes.render.script.hold.set()
    done = await huasheng.end(watching)
    seen += [json.loads(line) for line in done.text.splitlines()]
    assert seen[-1]["state"] == "succeeded" and seen[0]["state"] != "succeeded"
    await huasheng.end(following)
    assert frames((huasheng.home / "a.mp4").read_bytes())
    assert job in (await huasheng("jobs", "--kind", "video")).text
    world.fakes.render.script.hold.clear()
    other = (await huasheng("ask", "你是谁？", "--detach", "--json")).data["id"]
    assert (await huasheng("jobs", "cancel", other, "--json")).data["id"] == other
    assert (await world.done(other))["state"] == "cancelled"
    assert (await huasheng("jobs", "get", other, "-o", "b.mp4", "--watch", code=130)).err


@pytest.mark.parametrize("command", ["video", "ask", "train", "scenes"])
async def test_ctrl_c_cancels_the_job_on_the_server(
    world: World, huasheng: Command, hs: AsyncHuasheng, film: Path, command: str
) -> None:
    script = world.fakes.render.training if command == "train" else world.fakes.render.script
    script.hold.clear()
    (huasheng.home / "s.json").write_text('[{"text": "大家好。"}]', encoding="utf-8")
    words = {
        "video": ["大家好。", "-o", "v.mp4"],
        "ask": ["你是谁？", "-o", "v.mp4"],
        "train": [film, "--steps", "100"],
        "scenes": ["s.json", "-o", "v.mp4"],
    }
    process = await huasheng.start(command, *words[command])

    async def running() -> str:
        jobs = await hs.jobs.list(state="running")
        return jobs[0].id if jobs else ""

    job = await until_answered(running)
    await until(lambda: script.active or script.seen)
    process.send_signal(signal.SIGINT)
    done = await huasheng.end(process, code=130)
    assert f"{job} is cancelled" in done.err and not done.out
    script.hold.set()
    assert (await world.done(job))["state"] == "cancelled"
    assert not (huasheng.home / "v.mp4").exists() and not list(huasheng.home.glob(".*part"))


async def test_a_job_that_another_cancelled_ends_the_command(
    world: World, huasheng: Command, hs: AsyncHuasheng
) -> None:
    world.fakes.render.script.hold.clear()
    process = await huasheng.start("video", "大家好。", "-o", "v.mp4", "--json")
    (job,) = await until_answered(lambda: hs.jobs.list(state="running"))
    await hs.jobs.cancel(job)
    world.fakes.render.script.hold.set()
    done = await huasheng.end(process, code=130)
    assert "was cancelled" in done.problem["title"]


async def test_a_reader_that_has_had_enough_ends_it_quietly(huasheng: Command) -> None:
    process = await huasheng.start("say", "-", "-o", "-", "--stream")
    assert process.stdin and process.stdout and process.stderr
    process.stdin.write(("你好，世界。" * 800).encode())
    process.stdin.close()
    assert await process.stdout.readexactly(4) == b"RIFF"
    process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
    async with asyncio.timeout(60):
        assert "Traceback" not in (await process.stderr.read()).decode()
        assert await process.wait() == 1
