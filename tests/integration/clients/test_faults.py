"""What goes wrong between a program and the gateway, and what the client makes of it."""

import asyncio
import logging
from pathlib import Path

import httpx
import pytest
from huasheng import (
    AsyncHuasheng,
    ConnectionFailedError,
    DeadlineError,
    JobCancelledError,
    NotFoundError,
    RefusedError,
)
from huasheng.events import Done, Polling, Progress, Snapshot

from tests.fakes import media
from tests.fakes.cutting_proxy import CuttingProxy
from tests.fakes.ports import free_port
from tests.integration.clients.conftest import frames, kinds
from tests.integration.gateway.conftest import World, open_world

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_gateway_dies_while_a_job_is_watched(world: World, hs: AsyncHuasheng) -> None:
    world.fakes.render.script.hold.clear()
    job = await hs.dialogues.create(text="你好")
    events, died = [], False
    async for event in hs.jobs.watch(job):
        events.append(event)
        if isinstance(event, Progress) and event.stage == "tts" and not died:
            died = True
            await world.gateway.kill()
            world.fakes.render.script.hold.set()
            starting = asyncio.create_task(world.gateway.start())
    await starting
    told = kinds(events)
    assert "Reconnecting" in told
    assert "Snapshot" in told[told.index("Reconnecting") :]
    assert "Polling" not in told, "a gateway that is away is waited for; asking it in another way would not help"
    assert isinstance(events[-1], Done)
    assert events[-1].job.state == "succeeded"


