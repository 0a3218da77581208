"""Uploads good and bad, their files and links, idempotency, full disks."""

import asyncio
import contextlib
import io
import os
import re
from pathlib import Path

import httpx
import pytest

from tests.fakes import media
from tests.fakes.problems import problem
from tests.fakes.waiting import PATIENCE_S
from tests.integration.gateway.conftest import World, open_world


def left_behind(world: World) -> list[str]:
    return [str(p) for f in ("storage/assets", "data/uploads") for p in (world.folder / f).rglob("*") if p.is_file()]


async def test_assets_of_every_kind(world: World) -> None:
    clip = media.video([media.np.full((64, 96, 3), i * 5, media.np.uint8) for i in range(50)], sound=media.tone(2))
    mute = media.video([media.np.full((64, 96, 3), i * 5, media.np.uint8) for i in range(10)])
    picture = media.png(media.np.zeros((40, 30, 3), media.np.uint8))
    flac = io.BytesIO()
    with media.av.open(flac, "w", format="flac") as c:
        stream = c.add_stream("flac", rate=8000, layout="mono")
        frame = media.av.AudioFrame.from_ndarray((media.tone(1, 8000)[None] * 32767).astype("<i2"), "s16", "mono")
        frame.sample_rate = 8000
        c.mux(stream.encode(frame))
        c.mux(stream.encode(None))
    expected = [
        (clip, "x.txt", {"kind": "video", "content_type": "video/mp4", "width": 96, "height": 64, "has_audio": True}),
        (mute, "m.mp4", {"kind": "video", "has_audio": False, "sample_rate_hz": None, "silent": None}),
        (picture, "p.mp4", {"kind": "image", "content_type": "image/png", "width": 30, "duration_s": None}),
        (media.wav(media.tone(1)), "a.png", {"kind": "audio", "content_type": "audio/wav", "silent": False}),
        (flac.getvalue(), "f", {"kind": "audio", "content_type": "audio/flac", "sample_rate_hz": 8000}),
    ]
    for data, name, facts in expected:
        response = await world.upload(data, name)
        assert response.status_code == 201, response.text
        asset = response.json()
        assert facts.items() <= asset.items(), asset
        assert asset["bytes"] == len(data)
        assert (await world.http.get(asset["url"])).content == data
    assert abs((await world.upload(clip)).json()["duration_s"] - 2.0) < 0.1
    listed = (await world.http.get("/api/v1/assets?kind=audio")).json()["items"]
    assert [a["name"] for a in listed] == ["f", "a.png"]
    page = (await world.http.get(f"/api/v1/assets?limit=1&before={listed[0]['id']}")).json()["items"]
    assert [a["id"] for a in page] == [listed[1]["id"]]
    assert (await world.http.delete(f"/api/v1/assets/{listed[0]['id']}")).status_code == 204
    problem(await world.http.get(f"/api/v1/assets/{listed[0]['id']}"), 404, "unknown-id")
    problem(await world.http.get(listed[0]["url"]), 404, "unknown-id")
    assert not (world.folder / "storage" / "assets" / listed[0]["id"]).exists()


