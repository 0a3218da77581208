"""The whole real system with its files in a bucket, and real Chromium that plays the answer from there."""

import asyncio
from pathlib import Path

import httpx
import pytest
from playwright.async_api import async_playwright

from services.common.settings import SharedSettings
from services.common.weights import WeightsError, folder, manifest
from tests.fakes import media
from tests.fakes.ports import free_port
from tests.fakes.s3_server import S3Server
from tests.integration.render.test_player import CHROMIUM
from tools.demo import QUESTION
from tools.system import SERVICES, System

PLAY = """async (url) => {
  const video = document.createElement("video");
  video.muted = true;
  video.src = url;
  document.body.append(video);
  await new Promise((done, failed) => {
    video.oncanplay = done;
    video.onerror = () => failed(new Error(video.error.message));
  });
  await video.play();
  await new Promise((done) => (video.ontimeupdate = () => video.currentTime > 0.2 && done()));
  video.currentTime = video.duration - 0.3;
  await new Promise((done) => (video.onended = done));
  const read = await fetch(url);
  return { seconds: video.duration, width: video.videoWidth, bytes: (await read.arrayBuffer()).byteLength };
}"""


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
async def test_a_spoken_question_is_answered_and_played_from_the_bucket(s3: S3Server, tmp_path: Path) -> None:
    try:
        for group in manifest():
            folder(group, SharedSettings().weights_dir)
    except WeightsError as e:
        pytest.skip(f"weights are not here: {e}")
    env = s3.environment(s3.new_url(), tmp_path / "cache") | {"GATEWAY_BUCKET_URL": s3.url}
    ports = {name: free_port() for name in (*SERVICES, "http")}
    with System(tmp_path / "data", ports=ports, metrics=False, env=env) as system:
        system.start()
        await asyncio.to_thread(system.wait_ready)
        async with httpx.AsyncClient(base_url=system.url, timeout=120) as client:
            files = {"file": ("question.flac", QUESTION.read_bytes())}
            asset = (await client.post("/api/v1/assets", files=files)).json()
            job = (await client.post("/api/v1/dialogues", json={"audio_asset_id": asset["id"]})).json()
            while (job := (await client.get(f"/api/v1/jobs/{job['id']}")).json())["state"] in ("queued", "running"):
                await asyncio.sleep(0.1)
            assert job["state"] == "succeeded", job["error"]
            result = job["result"]
            answer = await client.get(result["video_url"])
            assert answer.headers["location"].startswith(s3.url)
            whole = await client.get(result["video_url"], follow_redirects=True)
        info = media.decoded(whole.content)
        assert info["frames"] == pytest.approx(result["duration_s"] * info["fps"], abs=3)
        async with async_playwright() as p:
            browser = await p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = await browser.new_page()
            came: list[tuple[int, str]] = []
            page.on("response", lambda r: came.append((r.status, r.url)))
            await page.goto(f"{system.url}/jobs")
            played = await page.evaluate(PLAY, result["video_url"])
            await browser.close()
        assert played["seconds"] == pytest.approx(result["duration_s"], abs=0.2)
        assert played["width"] == info["width"]
        assert played["bytes"] == len(whole.content)
        assert [url for status, url in came if status == 206 and url.startswith(s3.url)], "it came from the bucket"
        assert not (tmp_path / "data" / "storage").exists()
