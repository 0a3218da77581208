"""Whatever users send, they get a clear answer in their language, and nothing half-done stays behind."""

import os
from pathlib import Path

import pytest

from tests.fakes import media
from tests.system.conftest import Client


def problem(response, status: int, reason: str) -> dict:
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/problem+json")
    body = response.json()
    assert body["reason"] == reason, body
    assert body["title"]
    assert body["hint"]
    assert body["request_id"]
    assert "Traceback" not in response.text
    return body


def test_empty_file(client: Client) -> None:
    problem(client.upload("a.wav", b""), 422, "empty-file")


def test_text_renamed_to_mp4(client: Client) -> None:
    problem(client.upload("talk.mp4", b"these are only words\n" * 500), 415, "unsupported-media")


@pytest.mark.parametrize("part", [0.5, 0.9])
def test_truncated_mp4(client: Client, part: float) -> None:
    whole = media.video(media.rocking(2, 128), sound=media.tone(2))
    problem(client.upload("me.mp4", whole[: int(len(whole) * part)]), 422, "corrupt-media")


def test_zero_seconds_of_audio(client: Client) -> None:
    response = client.upload("a.wav", media.wav(media.silence(0)))
    assert response.status_code in (415, 422)
    assert response.json()["reason"] in ("too-short", "corrupt-media", "empty-file", "unsupported-media")


def test_silence_only(client: Client) -> None:
    asset = client.asset("quiet.wav", media.wav(media.silence(3)))
    response = client.post("/api/v1/dialogues", json={"audio_asset_id": asset})
    body = response.json()
    if response.status_code == 202:
        job = client.wait(body["id"])
        assert job["state"] == "failed"
        body = job["error"]
    assert body["reason"] == "silent-audio"
    assert body["hint"]


def test_sound_without_words(client: Client) -> None:
    asset = client.asset("hum.wav", media.wav(media.tone(3)))
    job = client.post("/api/v1/dialogues", json={"audio_asset_id": asset}).json()
    error = client.wait(job["id"])["error"]
    assert error["reason"] == "no-speech"


def test_an_hour_of_audio(client: Client) -> None:
    body = problem(client.upload("lecture.flac", media.hour_of_audio()), 422, "too-long")
    assert "600" in body["detail"]


def test_4k_video_becomes_an_avatar_of_allowed_size(client: Client) -> None:
    pictures = [media.portrait(2160)] * 30
    wide = [media.cv2.copyMakeBorder(p, 0, 0, 840, 840, media.cv2.BORDER_REPLICATE) for p in pictures]
    response = client.upload("4k.mp4", media.video(wide))
    assert response.status_code == 201, response.text
    assert response.json()["width"] == 3840
    job = client.post("/api/v1/avatars", json={"asset_id": response.json()["id"], "name": "4K"}).json()
    done = client.wait(job["id"], 300)
    assert done["state"] == "succeeded", done["error"]
    avatar = done["result"]["avatar"]
    assert max(avatar["width"], avatar["height"]) <= 1920
    assert done["result"]["report"]["warnings"]
    client.delete(f"/api/v1/avatars/{done['result']['avatar_id']}")


def refused_avatar(client: Client, name: str, data: bytes, reason: str, lang: str = "en") -> dict:
    response = client.upload(name, data)
    assert response.status_code == 201, response.text
    job = client.post("/api/v1/avatars", json={"asset_id": response.json()["id"], "name": "x"})
    body = job.json()
    if job.status_code == 202:
        assert client.wait(body["id"])["state"] == "failed"
        body = client.get(f"/api/v1/jobs/{body['id']}", params={"lang": lang}).json()["error"]
    assert body["reason"] == reason, body
    assert body["hint"]
    return body


def test_no_face(client: Client) -> None:
    before = client.get("/api/v1/avatars").json()["items"]
    refused_avatar(client, "wall.mp4", media.video([media.blank()] * 30), "no-face")
    assert client.get("/api/v1/avatars").json()["items"] == before, "nothing half-made stays"


def test_two_faces_told_in_chinese(client: Client) -> None:
    two = media.np.hstack([media.portrait(512)] * 2)
    body = refused_avatar(client, "两人.png", media.png(two), "two-faces", lang="zh")
    assert "人脸" in body["title"]


def test_a_tiny_portrait(client: Client) -> None:
    refused_avatar(client, "small.png", media.png(media.portrait(50)), "too-small-picture")


