"""The REST API of docs/api.md, played from a script: what the page is developed and tested against.

``app(world)`` serves the real web folder and answers like the gateway. What is asked decides what happens: a text with
"fail" ends in a failed job, a file named ``*noface*`` holds no face. ``World`` can be changed while it runs (a service
down, training possible, models there). ``python -m tests.fakes.web_api`` serves it on port 5055.
"""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response, StreamingResponse
from starlette.middleware.gzip import GZipMiddleware

from services.gateway.accounts.consents import STATEMENTS, texts
from services.gateway.api.files import parse_range
from services.gateway.api.pages import PAGES
from services.gateway.api.web_files import NOT_COMPRESSED, index_page, static_file, wants_page
from tests.fakes import (
    web_batches,
    web_facts,
    web_gallery,
    web_live,
    web_media,
    web_speech,
    web_studio,
    web_verify,
    web_voices,
)
from tests.fakes.web_script import LENGTH_S, OVER, Row, World, add_job, events, follow, now, refuse, shown

SUBTITLES = b"WEBVTT\n\n00:00.000 --> 00:02.000\nHello\n"
router = APIRouter(prefix="/api/v1")


def of(request: Request) -> World:
    world: World = request.app.state.world
    return world


def lang(request: Request) -> str:
    return request.query_params.get("lang") or request.headers.get("accept-language", "en")[:2]


def items(rows: list[Any]) -> Row:
    return {"items": rows}


@router.post("/verify")
async def verify(request: Request) -> Any:
    async with request.form() as form:
        file: Any = form["file"]
        kind = (file.content_type or "").split("/")[0]
        if kind not in ("video", "audio", "image"):
            return refuse("unsupported-media", request, name=file.filename)
        return web_verify.verification(str(file.filename), kind)


@router.post("/assets", status_code=201)
async def put_asset(request: Request) -> Any:
    async with request.form() as form:
        file: Any = form["file"]
        data = await file.read()
    if not data:
        return refuse("empty-file", request, name=file.filename)
    name, kind = str(file.filename), (file.content_type or "").split("/")[0]
    if kind not in ("video", "audio", "image"):
        return refuse("unsupported-media", request, name=name)
    row = {
        "id": f"a_{next(of(request).numbers)}",
        "kind": kind,
        "name": name,
        "bytes": len(data),
        "duration_s": None if kind == "image" else 3.2 if kind == "audio" else 15.2,
        "width": 512,
        "height": 512,
        "fps": 25.0,
        "sample_rate_hz": 16000,
        "has_audio": "mute" not in name,
        "silent": False,
        "created_at": now(),
    }
    row["url"] = (
        "/media/tone.wav?sig=1"
        if kind == "audio"
        else "/media/face.jpg?sig=1"
        if kind == "image"
        else "/media/idle.mp4?sig=1"
    )
    of(request).assets[row["id"]] = row
    of(request).files[row["id"]] = data
    return row


@router.get("/assets")
def get_assets(request: Request, kind: str = "") -> Row:
    return items([a for a in reversed(of(request).assets.values()) if kind in ("", a["kind"])])


@router.get("/assets/{key}")
def get_asset(request: Request, key: str) -> Any:
    return of(request).assets.get(key) or refuse("unknown-id", request, kind="asset", id=key)


@router.post("/{kind}", status_code=202)
async def post(request: Request, kind: str) -> Any:
    world = of(request)
    body = await request.json()
    world.requests.append((kind, request.headers.get("idempotency-key", ""), body))
    if "render" in world.down:
        return refuse("service-down", request, service="render")
    if body.get("scenes") and (refusal := web_studio.refusal(request, body)) is not None:
        return refusal
    if kind == "dubbings" and not any(e["service"] == "llm" for e in world.engines):
        return refuse("no-language-model", request, language=body["language"])
    if kind == "trainings" and not world.can_train:
        return refuse("training-unavailable", request, why="later")
    if kind == "trainings":
        name = body.get("name") or world.assets[body["video_asset_id"]]["name"]
        body |= {"name": name, "training_id": "talk"}
    return shown(add_job(world, kind.removesuffix("s"), body))


@router.get("/jobs")
def get_jobs(request: Request, kind: str = "", state: str = "", limit: int = 50, before: str = "") -> Row:
    rows = sorted(of(request).jobs.values(), key=lambda j: str(j["id"]), reverse=True)
    fits = [
        j
        for j in rows
        if kind in ("", j["kind"])
        and (state in ("", j["state"]) or (state == "active" and j["state"] not in OVER))
        and (not before or j["id"] < before)
    ]
    return items([shown(j, lang(request)) for j in fits[:limit]])


@router.get("/jobs/{key}")
def get_job(request: Request, key: str) -> Any:
    job = of(request).jobs.get(key)
    return shown(job, lang(request)) if job else refuse("unknown-id", request, kind="job", id=key)


@router.delete("/jobs/{key}")
async def cancel(request: Request, key: str, forget: bool = False) -> Any:
    job = of(request).jobs[key]
    if forget:
        del of(request).jobs[key]
        return Response(status_code=204)
    if job["state"] not in OVER:
        job["stage"] = "cancelling"
        job["_task"]().cancel()
        await asyncio.sleep(0.05)
    return shown(job, lang(request))


