"""The proxy configuration that operators get, over TLS, before a real gateway: uploads, streams, live talks, ranges."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import websockets

from tests.fakes import media
from tests.fakes.live_client import LiveClient
from tests.fakes.nginx import Nginx, nginx
from tests.integration.gateway.conftest import World, open_world

UPLOAD_MB = 32
"""In place of 500, of the gateway; the proxy has 12 more, as in the file."""
SILENCE_S = 18
"""In place of 60: less would be less than the pause between two signs of life, 15 s."""


@dataclass
class Front:
    """A gateway and the proxy before it."""

    world: World
    proxy: Nginx
    http: httpx.AsyncClient


@contextlib.asynccontextmanager
async def front(folder: Path, **environment: str) -> AsyncIterator[Front]:
    shorter = {
        "client_max_body_size 512m": f"client_max_body_size {UPLOAD_MB + 12}m",
        "_timeout 60s": f"_timeout {SILENCE_S}s",
    }
    async with open_world(folder, GATEWAY_UPLOAD_MB=str(UPLOAD_MB), **environment) as world:
        with nginx(folder / "nginx", [world.gateway.http_port], shorter) as proxy:
            async with httpx.AsyncClient(base_url=proxy.url, verify=proxy.tls, timeout=60) as http:
                yield Front(world, proxy, http)


async def test_the_address_and_the_certificate_of_the_proxy_are_the_ones_people_see(tmp_path: Path) -> None:
    async with front(tmp_path, GATEWAY_AUTH="accounts", GATEWAY_PUBLIC_URL="https://localhost") as f:
        page = await f.http.get("/")
        assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
        assert (await f.http.get("/readyz")).status_code == 200
        assert (await f.http.get("/metrics")).status_code == 404, "monitoring asks the gateways themselves"
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            async with httpx.AsyncClient(verify=ssl.create_default_context()) as stranger:
                await stranger.get(f.proxy.url)


async def test_uploads_pass_through_while_they_arrive_and_come_back_in_parts(tmp_path: Path) -> None:
    async with front(tmp_path) as f:
        clip = media.wav(media.tone(300, 48_000), 48_000)  # 29 MB
        assert 25e6 < len(clip) < UPLOAD_MB * 2**20
        parts = f.world.folder / "data" / "uploads"
        seen = asyncio.Event()

        async def slowly() -> AsyncIterator[bytes]:
            head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
            yield head + clip[: 8 * 2**20]
            async with asyncio.timeout(60):  # the first part is at the gateway before the second is sent
                while not any(p.stat().st_size > 2**20 for p in parts.glob("*.part")):
                    await asyncio.sleep(0.05)
            seen.set()
            yield clip[8 * 2**20 :] + b"\r\n--x--\r\n"

        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        made = await f.http.post("/api/v1/assets", content=slowly(), headers=kind)
        assert made.status_code == 201 and seen.is_set(), made.text
        url = made.json()["url"]
        part = await f.http.get(url, headers={"Range": "bytes=1000-1999"})
        assert (part.status_code, part.content) == (206, clip[1000:2000])
        assert part.headers["content-range"] == f"bytes 1000-1999/{len(clip)}"
        assert (await f.http.get(url)).content == clip
        assert "sig" not in f.proxy.accesses and "?" not in f.proxy.accesses, "links are keys: the proxy logs none"


async def test_what_is_too_large_is_refused_in_the_words_of_the_gateway_or_at_the_door(tmp_path: Path) -> None:
    async with front(tmp_path) as f:
        for size, is_gateway in ((UPLOAD_MB + 2, True), (UPLOAD_MB + 20, False)):
            files = {"file": ("a.wav", b"\0" * (size * 2**20))}
            answer = await f.http.post("/api/v1/assets", files=files)
            assert answer.status_code == 413
            assert (answer.headers["content-type"] == "application/problem+json") == is_gateway
        assert not list((f.world.folder / "data" / "uploads").glob("*"))


async def test_events_and_a_growing_video_are_not_held_back(tmp_path: Path) -> None:
    async with front(tmp_path) as f:
        f.world.fakes.render.script.delay_s = 0.05
        job = (await f.http.post("/api/v1/videos", json={"text": "你好。" * 10})).json()
        async with f.http.stream("GET", job["events_url"]) as events:
            assert events.headers["content-type"].startswith("text/event-stream")
            async for line in events.aiter_lines():
                if line == "event: progress":
                    break
            # seen while the job is at work, not all at its end
            assert (await f.world.job(job["id"]))["state"] == "running"
        async with f.http.stream("GET", job["video_url"]) as video:
            first = await anext(video.aiter_bytes())
            assert first and (await f.world.job(job["id"]))["state"] == "running"
        done = await f.world.done(job["id"])
        part = await f.http.get(done["result"]["video_url"], headers={"Range": "bytes=0-99"})
        assert part.status_code == 206 and len(part.content) == 100


async def test_a_talk_and_a_watcher_outlive_the_silence_that_the_proxy_allows(tmp_path: Path) -> None:
    async with front(tmp_path) as f:
        address = f.proxy.url.replace("https", "wss") + "/api/v1/live"

        async def talk() -> None:
            async with websockets.connect(address, ssl=f.proxy.tls, compression=None, ping_interval=None) as socket:
                client = LiveClient(socket)
                await client.send("hello", can=["webcodecs", "mse"], listening="auto")
                await client.until("welcome")
                await asyncio.sleep(SILENCE_S + 5)
                await client.send("text", text="你是谁")
                gen = (await client.until("turn"))["gen"]
                await client.until("timings")
                assert client.pictures(gen) and client.sound_bytes(gen)
                await client.send("bye")
                assert await client.until_closed() == 1000

        async def watch() -> None:
            async with f.http.stream("GET", "/api/v1/events") as events:
                lines = events.aiter_lines()
                await anext(lines)
                await asyncio.sleep(SILENCE_S + 5)
                job = (await f.http.post("/api/v1/videos", json={"text": "好"})).json()
                async for line in lines:
                    if line.startswith("data: ") and json.loads(line[6:]).get("id") == job["id"]:
                        return
                raise AssertionError("the stream was cut")

        await asyncio.gather(talk(), watch())
