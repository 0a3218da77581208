"""The main job on the real system: speech in, talking face out; and what must survive a crash."""

import concurrent.futures
import json
import time
from pathlib import Path

import httpx
import pytest

from tests.fakes import media
from tests.system.conftest import Client
from tools.demo import QUESTION

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
SMALL = {"avatar_id": "builtin", "max_side_px": 256}
"""A video where the pictures do not matter."""


def test_a_spoken_question_becomes_a_video_answer(client: Client) -> None:
    asset = client.asset("question.flac", QUESTION.read_bytes())
    job = client.post("/api/v1/dialogues", json={"audio_asset_id": asset}).json()
    kinds, seen = [], {}
    with client.stream("GET", f"/api/v1/jobs/{job['id']}/events") as events:
        name = ""
        for line in events.iter_lines():
            if line.startswith("event:"):
                name = line[6:].strip()
            elif line.startswith("data:"):
                kinds.append(name)
                seen[name] = json.loads(line[5:])
    assert {"transcript", "reply", "timing", "video", "done"} <= set(kinds)
    done = seen["done"]
    assert done["state"] == "succeeded", done["error"]
    result = done["result"]
    assert result["transcript"]
    assert result["reply"]
    stages = {"asr", "llm_first_token", "llm", "tts_first_audio", "tts", "render_first_frame", "render", "total"}
    assert stages <= set(result["timings_ms"])
    video = client.get(result["video_url"])
    info = media.decoded(video.content)
    assert info["frames"] == pytest.approx(result["duration_s"] * info["fps"], abs=3)
    assert info["audio_s"] == pytest.approx(info["video_s"], abs=0.12)
    conversation = client.get(f"/api/v1/conversations/{result['conversation_id']}").json()
    assert [m["role"] for m in conversation["messages"]] == ["user", "assistant"]


def test_the_video_can_be_watched_while_it_grows_and_sought_afterwards(client: Client) -> None:
    text = "画声是一个会说话的数字人。" * 3
    job = client.post("/api/v1/videos", json={"avatar_id": "builtin", "text": text, "subtitles": True}).json()
    states = []
    with client.stream("GET", f"/api/v1/jobs/{job['id']}/video") as growing:
        content = b""
        for chunk in growing.iter_bytes():
            if not content:
                states.append(client.get(f"/api/v1/jobs/{job['id']}").json()["state"])
            content += chunk
    assert states == ["running"], "the first bytes came only after the job was over"
    done = client.wait(job["id"])
    assert media.decoded(content)["frames"] == done["result"]["frames"]
    part = client.get(done["result"]["video_url"], headers={"range": "bytes=10-19"})
    assert part.status_code == 206
    assert len(part.content) == 10
    subtitles = client.get(done["result"]["subtitles_url"]).text
    assert subtitles.startswith("WEBVTT")
    assert "画声" in subtitles


@pytest.mark.skipif(not DATA.exists(), reason="../shared/data is not here")
def test_a_real_clip_speaks_with_real_speech(client: Client) -> None:
    asset = client.asset("clip.mp4", (DATA / "clips" / "joygen_example_5s.mp4").read_bytes())
    made = client.wait(client.post("/api/v1/avatars", json={"asset_id": asset, "name": "clip"}).json()["id"], 240)
    assert made["state"] == "succeeded", made["error"]
    speech = client.asset("speech.wav", (DATA / "audio" / "zh_cosyvoice_prompt_3s5.wav").read_bytes())
    body = {"avatar_id": made["result"]["avatar_id"], "audio_asset_id": speech}
    done = client.wait(client.post("/api/v1/videos", json=body).json()["id"])
    assert done["state"] == "succeeded", done["error"]
    info = media.decoded(client.get(done["result"]["video_url"]).content)
    assert info["video_s"] == pytest.approx(3.5, abs=0.2)
    assert info["width"] == 900
    assert client.delete(f"/api/v1/avatars/{made['result']['avatar_id']}").status_code == 204


def test_eight_dialogues_at_once_are_neither_lost_nor_mixed_up(client: Client) -> None:
    thanks = [
        "谢谢",
        "谢谢你",
        "非常感谢",
        "多谢你的帮助",
        "thank you",
        "thanks a lot",
        "many thanks",
        "great thank you",
    ]
    questions = thanks[::4] + thanks[1::4] + thanks[2::4] + thanks[3::4]  # whose answers are short

    def ask(question: str) -> tuple[str, dict]:
        with Client(base_url=client.base_url, timeout=120) as own:
            job = own.post("/api/v1/dialogues", json={"text": question}).json()
            return question, own.wait(job["id"], 240)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        running = [pool.submit(ask, q) for q in questions]
        positions = set()
        while not all(r.done() for r in running):
            jobs = client.get("/api/v1/jobs", params={"state": "queued"}).json()["items"]
            positions |= {j["queue_position"] for j in jobs}
            time.sleep(0.1)
    results = [r.result() for r in running]
    for question, job in results:
        assert job["state"] == "succeeded", job["error"]
        assert job["result"]["transcript"] == question
        assert job["result"]["reply"].isascii() == question.isascii(), "it is the answer to this question"
    assert len({job["result"]["conversation_id"] for _, job in results}) == 8
    assert positions >= {1, 2}, "queue positions are shown"


def test_cancel_ends_a_running_and_a_queued_job(client: Client) -> None:
    long = "这是一段很长的文字，用来测试取消。" * 40
    first = client.post("/api/v1/videos", json={**SMALL, "text": long}).json()
    second = client.post("/api/v1/videos", json={**SMALL, "text": long}).json()
    client.wait_stage(first["id"], "render")
    for job in (second, first):
        assert client.delete(f"/api/v1/jobs/{job['id']}").status_code == 200
    for job in (first, second):
        assert client.wait(job["id"], 20)["state"] == "cancelled"
    after = client.post("/api/v1/videos", json={**SMALL, "text": "好的。"}).json()
    assert client.wait(after["id"])["state"] == "succeeded", "the engine is free again"


def test_the_same_key_makes_one_job(client: Client) -> None:
    body = {**SMALL, "text": "只做一次。"}
    headers = {"idempotency-key": "k-1"}
    a = client.post("/api/v1/videos", json=body, headers=headers)
    b = client.post("/api/v1/videos", json=body, headers=headers)
    assert a.json()["id"] == b.json()["id"]
    assert b.headers["idempotency-replayed"] == "true"
    other = client.post("/api/v1/videos", json={**body, "text": "另一个。"}, headers=headers)
    assert other.status_code == 409
    client.wait(a.json()["id"])


@pytest.mark.parametrize("victim", ["render", "tts", "llm", "gateway"])
def test_a_job_survives_a_killed_service_and_finishes(system, client: Client, victim: str) -> None:
    if victim == "llm":
        body, path = {"text": "画声是什么？"}, "dialogues"
        system.kill("llm")  # down before it is needed: the job waits for it
        job = client.post(f"/api/v1/{path}", json=body).json()
    else:
        text = "画声让任何人都能拥有会说话的数字人。" * 2
        job = client.post("/api/v1/videos", json={"avatar_id": "builtin", "text": text}).json()
        client.wait_stage(job["id"], "render")
        system.kill(victim)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            done = client.wait(job["id"], 120)
            break
        except httpx.HTTPError:
            time.sleep(0.5)  # the gateway itself is coming back
    assert done["state"] == "succeeded", done["error"]
    info = media.decoded(client.get(done["result"]["video_url"]).content)
    assert info["frames"] > 10
    system.wait_ready()
