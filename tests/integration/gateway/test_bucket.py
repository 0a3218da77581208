"""The real gateway with its files in a bucket of a real S3 server."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.common.storage import Storage
from tests.fakes.media import tone, wav
from tests.fakes.s3_server import BUCKET, READER, S3Server
from tests.fakes.waiting import until
from tests.integration.gateway.conftest import World, open_world
from tests.integration.gateway.test_dialogue import frames


class BucketWorld(World):
    server: S3Server
    bucket: Storage


@pytest.fixture
async def bucket(s3: S3Server, tmp_path: Path) -> AsyncIterator[BucketWorld]:
    url = s3.new_url()
    storage = s3.storage(url, tmp_path / "fakes")
    environment = s3.environment(url, tmp_path / "cache") | {"GATEWAY_BUCKET_URL": s3.url, "GATEWAY_RETRY_S": "60"}
    async with open_world(tmp_path, storage, **environment) as world:
        world.__class__ = BucketWorld
        world.server, world.bucket = s3, storage  # type: ignore[attr-defined]
        yield world  # type: ignore[misc]


async def made(world: World, path: str, body: dict[str, Any]) -> dict[str, Any]:
    done = await world.done((await world.post(path, body)).json()["id"])
    assert done["state"] == "succeeded", done
    result: dict[str, Any] = done["result"]
    return result


async def test_a_dialogue_from_upload_to_download(bucket: BucketWorld) -> None:
    """Everything a person does: upload, ask, read the answer with ranges, delete. No file is left on the gateway."""
    asset = (await bucket.upload(wav(tone(1)))).json()
    assert (await bucket.http.get(asset["url"])).content == wav(tone(1))
    result = await made(bucket, "dialogues", {"audio_asset_id": asset["id"]})
    assert result["transcript"] == "你好，你是谁？"
    video = await bucket.http.get(result["video_url"])
    assert frames(video.content) == result["duration_s"] * 25
    part = await bucket.http.get(result["video_url"], headers={"range": "bytes=5-14"})
    assert (part.status_code, part.content) == (206, video.content[5:15])
    assert part.headers["content-range"] == f"bytes 5-14/{len(video.content)}"
    spoken = await made(bucket, "videos", {"audio_asset_id": asset["id"], "subtitles": True})
    assert (await bucket.http.get(spoken["subtitles_url"])).text.startswith("WEBVTT")
    again = await bucket.http.get(result["video_url"], headers={"if-none-match": video.headers["etag"]})
    assert again.status_code == 304
    assert not list((bucket.folder / "data" / "work").glob("*/*"))
    assert not list((bucket.folder / "cache" / "work").glob("*"))
    for job in (await bucket.http.get("/api/v1/jobs")).json()["items"]:
        assert (await bucket.http.delete(f"/api/v1/jobs/{job['id']}?forget=true")).status_code == 204
    assert (await bucket.http.delete(f"/api/v1/assets/{asset['id']}")).status_code == 204
    left = [key for key in bucket.bucket.bucket.below("") if not key.startswith("voices/")]
    assert left == []
    assert (await bucket.http.get(result["video_url"])).status_code == 404


async def test_large_files_come_from_the_bucket_itself(bucket: BucketWorld) -> None:
    large = (await bucket.upload(wav(tone(60)), "大 声.wav")).json()
    answer = await bucket.http.get(large["url"])
    assert answer.status_code == 307
    assert answer.headers["cache-control"] == "no-store"
    link = answer.headers["location"]
    assert link.startswith(f"{bucket.server.url}/{BUCKET}/")
    async with httpx.AsyncClient(trust_env=False) as anybody:
        whole = await anybody.get(link)
        assert len(whole.content) == large["bytes"]
        assert whole.headers["content-type"] == "audio/wav"
        assert whole.headers["content-disposition"].startswith("inline;")
        part = await anybody.get(link, headers={"range": "bytes=100-199"})
        assert (part.status_code, part.content) == (206, whole.content[100:200])
        download = await bucket.http.get(large["url"] + "&download")
        named = await anybody.get(download.headers["location"])
        assert named.headers["content-disposition"].startswith("attachment;")
        assert "%E5%A4%A7%20%E5%A3%B0.wav" in named.headers["content-disposition"]
        assert (await anybody.get(link.replace("X-Amz-Expires=3600", "X-Amz-Expires=360000"))).status_code == 403
    followed = await bucket.http.get(large["url"], follow_redirects=True)
    assert followed.content == whole.content
    # scripts of a page, which need not be allowed to read from the bucket, and HEAD, which a link is not made for
    for method, headers in (
        ("GET", {"sec-fetch-mode": "cors"}),
        ("GET", {"sec-fetch-mode": "same-origin"}),
        ("HEAD", {}),
    ):
        own = await bucket.http.request(method, large["url"], headers=headers)
        assert (own.status_code, int(own.headers["content-length"])) == (200, large["bytes"])
        assert own.content == (whole.content if method == "GET" else b"")
    policy = (await bucket.http.get("/")).headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert bucket.server.url in rules["media-src"].split()
    assert bucket.server.url in rules["img-src"].split()
    assert bucket.server.url not in rules["default-src"] + rules["connect-src"]
    # who may not read it gets no link
    forged = large["url"].split("sig=")[0] + "sig=" + "x" * 24
    assert (await bucket.http.get(forged)).json()["reason"] == "stale-link"
    assert (await bucket.http.delete(f"/api/v1/assets/{large['id']}")).status_code == 204
    assert (await bucket.http.get(large["url"])).status_code == 404


async def test_links_can_be_off(s3: S3Server, tmp_path: Path) -> None:
    url = s3.new_url()
    environment = s3.environment(url, tmp_path / "cache")  # a server of one's own that only the services may know
    async with open_world(tmp_path, s3.storage(url, tmp_path / "fakes"), **environment) as world:
        asset = (await world.upload(wav(tone(60)))).json()
        answer = await world.http.get(asset["url"], headers={"range": "bytes=1000000-"})
        assert answer.status_code == 206
        assert len(answer.content) == asset["bytes"] - 1_000_000
        assert s3.url not in (await world.http.get("/")).headers["content-security-policy"]


async def test_a_job_waits_for_a_bucket_that_is_killed_and_nothing_is_half_written(bucket: BucketWorld) -> None:
    bucket.fakes.render.script.hold.clear()
    job = (await bucket.post("dialogues", {"text": "你好"})).json()
    await bucket.until(job["id"], "running", stage="tts")
    await asyncio.to_thread(bucket.server.kill)
    bucket.fakes.render.script.hold.set()
    try:
        waiting = await bucket.until(job["id"], "running", stage="waiting-for-storage")
        assert waiting["error"] is None
        assert (await bucket.http.get("/readyz")).status_code == 200
        refused = await bucket.upload(wav(tone(1)))
        assert (refused.status_code, refused.json()["reason"]) == (503, "storage-down")
        assert (await bucket.http.get("/api/v1/assets")).json()["items"] == []
    finally:
        await asyncio.to_thread(bucket.server.start)
    done = await bucket.done(job["id"])
    assert done["state"] == "succeeded", done
    video = await bucket.http.get(done["result"]["video_url"])
    assert frames(video.content) == done["result"]["duration_s"] * 25
    assert "internal" not in bucket.gateway.log


async def test_a_gateway_killed_in_mid_upload_leaves_no_file(bucket: BucketWorld) -> None:
    """The server takes the parts and does not answer: the gateway dies over it."""
    content = wav(tone(200))
    bucket.server.freeze()
    try:
        sending = asyncio.create_task(bucket.upload(content))
        await until(lambda: list((bucket.folder / "data" / "uploads").glob("*.part")))
        await asyncio.sleep(0.5)
        await bucket.gateway.kill()
        with pytest.raises(httpx.TransportError):
            await sending
    finally:
        bucket.server.thaw()
    await bucket.gateway.start()
    assert (await bucket.http.get("/api/v1/assets")).json()["items"] == []
    asset = (await bucket.upload(content)).json()
    got = await bucket.http.get(asset["url"], follow_redirects=True)
    assert got.content == content


async def test_a_bucket_that_may_not_be_written_ends_the_start_with_the_reason(s3: S3Server, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="did not start"):
        async with open_world(tmp_path, **s3.environment(s3.new_url(), tmp_path / "cache") | READER):
            pass
    log = (tmp_path / "gateway.log").read_text()
    assert "gateway: cannot start: Files cannot be stored or read: the bucket media refused it (AccessDenied)." in log
    assert "Traceback" not in log


async def test_a_folder_that_is_none_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "storage").write_text("")
    with pytest.raises(AssertionError, match="storage cannot be used"):
        async with open_world(tmp_path):
            pass
