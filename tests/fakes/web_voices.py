"""The voices of the fake server: listed, cloned, changed, chosen for an avatar.

A recording named ``*noise*`` is refused, and so is what a text with "fail" would sound like.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.common.errors import HuashengError, problem
from tests.fakes import web_facts, web_media
from tests.fakes.web_script import Row, World, refuse

router = APIRouter(prefix="/api/v1")


def of(request: Request) -> World:
    world: World = request.app.state.world
    return world


def found(request: Request, key: str) -> Row:
    return next(v for v in of(request).voices if v["voice_id"] == key)


@router.get("/voices")
def voices(request: Request) -> Row:
    lang = request.headers.get("accept-language", "en")[:2]
    why = None if of(request).can_clone else problem(HuashengError("cloning-unavailable", engine="kokoro"), lang, "")
    return {"items": of(request).voices, "cloning_problem": why, "cloning_weights": of(request).weights}


@router.get("/voices/{key}/sample")
def sample(request: Request, key: str) -> Response:
    if of(request).speech_fails:
        return refuse("tts-unreachable", request, engine="gpt_sovits", why="nobody answers at its address")
    return Response(web_media.speech(), media_type="audio/wav")


@router.post("/speech")
async def speech(request: Request) -> Response:
    body = await request.json()
    of(request).requests.append(("speech", "", body))
    if "fail" in body["text"]:
        return refuse("tts-slow", request, engine="gpt_sovits", why="no sound within 60 s")
    return Response(web_media.speech(), media_type="audio/wav")


async def received(request: Request) -> tuple[Row, Any]:
    """The form's fields, and a refusal of the recording if there is one."""
    async with request.form() as form:
        fields = {k: v for k, v in form.items() if isinstance(v, str)}
        file: Any = form["file"]
        fields["file"] = str(file.filename)
        of(request).files["recording"] = await file.read()
    of(request).requests.append((request.url.path.rsplit("/", 1)[-1], "", fields))
    bad = "noise" in fields["file"]
    return fields, refuse("voice-noisy", request, name=fields["file"], db=8, limit=12) if bad else None


@router.post("/voices", status_code=201)
async def clone(request: Request) -> Any:
    fields, refusal = await received(request)
    if refusal:
        return refusal
    world = of(request)
    number = next(world.numbers)
    made = web_facts.cloned(f"v_{number:016x}", fields, [web_facts.clip(number, fields["transcript"])])
    world.voices.append(made)
    return made


@router.post("/voices/{key}/clips", status_code=201)
async def add_clip(request: Request, key: str) -> Any:
    fields, refusal = await received(request)
    if refusal:
        return refusal
    voice = found(request, key)
    voice["clips"].append(web_facts.clip(100 + next(of(request).numbers), fields.get("transcript", "")))
    return voice


@router.delete("/voices/{key}/clips/{clip}")
def remove_clip(request: Request, key: str, clip: str) -> Row:
    voice = found(request, key)
    voice["clips"] = [c for c in voice["clips"] if c["clip_id"] != clip]
    return voice


@router.patch("/voices/{key}")
async def rename(request: Request, key: str) -> Any:
    name = (await request.json())["name"]
    if name == "taken":
        return refuse("service-down", request, service="tts")
    found(request, key)["name"] = name
    return found(request, key)


@router.delete("/voices/{key}", status_code=204)
def forget(request: Request, key: str) -> None:
    world = of(request)
    for avatar in world.avatars:
        if avatar["voice_id"] == key:
            avatar |= {"voice_id": None, "lost_voice": found(request, key)["name"]}
    world.voices[:] = [v for v in world.voices if v["voice_id"] != key]


@router.patch("/avatars/{key}")
async def choose(request: Request, key: str) -> Row:
    avatar = next(a for a in of(request).avatars if a["id"] == key)
    avatar |= {"voice_id": (await request.json())["voice_id"], "lost_voice": None}
    return avatar
