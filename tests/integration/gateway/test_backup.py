"""A backup is taken while the gateway works, everything is destroyed, and all of it comes back; or nothing does."""

import asyncio
import io
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from services.gateway.backup import archive
from tests.fakes import media, people
from tests.fakes.gateway_process import ROOT
from tests.fakes.postgres import Postgres
from tests.integration.gateway.conftest import World, open_world


def run(world: World, *arguments: str, data: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """``python -m services.gateway.backup`` with the gateway's settings."""
    command = [sys.executable, "-m", "services.gateway.backup", *arguments]
    env = {**world.gateway.environment, **environment}
    return subprocess.run(command, cwd=ROOT, env=env, input=data, capture_output=True, timeout=120, check=False)


async def filled(world: World) -> dict[str, Any]:
    """People with things of every kind. Returns what they see."""
    ann = await people.first_admin(world)
    bob = await people.member(world, ann, "bob")
    world.http = bob.http
    clip = media.video([media.np.full((64, 96, 3), i * 5, media.np.uint8) for i in range(50)], sound=media.tone(2))
    asset = (await world.upload(clip, "clip.mp4")).json()
    made = (await world.post("dialogues", {"text": "你好"})).json()
    job = await world.done(made["id"])
    assert job["state"] == "succeeded", job
    await bob.key("read")
    spoken = await bob.http.put("/api/v1/pronunciations/Huasheng", json={"say": "hwah shung", "language": "en"})
    assert spoken.status_code == 200, spoken.text
    drafted = await world.post("drafts", {"name": "一", "script": {"scenes": [{"text": "大家好"}]}})
    assert drafted.status_code == 201, drafted.text
    return await seen(world.http, asset, job)


async def seen(http: httpx.AsyncClient, asset: dict[str, Any], job: dict[str, Any]) -> dict[str, Any]:
    """What a person sees of it."""
    conversation = (await http.get(f"/api/v1/conversations/{job['result']['conversation_id']}")).json()
    shown = (await http.get(f"/api/v1/jobs/{job['id']}")).json()
    return {
        "asset": asset,
        "job": job,
        "result": {k: v for k, v in shown["result"].items() if not k.endswith("_url")},
        "messages": [(m["role"], m["text"]) for m in conversation["messages"]],
        "keys": [k["name"] for k in (await http.get("/api/v1/me/keys")).json()["items"]],
        "words": (await http.get("/api/v1/pronunciations")).json()["items"],
        "drafts": (await http.get("/api/v1/drafts")).json()["items"],
        "video": (await http.get(job["result"]["video_url"])).content,
        "clip": (await http.get(asset["url"])).content,
    }


async def sign_in(world: World, name: str) -> None:
    answer = await people.sign_in(world, name)
    assert answer.status_code == 200, answer.text


def destroy(world: World) -> None:
    for folder in ("data", "storage"):
        shutil.rmtree(world.folder / folder, ignore_errors=True)


def files(folder: Path) -> dict[str, bytes]:
    return (
        {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        if folder.exists()
        else {}
    )


async def test_everything_is_destroyed_and_comes_back(tmp_path: Path) -> None:
    async with open_world(tmp_path, GATEWAY_AUTH="accounts") as world:
        before = await filled(world)
        # one job is at work meanwhile: it begins again afterwards
        world.fakes.render.script.hold.clear()
        at_work = (await world.post("videos", {"text": "还没好"})).json()
        await world.until(at_work["id"], "running")
        backup = tmp_path / "backup.tar"
        done = await asyncio.to_thread(run, world, "create", str(backup))
        assert done.returncode == 0, done.stderr
        assert b"table jobs: 2 rows" in done.stderr and b"files: " in done.stderr
        assert backup.stat().st_mode & 0o077 == 0, "it holds keys"
        checked = await asyncio.to_thread(run, world, "check", str(backup))
        assert checked.returncode == 0 and b"whole: " in checked.stderr
        refused = await asyncio.to_thread(run, world, "restore", str(backup), "--replace")
        assert refused.returncode == 1 and b"a gateway is running on this database" in refused.stderr
        await world.gateway.kill()
        destroy(world)
        world.fakes.render.script.hold.set()
        done = await asyncio.to_thread(run, world, "restore", "-", data=backup.read_bytes())
        assert done.returncode == 0, done.stderr
        await world.gateway.start()
        # the session that was open before is good still, and so are links that were given away
        assert await seen(world.http, before["asset"], before["job"]) == before
        assert (await world.done(at_work["id"]))["state"] == "succeeded"
        await sign_in(world, "ann")


async def test_nothing_is_changed_by_a_backup_that_is_cut_or_changed(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        await world.upload(media.wav(media.tone(1)), "one.wav")
        backup = tmp_path / "backup.tar"
        assert run(world, "create", str(backup)).returncode == 0
        await world.gateway.stop()
        whole = backup.read_bytes()
        cases = {
            "cut": whole[: len(whole) // 2],
            "changed": whole.replace(b"one.wav", b"two.wav"),
            "no backup": b"hello" * 1000,
            "led out": led_out(),
        }
        for folder in ("data", "storage"):
            shutil.rmtree(world.folder / folder)
        for name, data in cases.items():
            done = await asyncio.to_thread(run, world, "restore", "-", data=data)
            assert done.returncode == 1 and b"Traceback" not in done.stderr, (name, done.stderr)
            assert not files(world.folder / "storage"), name
            assert not [p for p in files(world.folder / "data") if ".sqlite" not in p], name
        assert run(world, "restore", str(backup)).returncode == 0, "the tables are empty still"
        again = await asyncio.to_thread(run, world, "restore", str(backup))
        assert again.returncode == 1 and b"--replace" in again.stderr
        later = files(world.folder / "storage")
        (world.folder / "storage" / "assets" / "more").mkdir()
        (world.folder / "storage" / "assets" / "more" / "x").write_bytes(b"x")
        assert run(world, "restore", str(backup), "--replace").returncode == 0
        assert files(world.folder / "storage") == later


def led_out() -> bytes:
    """A backup whose file would be written elsewhere."""
    out = io.BytesIO()
    with archive.writing(out) as writer:
        writer.add_json("backup.json", {"format": 1, "version": "0", "created_at": "", "schema": "0006"})
        writer.add_json("storage/../../evil", {})
    return out.getvalue()


NEWER = ("batches", "batch_rows", "live_endings")
"""Tables that version 0009 has not."""


def with_head(backup: bytes, without: tuple[str, ...] = (), **changes: Any) -> bytes:
    """The same backup with another head and without some tables, and a right end."""
    out = io.BytesIO()
    with archive.writing(out) as writer:
        for member in archive.members(io.BytesIO(backup)):
            if member.name == archive.HEAD:
                writer.add_json(member.name, member.json() | changes)
            elif member.name.removeprefix("tables/").partition(".")[0] not in without:
                writer.add(member.name, member.size, member.data)
    return out.getvalue()


async def test_a_backup_of_a_newer_version_is_refused_and_an_older_one_brought_up(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        backup = tmp_path / "backup.tar"
        assert run(world, "create", str(backup)).returncode == 0
        await world.gateway.stop()
        for changes, says in (({"schema": "9999"}, b"newer version"), ({"format": 2}, b"newer version")):
            data = with_head(backup.read_bytes(), **changes)
            done = await asyncio.to_thread(run, world, "restore", "-", "--replace", data=data)
            assert done.returncode == 1 and says in done.stderr, done.stderr
        older = with_head(backup.read_bytes(), NEWER, schema="0009")
        assert (await asyncio.to_thread(run, world, "restore", "-", "--replace", data=older)).returncode == 0
        await world.gateway.start()
        with tarfile.open(backup) as tar:
            assert tar.getnames()[0] == archive.HEAD and tar.getnames()[-1] == archive.END


async def test_sqlite_moves_to_postgresql(tmp_path: Path, server: Postgres) -> None:
    async with open_world(tmp_path, GATEWAY_AUTH="accounts") as world:
        before = await filled(world)
        backup = tmp_path / "backup.tar"
        assert (await asyncio.to_thread(run, world, "create", str(backup))).returncode == 0
        await world.gateway.stop()
        destroy(world)
        world.gateway.environment["GATEWAY_DATABASE_URL"] = server.url
        done = await asyncio.to_thread(run, world, "restore", str(backup))
        assert done.returncode == 0, done.stderr
        await world.gateway.start()
        assert await seen(world.http, before["asset"], before["job"]) == before
        # numbers that the database gives go on after those of the backup
        more = await world.done((await world.post("dialogues", {"text": "再来"})).json()["id"])
        assert more["state"] == "succeeded", more
        second = tmp_path / "second.tar"
        assert (await asyncio.to_thread(run, world, "create", str(second))).returncode == 0
        await world.gateway.stop()
        engine = sa.create_engine(server.url)
        with engine.begin() as c:
            c.execute(sa.text("UPDATE jobs SET progress = 0"))
        done = await asyncio.to_thread(run, world, "restore", str(second), "--replace")
        assert done.returncode == 0, done.stderr
        with engine.begin() as c:
            assert c.scalar(sa.text("SELECT count(*) FROM jobs WHERE progress = 1")) == 2
        engine.dispose()


@pytest.mark.parametrize("part", ["tables/jobs.jsonl", "storage/"])
async def test_a_backup_without_a_part_is_damaged(tmp_path: Path, part: str) -> None:
    async with open_world(tmp_path) as world:
        await world.upload(media.wav(media.tone(1)), "one.wav")
        backup, out = tmp_path / "backup.tar", io.BytesIO()
        assert run(world, "create", str(backup)).returncode == 0
        await world.gateway.stop()
        with tarfile.open(backup) as tar, tarfile.open(fileobj=out, mode="w") as less:
            for info in tar:
                if not info.name.startswith(part):
                    less.addfile(info, tar.extractfile(info))
        done = await asyncio.to_thread(run, world, "restore", "-", "--replace", data=out.getvalue())
        assert done.returncode == 1 and (b"damaged" in done.stderr or b"changed" in done.stderr), done.stderr
