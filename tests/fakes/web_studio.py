"""The fake server's drafts and spoken scenes, and which videos of scenes it takes: none that says "unsayable"."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from services.gateway.api.studio_requests import Scene, Studio
from tests.fakes.web_script import Row, World, now, refuse

router = APIRouter(prefix="/api/v1")
WHOLE = ("engine", "device", "scenes", "restore")
"""Fields of a request beside those of Studio."""


def of(request: Request) -> World:
    world: World = request.app.state.world
    return world


def unknown(request: Request, key: str) -> Response:
    return refuse("unknown-id", request, kind="draft", id=key)


@router.get("/drafts")
def drafts(request: Request) -> Row:
    rows = sorted(of(request).drafts.values(), key=lambda d: str(d.get("updated_at")), reverse=True)
    return {"items": [{k: v for k, v in row.items() if k != "script"} for row in rows]}


@router.post("/drafts", status_code=201)
async def create_draft(request: Request) -> Any:
    world, body = of(request), await request.json()
    if "drafts" in world.down:
        return refuse("service-down", request, service="gateway")
    key = f"d_{next(world.numbers)}"
    row = {"id": key, "name": body["name"], "script": body["script"], "version": 1, "updated_at": now()}
    world.drafts[key] = row | {"created_at": now()}
    return world.drafts[key]


@router.get("/drafts/{key}")
def draft(request: Request, key: str) -> Any:
    return of(request).drafts.get(key) or unknown(request, key)


@router.put("/drafts/{key}")
async def change_draft(request: Request, key: str) -> Any:
    world, body = of(request), await request.json()
    if "drafts" in world.down:
        return refuse("service-down", request, service="gateway")
    row = world.drafts.get(key)
    if row is None:
        return unknown(request, key)
    if row["version"] != body["version"]:
        return refuse("draft-changed", request, version=row["version"])
    row |= {"name": body["name"], "script": body["script"], "version": row["version"] + 1, "updated_at": now()}
    return row


@router.delete("/drafts/{key}")
def delete_draft(request: Request, key: str) -> Any:
    return Response(status_code=204) if of(request).drafts.pop(key, None) else unknown(request, key)


@router.post("/videos/preview")
async def spoken(request: Request) -> Any:
    body = await request.json()
    of(request).requests.append(("preview", "", body))
    try:
        Scene.model_validate(body)
    except ValidationError as e:
        return refuse("bad-request", request, what=e.errors()[0]["msg"])
    if "tts" in of(request).down:
        return refuse("service-down", request, service="tts")
    cues = [
        {"start_s": n * 0.5, "end_s": n * 0.5 + 0.5, "text": line, "second": None}
        for n, line in enumerate(lines(body.get("text") or "Recorded words."))
    ]
    facts = {"voice_id": "zf_xiaoxiao", "clauses": [], "warnings": [], "fallbacks": []}
    return {"audio_url": "/media/tone.wav?sig=1", "duration_s": 1.0, "cues": cues, **facts}


def lines(text: str) -> list[str]:
    """Sentences of a text."""
    for mark in "。！？.!?":
        text = text.replace(mark, mark + "\n")
    return [line.strip() for line in text.split("\n") if line.strip()]


def refusal(request: Request, body: Row) -> Any:
    """Why a request with scenes is not taken, as the gateway says it; ``None`` when it is."""
    try:
        Studio.model_validate({k: v for k, v in body.items() if k not in WHOLE})
        scenes = [Scene.model_validate(scene) for scene in body["scenes"]]
    except ValidationError as e:
        return refuse("bad-request", request, what=e.errors()[0]["msg"])
    for n, scene in enumerate(scenes, 1):
        if "unsayable" in (scene.text or ""):
            return refuse("no-speech", request, scene=n)
    return None