async def test_events_that_do_not_come_through_are_replaced_by_asking(
    world: World, hs: AsyncHuasheng, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Between(httpx.AsyncHTTPTransport):
        """A proxy that knows nothing of event streams."""

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/events"):
                return httpx.Response(200, headers={"content-type": "text/html"}, text="<p>Please wait</p>")
            return await super().handle_async_request(request)

    monkeypatch.setattr("huasheng._async.jobs.POLL_S", 0.1)
    world.fakes.render.script.hold.clear()
    async with httpx.AsyncClient(transport=Between()) as http:
        behind = AsyncHuasheng(world.gateway.url, http=http)
        job = await hs.videos.create(text="你好")
        events = []
        with caplog.at_level(logging.WARNING, "huasheng"):
            async for event in behind.jobs.watch(job):
                events.append(event)
                if isinstance(event, Snapshot):
                    world.fakes.render.script.hold.set()
    told = kinds(events)
    assert told[:2] == ["Reconnecting", "Polling"]
    assert "Snapshot" in told
    assert told[-1] == "Done"
    assert isinstance(events[1], Polling)
    assert "proxy" in events[1].why
    assert "do not come through" in caplog.text


async def test_cancelled(world: World, hs: AsyncHuasheng) -> None:
    world.fakes.render.script.hold.clear()
    job = await hs.videos.create(text="你好，这是一个很长的视频。")
    waiting = asyncio.create_task(hs.jobs.result(job))
    await world.until(job.id, "running", stage="tts")
    with pytest.raises(DeadlineError, match=r"0\.2 s"):
        await hs.jobs.wait(job, timeout=0.2)
    async for _ in hs.jobs.watch(job):
        break
    assert not (await hs.jobs.get(job)).is_over, "a deadline is the watcher's, not the job's"
    assert (await hs.jobs.cancel(job)).state == "cancelled"
    with pytest.raises(JobCancelledError) as cancelled:
        await waiting
    assert cancelled.value.job.id == job.id
    with pytest.raises(RefusedError) as no_video:
        await hs.jobs.download_video(job, world.folder / "no.mp4")
    assert no_video.value.reason == "cancelled"
    assert not list(world.folder.glob("*no.mp4*"))
    world.fakes.render.script.hold.set()


async def test_refused_uploads(tmp_path: Path) -> None:
    async with open_world(tmp_path, GATEWAY_UPLOAD_MB="1") as world, AsyncHuasheng(world.gateway.url) as hs:
        for data, status, reason in (
            (b"\0" * 60_000_000, 413, "too-large"),
            (b"these are only words\n" * 200, 415, "unsupported-media"),
            (b"", 422, "empty-file"),
            (media.wav(media.silence(0)), 422, "too-short"),
        ):
            with pytest.raises(RefusedError) as refused:
                await hs.assets.upload(data, name="talk.mp4")
            error = refused.value
            assert (error.status, error.reason) == (status, reason)
            assert error.type == f"urn:huasheng:problem:{reason}"
            assert error.title
            assert error.detail
            assert error.hint
            assert error.request_id or status == 413  # its answer may be lost when it closes the connection
        with pytest.raises(RefusedError) as wrong:
            await hs.videos.create(text="x", audio_asset_id="a_1")
        assert wrong.value.reason == "bad-request"
        assert "give one of" in str(wrong.value.problem.model_extra)
        with pytest.raises(NotFoundError):
            await hs.avatars.create(asset_id="a_nothing", name="n")


async def test_a_cut_download_goes_on_where_it_was(world: World, hs: AsyncHuasheng) -> None:
    data = media.wav(media.tone(20, 48000), 48000)
    asset = await hs.assets.upload(data, name="long.wav")
    out = world.folder / "got" / "long.wav"
    out.parent.mkdir()
    async with CuttingProxy(world.gateway.http_port, [100, 700_000, 900_000]) as proxy, AsyncHuasheng(proxy.url) as cut:
        seen: list[int] = []
        assert await cut.assets.download(asset.id, out, progress=lambda now, _: seen.append(now)) == out
        assert proxy.connections == 4
    assert out.read_bytes() == data
    assert seen == sorted(seen), "what had come was kept"
    async with CuttingProxy(world.gateway.http_port, [300_000] * 99) as proxy, AsyncHuasheng(proxy.url) as cut:
        out.write_bytes(b"old")
        with pytest.raises(DeadlineError):
            await cut.download(asset.url, out, timeout=1)
    assert out.read_bytes() == b"old"
    assert [p.name for p in out.parent.iterdir()] == ["long.wav"]


async def test_a_video_in_the_making_that_is_cut_starts_over(world: World, hs: AsyncHuasheng) -> None:
    job = await hs.videos.create(text="画声是一个会说话的数字人。" * 5)
    async with CuttingProxy(world.gateway.http_port, [3000]) as proxy, AsyncHuasheng(proxy.url) as cut:
        out = await cut.jobs.download_video(job, world.folder / "v.mp4")
        assert proxy.connections == 2
    assert frames(out.read_bytes()) == (await hs.jobs.result(job)).frames


async def test_a_lost_answer_does_nothing_twice(world: World, hs: AsyncHuasheng) -> None:
    before = await hs.jobs.list(limit=200)
    async with CuttingProxy(world.gateway.http_port, [10, 10]) as proxy, AsyncHuasheng(proxy.url) as cut:
        job = await cut.videos.create(text="只做一次。")
        assert proxy.connections == 3
    assert [j.id for j in await hs.jobs.list(limit=200)] == [job.id, *(j.id for j in before)]
    asset = await hs.assets.upload(media.wav(media.tone(1)))
    await hs.jobs.wait(job)
    async with CuttingProxy(world.gateway.http_port, [10]) as proxy, AsyncHuasheng(proxy.url) as cut:
        await cut.assets.delete(asset.id)
    with pytest.raises(NotFoundError):
        await hs.assets.get(asset.id)


async def test_a_full_queue_is_waited_for(tmp_path: Path) -> None:
    settings = {"GATEWAY_RENDER_CONCURRENCY": "1", "GATEWAY_MAX_QUEUED_JOBS": "1"}
    async with open_world(tmp_path, **settings) as world, AsyncHuasheng(world.gateway.url) as hs:
        world.fakes.render.script.hold.clear()
        first = await hs.videos.create(text="第一")
        await world.until(first.id, "running")
        second = await hs.videos.create(text="第二")
        late = asyncio.create_task(hs.videos.create(text="第三"))
        while "429" not in world.gateway.log and 'status="429"' not in (await world.http.get("/metrics")).text:
            await asyncio.sleep(0.05)
        await hs.jobs.cancel(second)
        assert (await late).state == "queued", "accepted after the pause that the gateway asked for"
        world.fakes.render.script.hold.set()


async def test_nobody_there() -> None:
    async with AsyncHuasheng(f"http://127.0.0.1:{free_port()}") as hs:
        with pytest.raises(ConnectionFailedError, match="HUASHENG_URL"):
            await hs.system.get()