def test_a_face_in_part_of_the_frames(client: Client) -> None:
    asset = client.asset("part.mp4", media.video(media.rocking(3, 384, absent=(1.0, 1.6)), sound=media.tone(3)))
    job = client.wait(client.post("/api/v1/avatars", json={"asset_id": asset, "name": "part"}).json()["id"])
    assert job["state"] == "succeeded", job["error"]
    report = job["result"]["report"]
    assert 0.5 < report["face_fraction"] < 0.95
    assert "person-leaves" in report["warnings"]
    video = client.post(
        "/api/v1/videos", json={"avatar_id": job["result"]["avatar_id"], "text": "你好。", "max_side_px": 256}
    ).json()
    done = client.wait(video["id"])
    assert done["state"] == "succeeded", done["error"]
    client.delete(f"/api/v1/avatars/{job['result']['avatar_id']}")


def test_an_upload_over_the_limit_is_refused_while_streaming(client: Client) -> None:
    sent = 0

    def endless():
        nonlocal sent
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="big.mp4"\r\n\r\n'
        yield head
        for _ in range(700):
            sent += 1
            yield b"\0" * 1_048_576
        yield b"\r\n--b--\r\n"

    headers = {"content-type": "multipart/form-data; boundary=b"}
    response = client.post("/api/v1/assets", content=endless(), headers=headers)
    problem(response, 413, "too-large")
    assert sent < 560, "the rest was read although the limit was passed"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.wav", "..\\..\\x.wav", "/etc/cron.d/x.wav", "a\u202egpj.wav", "x" * 300]
)
def test_path_tricks_in_names(client: Client, system, name: str) -> None:
    response = client.upload(name, media.wav(media.tone(1)))
    assert response.status_code == 201, response.text
    shown = response.json()["name"]
    assert "/" not in shown
    assert "\\" not in shown
    assert "\u202e" not in shown
    assert len(shown) <= 255
    inside = [Path(folder) / name for folder, _, names in os.walk(system.data) for name in names]
    assert inside
    assert not [p for p in inside if "passwd" in p.name or "cron" in str(p)]


@pytest.mark.parametrize(
    "path",
    ["assets/a_nope", "jobs/j_nope", "avatars/nope", "conversations/c_nope", "jobs/..%2f..%2fx", "voices/nope/sample"],
)
def test_unknown_ids(client: Client, path: str) -> None:
    response = client.get(f"/api/v1/{path}")
    assert response.status_code == 404, response.text
    assert response.json()["reason"] in ("unknown-id", "unknown-voice", "no-such-call")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("dialogues", {}),
        ("dialogues", {"text": 7}),
        ("dialogues", {"text": "hi", "audio_asset_id": "a_x"}),
        ("videos", {"text": "hi", "avatar_id": "builtin", "max_side_px": -1}),
        ("avatars", {"name": "x"}),
        ("trainings", {"video_asset_id": "a_x", "steps": "many"}),
        ("speech", {"text": "hi", "speed": 99}),
    ],
)
def test_wrong_fields(client: Client, path: str, body: dict) -> None:
    response = client.post(f"/api/v1/{path}", json=body)
    assert response.status_code in (400, 404, 422), response.text
    assert response.headers["content-type"].startswith("application/problem+json")


def test_wrong_json(client: Client) -> None:
    response = client.post("/api/v1/dialogues", content=b"{not json", headers={"content-type": "application/json"})
    problem(response, 422, "bad-request")


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "empty-text"), ("  \n", "empty-text"), ("あいうえお", "unspeakable-text"), ("字" * 5001, "long-text")],
)
def test_texts_that_cannot_be_spoken(client: Client, text: str, reason: str) -> None:
    response = client.post("/api/v1/videos", json={"avatar_id": "builtin", "text": text})
    body = response.json()
    if response.status_code == 202:
        body = client.wait(body["id"])["error"]
    assert body["reason"] == reason, body


def test_unknown_voice_avatar_and_engine_are_named(client: Client) -> None:
    for extra in ({"voice_id": "nobody"}, {"avatar_id": "nobody"}, {"engine": "nothing"}):
        response = client.post("/api/v1/videos", json={"avatar_id": "builtin", "text": "Hello.", **extra})
        body = response.json()
        if response.status_code == 202:
            body = client.wait(body["id"])["error"]
        assert body["reason"] in ("unknown-voice", "unknown-id", "unknown-engine"), body
        assert next(iter(extra.values())) in body["detail"]


def test_audio_where_a_video_is_needed(client: Client) -> None:
    asset = client.asset("a.wav", media.wav(media.tone(2)))
    response = client.post("/api/v1/avatars", json={"asset_id": asset, "name": "x"})
    problem(response, 422, "wrong-kind")


def test_a_clip_that_cannot_be_trained_on_is_refused_with_the_reason(client: Client) -> None:
    asset = client.asset("me.mp4", media.video(media.rocking(5, 256), sound=media.tone(5)))
    response = client.post("/api/v1/trainings", json={"video_asset_id": asset, "steps": 100})
    body = response.json()
    if response.status_code == 202:
        body = client.wait(body["id"])["error"]
    assert body["reason"] in ("clip-without-speech", "training-unavailable"), body
