"""The fake server's batches: rows are checked as the gateway does, and each becomes a job of the script."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from services.gateway.batches.checking import row_name
from services.gateway.batches.reading import UnreadableError, checked_rows, rows_of_csv, rows_of_jsonl, told
from services.gateway.batches.template import placeholders, rendered
from tests.fakes.web_script import OVER, Row, World, add_job, now, refuse, shown

router = APIRouter(prefix="/api/v1")


def of(request: Request) -> World:
    world: World = request.app.state.world
    return world


def checked(body: Row) -> Row:
    """What ``POST /batches/check`` answers."""
    try:
        if "csv" in body:
            rows = rows_of_csv(body["csv"])
        else:
            rows = rows_of_jsonl(body["jsonl"]) if "jsonl" in body else checked_rows(body["rows"])
    except UnreadableError as e:
        return {"columns": [], "rows": [], "errors": [vars(e.error("zh"))]}
    missing = sorted(placeholders([body["template"], body["video_name"]]) - set(rows[0]))
    if missing:
        message = told("no-column", "zh")
        return {
            "columns": [*rows[0]],
            "rows": [],
            "errors": [{"row": 0, "field": n, "message": message} for n in missing],
        }
    out, errors = [], []
    for number, cells in enumerate(rows, 1):
        request = rendered(body["template"], cells)
        name = row_name(body["video_name"], body["name"], number, cells)
        out.append({"number": number, "name": name, "cells": cells, "request": request})
        if not str(request.get("text") or "").strip():
            errors.append({"row": number, "field": "text", "message": "nothing to say"})
    return {"columns": [*rows[0]], "rows": out, "errors": errors}


@router.post("/batches/check")
async def check(request: Request) -> Row:
    return checked(await request.json())


@router.post("/batches", status_code=202)
async def start(request: Request) -> Any:
    world, body = of(request), await request.json()
    world.requests.append(("batches", request.headers.get("idempotency-key", ""), body))
    found = checked(body)
    if found["errors"]:
        return refuse("batch-invalid", request, count=len(found["errors"]), what="…")
    key = f"b_{next(world.numbers):04d}"
    rows = [r | {"job": None, "is_cancelled": False} for r in found["rows"]]
    world.batches[key] = {"id": key, "name": body["name"], "created_at": now(), "rows": rows, "held_by": None}
    for row in rows:
        begin(world, key, row)
    return JSONResponse(head(world.batches[key]), 202)


def begin(world: World, key: str, row: Row) -> None:
    row["job"] = add_job(world, "video", {"avatar_id": "builtin", **row["request"], "batch_id": key})
    row["job"]["name"] = row["name"]


def head(batch: Row) -> Row:
    counts: dict[str, int] = {}
    for row in batch["rows"]:
        counts[row["job"]["state"]] = counts.get(row["job"]["state"], 0) + 1
    is_over = not set(counts) - set(OVER)
    ended = "failed" if "failed" in counts else "cancelled" if "cancelled" in counts else "succeeded"
    return {k: batch[k] for k in ("id", "name", "created_at", "held_by")} | {
        "state": ended if is_over else "running",
        "counts": counts,
        "total": len(batch["rows"]),
    }


def detail(batch: Row) -> Row:
    rows = [
        {k: r[k] for k in ("number", "name", "cells")}
        | {k: shown(r["job"])[k] for k in ("state", "progress", "error")}
        | {"job_id": r["job"]["id"]}
        | {k: (r["job"]["result"] or {}).get(k) for k in ("duration_s", "video_url")}
        for r in batch["rows"]
    ]
    return head(batch) | {"template": {}, "columns": [*batch["rows"][0]["cells"]], "rows": rows}


@router.get("/batches")
def batches(request: Request) -> Row:
    return {"items": [head(b) for b in reversed(of(request).batches.values())]}


@router.get("/batches/{key}")
def batch(request: Request, key: str) -> Any:
    found = of(request).batches.get(key)
    return detail(found) if found else refuse("unknown-id", request, kind="batch", id=key)


@router.post("/batches/{key}/retry")
async def retry(request: Request, key: str) -> Row:
    found = of(request).batches[key]
    for row in found["rows"]:
        if row["job"]["state"] == "failed":
            row["request"]["text"] = str(row["request"]["text"]).replace("fail", "well")
            begin(of(request), key, row)
    return detail(found)


@router.delete("/batches/{key}")
async def cancel(request: Request, key: str, forget: bool = False) -> Any:
    if forget:
        del of(request).batches[key]
        return Response(status_code=204)
    for row in of(request).batches[key]["rows"]:
        if row["job"]["state"] not in OVER:
            row["job"]["_task"]().cancel()
    await asyncio.sleep(0.05)
    return detail(of(request).batches[key])


@router.get("/batches/{key}/{file}")
def download(key: str, file: str) -> Response:
    return Response(b"x", headers={"Content-Disposition": f'attachment; filename="{key}-{file}"'})
