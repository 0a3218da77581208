"""Batches: checked as a whole, started as places come free, survived, cancelled, repeated, downloaded."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

from services.common.errors import HuashengError
from tests.fakes import people
from tests.fakes.problems import problem
from tests.fakes.waiting import until_answered
from tests.integration.gateway.conftest import World, open_world

TEMPLATE = {"text": "{{name}}，新年快乐！", "avatar_id": "builtin"}
NAMES = ("小王", "小李", "=cmd()")


def body(*names: str, **fields: Any) -> dict[str, Any]:
    rows = [{"name": n} for n in names or NAMES]
    return {"name": "新年", "template": TEMPLATE, "rows": rows, "video_name": "祝-{{name}}", **fields}


async def start(world: World, **fields: Any) -> str:
    answer = await world.post("batches", body(**fields))
    assert answer.status_code == 202, answer.text
    assert answer.json()["state"] == "running"
    return str(answer.json()["id"])


async def get(world: World, batch_id: str) -> dict[str, Any]:
    return dict((await world.http.get(f"/api/v1/batches/{batch_id}")).json())


async def over(world: World, batch_id: str) -> dict[str, Any]:
    async def is_over() -> dict[str, Any] | None:
        found = await get(world, batch_id)
        return found if found["state"] != "running" else None

    found = await until_answered(is_over)
    assert found is not None
    return dict(found)


async def test_a_batch_makes_a_video_of_each_row(world: World) -> None:
    batch_id = await start(world)
    done = await over(world, batch_id)
    assert (done["state"], done["counts"], done["total"]) == ("succeeded", {"succeeded": 3}, 3)
    assert [(r["number"], r["name"], r["cells"]) for r in done["rows"]] == [
        (n, f"祝-{name}", {"name": name}) for n, name in enumerate(NAMES, 1)
    ]
    job = await world.job(done["rows"][1]["job_id"])
    assert job["params"]["text"] == "小李，新年快乐！" and job["params"]["batch_id"] == batch_id
    assert job["name"] == "祝-小李"
    zipped = await world.http.get(f"/api/v1/batches/{batch_id}/zip")
    with zipfile.ZipFile(io.BytesIO(zipped.content)) as archive:
        assert archive.namelist() == ["祝-小王.mp4", "祝-小李.mp4", "祝-=cmd().mp4"]
        assert archive.read("祝-小李.mp4") == (await world.http.get(done["rows"][1]["video_url"])).content
    report = await world.http.get(f"/api/v1/batches/{batch_id}/report.csv")
    lines = list(csv.DictReader(io.StringIO(report.content.decode("utf-8-sig"), newline="")))
    assert [(r["state"], r["name"]) for r in lines][2] == ("succeeded", "'=cmd()"), "the column of the table"
    assert report.headers["content-type"].startswith("text/csv")
    (listed,) = (await world.http.get("/api/v1/batches")).json()["items"]
    assert (listed["id"], listed["counts"]) == (batch_id, {"succeeded": 3})
    await world.http.delete(f"/api/v1/jobs/{done['rows'][0]['job_id']}?forget=true")
    assert (await get(world, batch_id))["counts"] == {"deleted": 1, "succeeded": 2}
    assert (await world.http.delete(f"/api/v1/batches/{batch_id}?forget=true")).status_code == 204
    problem(await world.http.get(f"/api/v1/batches/{batch_id}"), 404, "unknown-id")
    assert (await world.job(job["id"]))["state"] == "succeeded", "its videos stay"


async def test_nothing_starts_while_a_row_is_wrong(world: World) -> None:
    csv_text = "name,avatar,speed\n小王,builtin,1\n,builtin,1\n小李,x_none,1\n小张,builtin,9"
    template = {"text": "{{name}}", "avatar_id": "{{avatar}}", "synthesis": {"speed": "{{speed}}"}}
    wrong = {"name": "x", "template": template, "csv": csv_text}
    refused = problem(await world.post("batches", wrong), 422, "batch-invalid")
    found = [(e["row"], e["field"]) for e in refused["errors"]]
    assert [row for row, _ in found] == [2, 3, 4] and found[2][1] == "synthesis.speed"
    checked = (await world.post("batches/check", wrong)).json()
    assert checked["errors"] == refused["errors"] and checked["columns"] == ["name", "avatar", "speed"]
    assert checked["rows"][0]["request"]["text"] == "小王" and checked["rows"][0]["name"] == "x 001"
    unknown = (await world.post("batches/check", body(video_name="{{sku}}"))).json()
    assert [(e["row"], e["field"]) for e in unknown["errors"]] == [(0, "sku")]
    wrong_rows: tuple[dict[str, Any], ...] = ({"rows": []}, {"rows": [{"name": "x"}] * 501})
    for bad in wrong_rows:
        problem(await world.post("batches", body(**bad)), 422, "batch-invalid")
    problem(await world.post("batches", {"template": {}}), 422, "bad-request")
    assert (await world.http.get("/api/v1/batches")).json()["items"] == []
    assert (await world.http.get("/api/v1/jobs")).json()["items"] == []


async def test_a_repeat_with_the_same_key_starts_nothing_twice(world: World) -> None:
    first, again = [await world.post("batches", body("小王"), **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert first.json()["id"] == again.json()["id"] and again.headers["idempotency-replayed"] == "true"
    assert len((await world.http.get("/api/v1/batches")).json()["items"]) == 1
    await over(world, first.json()["id"])
    assert len((await world.http.get("/api/v1/jobs")).json()["items"]) == 1


async def test_rows_wait_for_places_survive_a_restart_and_are_made_once(tmp_path: Path) -> None:
    async with open_world(tmp_path, GATEWAY_MAX_QUEUED_JOBS="2", GATEWAY_RENDER_CONCURRENCY="1") as world:
        batch_id = await start(world, rows=[{"name": str(n)} for n in range(12)])

        async def some_are_done() -> bool:
            jobs = (await world.http.get("/api/v1/jobs", params={"limit": "200"})).json()["items"]
            assert sum(j["state"] == "queued" for j in jobs) <= 1, "half of the places stay free"
            return bool(sum(j["state"] == "succeeded" for j in jobs) >= 3)

        await until_answered(some_are_done)
        await world.gateway.kill()
        await world.gateway.start()
        done = await over(world, batch_id)
        assert done["counts"] == {"succeeded": 12}
        jobs = (await world.http.get("/api/v1/jobs", params={"limit": "200"})).json()["items"]
        assert sorted(j["params"]["text"] for j in jobs) == sorted(f"{n}，新年快乐！" for n in range(12))


async def test_only_failed_rows_are_made_again(world: World) -> None:
    script = world.fakes.tts.script
    script.error, script.error_times = HuashengError("synthesis-unsupported", engine="x", fields="y"), 1
    batch_id = await start(world)
    failed = await over(world, batch_id)
    assert (failed["state"], failed["counts"]) == ("failed", {"failed": 1, "succeeded": 2})
    (row,) = [r for r in failed["rows"] if r["state"] == "failed"]
    assert row["error"]["reason"] == "synthesis-unsupported" and row["video_url"] is None
    report = (await world.http.get(f"/api/v1/batches/{batch_id}/report.csv")).text
    assert "synthesis-unsupported" in report
    retried = (await world.http.post(f"/api/v1/batches/{batch_id}/retry")).json()
    assert retried["state"] == "running" and retried["counts"]["succeeded"] == 2
    done = await over(world, batch_id)
    assert done["counts"] == {"succeeded": 3}
    kept = [r["job_id"] for r in failed["rows"] if r["state"] == "succeeded"]
    assert set(kept) < {r["job_id"] for r in done["rows"]} and row["job_id"] not in str(done)


async def test_a_batch_is_cancelled(world: World) -> None:
    await world.fakes.kill("tts")
    batch_id = await start(world, rows=[{"name": str(n)} for n in range(30)])

    async def some_run() -> bool:
        return bool((await get(world, batch_id))["counts"].get("running"))

    await until_answered(some_run)
    cancelled = (await world.http.delete(f"/api/v1/batches/{batch_id}")).json()
    assert cancelled["counts"].get("waiting", 0) == 0
    done = await over(world, batch_id)
    assert (done["state"], done["counts"]) == ("cancelled", {"cancelled": 30})
    retried = (await world.http.post(f"/api/v1/batches/{batch_id}/retry")).json()
    assert retried["state"] == "cancelled", "only failed rows are made again"


async def test_others_batches_do_not_exist_and_limits_hold_rows_back(tmp_path: Path) -> None:
    async with open_world(tmp_path, GATEWAY_AUTH="accounts") as world:
        ann = await people.first_admin(world)
        bob = await people.member(world, ann, "bob")
        limits = {"limits": {"minutes_per_day": 0.001}}
        answer = await bob.post("batches", body())
        assert answer.status_code == 202, answer.text
        batch_id = answer.json()["id"]
        assert (await ann.http.get("/api/v1/batches")).json()["items"] == []
        for method, path in (("GET", ""), ("GET", "/zip"), ("GET", "/report.csv"), ("POST", "/retry"), ("DELETE", "")):
            problem(await ann.http.request(method, f"/api/v1/batches/{batch_id}{path}"), 404, "unknown-id")
        world.http = bob.http
        assert (await over(world, batch_id))["counts"] == {"succeeded": 3}
        user = (await ann.http.get("/api/v1/users")).json()["items"]
        (found,) = [u["id"] for u in user if u["name"] == "bob"]
        assert (await ann.http.patch(f"/api/v1/users/{found}", json=limits)).status_code == 200
        problem(await bob.post("batches", body()), 429, "quota-minutes")
        with zipfile.ZipFile(io.BytesIO((await bob.http.get("/api/v1/me/export")).content)) as archive:
            (exported,) = json.loads(archive.read("batches.json"))
        assert [r["cells"]["name"] for r in exported["rows"]] == [*NAMES]
        gone = await bob.http.request("DELETE", "/api/v1/me", json={"name": "bob", "password": people.PASSWORD})
        assert gone.status_code == 204, gone.text
        await world.gateway.stop()
        with contextlib.closing(sqlite3.connect(world.folder / "data" / "gateway.sqlite")) as db:
            for table in ("batches", "batch_rows", "video_tags"):
                assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