@router.get("/jobs/{key}/video")
def job_video(request: Request, key: str) -> StreamingResponse:
    return follow(of(request), of(request).jobs[key])


@router.get("/events")
def all_events(request: Request) -> StreamingResponse:
    return StreamingResponse(events(of(request), lang(request)), media_type="text/event-stream")


@router.get("/conversations")
def conversations(request: Request) -> Row:
    rows = list(of(request).conversations.values())
    return items([{**c, "messages": len(c["messages"])} for c in reversed(rows)])


@router.get("/conversations/{key}")
def conversation(request: Request, key: str) -> Any:
    return of(request).conversations.get(key) or refuse("unknown-id", request, kind="conversation", id=key)


@router.put("/conversations/{key}/answers/{turn}/rating", status_code=204)
async def rate(key: str, turn: str, request: Request) -> None:
    of(request).ratings.append((key, turn, (await request.json())["rating"]))


@router.delete("/conversations/{key}", status_code=204)
def forget_conversation(request: Request, key: str) -> None:
    del of(request).conversations[key]


@router.get("/me")
def me() -> Row:
    return web_facts.LOCAL


@router.get("/sign-in")
def sign_in() -> Row:
    return {"accounts": False, "set_up": True, "provider": None, "problem": None}


@router.get("/consents")
def consents(request: Request) -> Row:
    return items(of(request).consents)


@router.get("/consents/texts")
def consent_texts(request: Request) -> Row:
    known = texts()
    statements = {name: known[name][lang(request)] for name in STATEMENTS}
    return {"required": False, "clip": "off", "version": known["version"], "statements": statements}


@router.get("/avatars")
def avatars(request: Request) -> Any:
    if "render" in of(request).down:
        return refuse("service-down", request, service="render")
    return items(of(request).avatars)


@router.delete("/avatars/{key}", status_code=204)
def forget_avatar(request: Request, key: str) -> None:
    of(request).avatars[:] = [a for a in of(request).avatars if a["id"] != key]


@router.get("/models")
def models(request: Request) -> Row:
    return items(of(request).models)


@router.delete("/models/{key}", status_code=204)
def forget_model(request: Request, key: str) -> None:
    of(request).models[:] = [m for m in of(request).models if m["id"] != key]


@router.get("/engines")
def engines(request: Request) -> Row:
    world = of(request)
    found = web_facts.engines(world.can_train, world.resting) + world.engines
    return {"items": found, "unreachable": [], "restorer": world.restorer}


@router.get("/devices")
def devices() -> Row:
    return items(
        [{"device": "cpu", "name": "CPU, 2 cores", "memory_bytes": 8_322_000_000, "used_bytes": 3_100_000_000}]
    )


@router.get("/system")
def system(request: Request) -> Row:
    return web_facts.system(of(request).down, now(), lang(request))


def file_of(name: str) -> tuple[str, bytes]:
    """Type and content of a file; all films are MP4, whatever their names say."""
    kind = name.rsplit(".", 1)[1]
    if kind == "jpg":
        return "image/jpeg", web_media.thumbnail()
    if kind == "wav":
        return "audio/wav", web_media.speech()
    if kind in ("vtt", "srt", "ass"):
        return "text/vtt", SUBTITLES
    return "video/mp4", web_media.movie(2.0, sound=False) if name.startswith("idle") else web_media.movie(LENGTH_S)


def app(world: World) -> FastAPI:
    """The server: the real page and its addresses, and the scripted API."""
    server = FastAPI()
    server.state.world = world
    server.include_router(web_live.router)
    server.include_router(web_voices.router)
    server.include_router(web_speech.router)
    server.include_router(web_studio.router)
    server.include_router(web_gallery.router)
    server.include_router(web_batches.router)
    server.include_router(router)

    server.add_middleware(GZipMiddleware, compresslevel=6, exclude_content_types=NOT_COMPRESSED)

    def page(request: Request) -> Response:
        return index_page(request)

    for path in PAGES:
        server.add_api_route(path, page)

    @server.exception_handler(404)
    async def unknown(request: Request, error: Exception) -> Response:
        return index_page(request, 404) if wants_page(request) else refuse("no-such-call", request, path="?")

    @server.get("/static/{name:path}")
    def files(request: Request, name: str) -> Response:
        return static_file(request, name)

    @server.get("/media/{name}")
    def media(request: Request, name: str, download: int = 0) -> Response:
        mime, data = file_of(name)
        headers = {"Content-Disposition": f'attachment; filename="{name}"'} if download else {}
        headers["Accept-Ranges"] = "bytes"  # without ranges a browser cannot seek
        wanted = parse_range(request.headers.get("range", ""), len(data))
        if wanted is None:
            return Response(data, media_type=mime, headers=headers)
        headers["Content-Range"] = f"bytes {wanted[0]}-{wanted[1]}/{len(data)}"
        return Response(data[wanted[0] : wanted[1] + 1], 206, headers, mime)

    return server


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app(World()), port=5055, log_level="warning")
