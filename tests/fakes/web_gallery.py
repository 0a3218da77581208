"""The fake server's gallery: search, names and tags, many at once, what is stored."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from tests.fakes.web_script import Row, World, refuse, shown

router = APIRouter(prefix="/api/v1")


def of(request: Request) -> World:
    world: World = request.app.state.world
    return world


def finished(world: World) -> list[Row]:
    done = [j for j in world.jobs.values() if j["kind"] == "video" and j["state"] == "succeeded"]
    return sorted(done, key=lambda j: str(j["id"]), reverse=True)


@router.get("/videos")
def videos(request: Request, q: str = "", tag: str = "", avatar_id: str = "", limit: int = 50, before: str = "") -> Any:
    if "gallery" in of(request).down:
        return refuse("database-down", request)
    fits = [
        j
        for j in finished(of(request))
        if all(w in f"{j.get('name', '')} {j['params'].get('text', '')}".casefold() for w in q.casefold().split())
        and (not tag or tag in j.get("tags", []))
        and avatar_id in ("", j["params"].get("avatar_id"), j["params"].get("model"))
        and (not before or j["id"] < before)
    ]
    return {"items": [shown(j) for j in fits[:limit]]}


@router.get("/videos/tags")
def tags(request: Request) -> Row:
    used = [t for j in finished(of(request)) for t in j.get("tags", [])]
    return {"items": [{"tag": t, "videos": used.count(t)} for t in sorted(set(used))]}


@router.patch("/videos/{key}")
async def change(request: Request, key: str) -> Any:
    body = await request.json()
    if len(body["tags"]) > 12:
        return refuse("bad-request", request, what="tags: List should have at most 12 items")
    of(request).jobs[key].update(body)
    return shown(of(request).jobs[key])


@router.post("/videos/bulk")
async def bulk(request: Request) -> Any:
    world, body = of(request), await request.json()
    world.requests.append(("bulk", "", body))
    if body["action"] == "zip":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for key in body["ids"]:
                archive.writestr(f"{key}.mp4", b"x")
        return Response(out.getvalue(), media_type="application/zip")
    for key in body["ids"]:
        del world.jobs[key]
    return {"done": body["ids"], "failed": []}


@router.get("/me/storage")
def storage(request: Request) -> Row:
    size = sum(j["result"]["bytes"] for j in finished(of(request)))
    items = [{"kind": "video", "bytes": size, "things": len(finished(of(request)))}]
    return {"items": items, "total_bytes": size, "limit_bytes": None}