async def test_bad_files_are_named_and_leave_nothing(world: World) -> None:
    clip = media.video([media.np.full((64, 64, 3), i, media.np.uint8) for i in range(100)], sound=media.tone(4))
    front = _faststart(clip, world.folder / "front.mp4")
    silent_wav = media.wav(media.silence(0))
    playlist = b"#EXTM3U\n#EXTINF:10,\n/etc/passwd\n#EXT-X-ENDLIST\n"
    bad = [
        (b"", 422, "empty-file"),
        (b"these are only words\n" * 200, 415, "unsupported-media"),
        (playlist, 415, "foreign-format"),
        (b"ffconcat version 1.0\nfile /etc/hostname\n", 415, "unsupported-media"),
        (b"GIF89a" + b"\0" * 100, 422, "corrupt-media"),
        (os.urandom(5000), 415, "unsupported-media"),
        (clip[: len(clip) // 2], 422, "corrupt-media"),
        (front[: len(front) // 2], 422, "corrupt-media"),
        (silent_wav, 422, "too-short"),
        (media.hour_of_audio(), 422, "too-long"),
    ]
    for data, status, reason in bad:
        body = problem(await world.upload(data, "talk.mp4"), status, reason)
        assert body["hint"]
        assert left_behind(world) == [], reason
    wide = media.png(media.np.zeros((16, 4100, 3), media.np.uint8))
    assert "4100" in problem(await world.upload(wide, "w.png"), 422, "too-big-picture")["detail"]
    assert (await world.http.get("/api/v1/assets")).json()["items"] == []


def _faststart(data: bytes, path: Path) -> bytes:
    """The same clip with its index in front: cut off, it still opens, and only its end is missing."""
    with (
        media.av.open(io.BytesIO(data)) as source,
        media.av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as target,
    ):
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    return path.read_bytes()


async def test_upload_over_the_limit_is_refused_while_streaming(tmp_path: Path) -> None:
    async with open_world(tmp_path, GATEWAY_UPLOAD_MB="5") as world:
        sent = 0

        def endless():
            nonlocal sent
            yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="big.mp4"\r\n\r\n'
            for _ in range(400):
                sent += 1
                yield b"\0" * 1_048_576
            yield b"\r\n--b--\r\n"

        headers = {"content-type": "multipart/form-data; boundary=b"}
        # a plain socket client: asyncio ones drop what they have received when their sending breaks off
        with httpx.Client(base_url=world.gateway.url, timeout=60) as client:
            response = await asyncio.to_thread(
                client.post, "/api/v1/assets?lang=zh", content=endless(), headers=headers
            )
        body = problem(response, 413, "too-large")
        assert body["params"] == {"limit_mb": "5"}
        assert body["title"] == "文件过大"
        assert sent < 60, "the rest is not read"
        assert left_behind(world) == []
        exact = await world.upload(media.wav(media.tone(100)), "3mb.wav")
        assert exact.status_code == 201


async def test_declared_length_over_500_mb_is_refused_before_the_body(world: World) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", world.gateway.http_port)
    writer.write(
        b"POST /api/v1/assets HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        b"Content-Length: 600000000\r\n\r\n"
    )
    # head and body may come apart
    answer = await asyncio.wait_for(reader.readuntil(b"too-large"), PATIENCE_S)
    assert answer.startswith(b"HTTP/1.1 413")
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.wav", "passwd.wav"),
        ("..\\..\\win.wav", "win.wav"),
        ("/abs/x.wav", "x.wav"),
        ("..", "file"),
        ("我的 录音.wav", "我的 录音.wav"),
        ("a\u202egpj.wav", "agpj.wav"),
        ("x" * 300 + ".wav", "x" * 116 + ".wav"),
    ],
)
async def test_path_tricks_in_names(world: World, name: str, shown: str) -> None:
    response = await world.upload(media.wav(media.tone(0.5)), name)
    assert response.status_code == 201, response.text
    asset = response.json()
    assert asset["name"] == shown
    files = left_behind(world)
    assert files == [str(world.folder / "storage" / "assets" / asset["id"] / "content")]
    got = await world.http.get(asset["url"] + "&download=1")
    assert got.headers["content-disposition"].startswith("attachment; ")
    assert "\n" not in got.headers["content-disposition"]


async def test_ranges_tags_and_types(world: World) -> None:
    data = media.wav(media.tone(1))
    asset = (await world.upload(data)).json()
    path = f"/api/v1/assets/{asset['id']}/content"
    whole = await world.http.get(path)
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in whole.headers["content-security-policy"]
    for header, first, last in (
        ("bytes=0-9", 0, 9),
        ("bytes=10-", 10, len(data) - 1),
        ("bytes=-5", len(data) - 5, len(data) - 1),
    ):
        part = await world.http.get(path, headers={"Range": header})
        assert part.status_code == 206
        assert part.content == data[first : last + 1]
        assert part.headers["content-range"] == f"bytes {first}-{last}/{len(data)}"
    beyond = await world.http.get(path, headers={"Range": f"bytes={len(data)}-"})
    problem(beyond, 416, "bad-range")
    assert beyond.headers["content-range"] == f"bytes */{len(data)}"
    same = await world.http.get(path, headers={"If-None-Match": whole.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    changed = await world.http.get(path, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (changed.status_code, len(changed.content)) == (200, len(data))
    head = await world.http.head(path)
    assert (head.headers["content-length"], head.content) == (str(len(data)), b"")


async def test_links_cannot_be_forged(world: World) -> None:
    a, b = [(await world.upload(media.wav(media.tone(s)))).json() for s in (0.5, 0.6)]
    stolen = a["url"].split("?")[1]
    problem(await world.http.get(f"/api/v1/assets/{b['id']}/content?{stolen}"), 403, "stale-link")
    later = re.sub(r"exp=(\d+)", lambda m: f"exp={int(m[1]) + 999999}", a["url"])
    problem(await world.http.get(later), 403, "stale-link")
    job = (await world.post("videos", {"text": "你好"})).json()
    url = (await world.done(job["id"]))["result"]["video_url"]
    problem(await world.http.get(url.split("?")[0]), 403, "stale-link")
    problem(await world.http.get("/api/v1/media/..%2f..%2fdata%2fsecret?" + stolen), 403, "stale-link")
    secret = world.folder / "data" / "secret"
    assert secret.stat().st_mode & 0o777 == 0o600


async def test_idempotency(world: World) -> None:
    body = {"text": "你好"}
    key = {"Idempotency-Key": "k-1"}
    first = await world.post("videos", body, **key)
    again = await world.post("videos", body, **key)
    assert again.json() == first.json()
    assert again.status_code == 202
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert "idempotency-replayed" not in first.headers
    problem(await world.post("videos", {"text": "再见"}, **key), 409, "idempotency-conflict")
    problem(await world.post("dialogues", body, **key), 409, "idempotency-conflict")
    at_once = await asyncio.gather(*(world.post("videos", body, **{"Idempotency-Key": "k-2"}) for _ in range(5)))
    assert len({r.json()["id"] for r in at_once if r.status_code == 202}) == 1
    assert all(r.status_code == 202 or r.json()["reason"] == "idempotency-pending" for r in at_once)
    jobs = (await world.http.get("/api/v1/jobs")).json()["items"]
    assert len(jobs) == 2
    sound, key = media.wav(media.tone(1)), {"Idempotency-Key": "k-3"}
    one, two = [await world.upload(sound, **key) for _ in range(2)]
    assert one.json() == two.json()
    assert two.headers["idempotency-replayed"] == "true"
    problem(await world.upload(media.wav(media.tone(2)), **key), 409, "idempotency-conflict")
    assert len(left_behind(world)) == 1
    refused = {"Idempotency-Key": "k-4"}
    problem(await world.upload(b"words", **refused), 415, "unsupported-media")
    assert (await world.upload(sound, **refused)).status_code == 201, "a refused request does not use up its key"


async def test_full_disk(world: World) -> None:
    """A file system of 1 MB under the uploads: the answer is 507 and nothing stays."""
    uploads = world.folder / "data" / "uploads"
    uploads.mkdir(exist_ok=True)
    process = await asyncio.create_subprocess_exec("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(uploads))
    if await process.wait():
        pytest.skip("no right to mount a small file system here")
    try:
        response = await world.upload(media.wav(media.tone(60)))
        problem(response, 507, "disk-full")
        assert left_behind(world) == []
    finally:
        await (await asyncio.create_subprocess_exec("umount", str(uploads))).wait()
    assert (await world.upload(media.wav(media.tone(60)))).status_code == 201


async def test_full_disk_while_a_video_is_made(world: World) -> None:
    work = world.folder / "data" / "work"
    work.mkdir(exist_ok=True)
    process = await asyncio.create_subprocess_exec("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(work))
    if await process.wait():
        pytest.skip("no right to mount a small file system here")
    try:
        job = (await world.post("videos", {"text": "很长的话" * 40})).json()
        done = await world.done(job["id"])
        assert done["error"]["reason"] == "disk-full", done
        assert not list((world.folder / "storage").glob("results/**/*.mp4"))
    finally:
        await (await asyncio.create_subprocess_exec("umount", str(work))).wait()
