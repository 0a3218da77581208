"""A backup of files in a bucket of a real S3 server, restored into a folder and into another bucket."""

import asyncio
from pathlib import Path

from tests.fakes.media import tone, wav
from tests.fakes.s3_server import S3Server
from tests.integration.gateway.conftest import open_world
from tests.integration.gateway.test_backup import destroy, run


async def test_files_move_from_a_bucket_to_a_folder_and_to_another_bucket(s3: S3Server, tmp_path: Path) -> None:
    url, other = s3.new_url(), s3.new_url()
    backup, sound = tmp_path / "backup.tar", wav(tone(1))
    where = s3.environment(url, tmp_path / "cache") | {"GATEWAY_BUCKET_URL": s3.url}
    async with open_world(tmp_path, s3.storage(url, tmp_path / "fakes"), **where) as world:
        asset = (await world.upload(sound)).json()
        job = (await world.post("videos", {"audio_asset_id": asset["id"]})).json()
        done = await world.done(job["id"])
        assert done["state"] == "succeeded", done
        video = (await world.http.get(done["result"]["video_url"])).content
        made = await asyncio.to_thread(run, world, "create", str(backup))
        assert made.returncode == 0, made.stderr
        await world.gateway.stop()
        folder = {"HUASHENG_STORAGE_URL": f"file://{tmp_path / 'storage'}"}
        for storage in (folder, s3.environment(other, tmp_path / "cache")):
            destroy(world)
            restored = await asyncio.to_thread(run, world, "restore", str(backup), **storage)
            assert restored.returncode == 0, restored.stderr
            world.gateway.environment |= storage
            await world.gateway.start()
            assert (await world.http.get(asset["url"])).content == sound
            assert (await world.http.get(done["result"]["video_url"])).content == video
            await world.gateway.stop()
