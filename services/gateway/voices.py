"""Voices as the tts service knows them: listed, found, checked before a job is accepted, chosen for an avatar."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from huasheng.tts.v1 import tts_pb2

from services.common.errors import HuashengError
from services.gateway.api import views
from services.gateway.avatars import find_model
from services.gateway.context import Gateway
from services.gateway.store.jobs import Row
from services.gateway.turn.events import Event
from services.gateway.turn.stages import Flow, Voice, recite, speak
from services.gateway.turn.timings import Timings


async def list_voices(gateway: Gateway, owner: str) -> tuple[list[Row], HuashengError | None]:
    """All voices, the first of each language being its default; and why none can be cloned, if so."""
    found = await ask_voices(gateway, owner)
    return voice_rows(gateway, found), cloning_problem(found)


async def ask_voices(gateway: Gateway, owner: str) -> Any:
    """What the tts service says of its voices, a ``ListVoicesResponse``."""
    return await gateway.clients.short("tts", "ListVoices", tts_pb2.ListVoicesRequest(owner=owner))


def voice_rows(gateway: Gateway, found: Any) -> list[Row]:
    """The voices of that answer, the first of each language being its default."""
    seen: set[str] = set()
    out = []
    for v in found.voices:
        language = v.language.split("-")[0]
        out.append(shown(gateway, v, language not in seen))
        seen.add(language)
    return out


def shown(gateway: Gateway, voice: Any, is_default: bool = False) -> Row:
    """A voice of the tts service as the API shows it."""
    return views.voice_row(voice, is_default, gateway.storage, gateway.signer)


def cloning_problem(found: Any) -> HuashengError | None:
    """Why the tts service that answered so cannot clone; None when it can."""
    if found.cloning.engine:
        return None
    if found.cloning.failed_engine:
        return HuashengError("engine-unavailable", engine=found.cloning.failed_engine, why=found.cloning.why)
    return HuashengError("cloning-unavailable", engine=found.voices[0].engine if found.voices else "tts")


async def find_voice(gateway: Gateway, owner: str, voice_id: str) -> Row:
    """One voice. Raises ``unknown-voice``."""
    for v in (await list_voices(gateway, owner))[0]:
        if v["voice_id"] == voice_id:
            return v
    raise HuashengError("unknown-voice", voice=voice_id[:80])


async def own_voice(gateway: Gateway, owner: str, voice_id: str) -> Row:
    """One that the owner made. Raises ``unknown-voice``, ``builtin-stays``."""
    voice = await find_voice(gateway, owner, voice_id)
    if not voice["is_cloned"]:
        raise HuashengError("builtin-stays", id=voice_id)
    return voice


async def check_voice(gateway: Gateway, owner: str, voice_id: str | None, engine: str, synthesis: Row) -> None:
    """Raises ``unknown-voice`` and ``synthesis-unsupported`` while somebody still looks.

    ``engine`` is the one asked for without a voice, empty for the default. A tts service that is down is left to the
    job.
    """
    asked = [name for name in synthesis if name != "speed"]
    if not voice_id and not asked:
        return
    try:
        voices, why = await list_voices(gateway, owner)
    except HuashengError:
        return
    if voice_id:
        voice = next((v for v in voices if v["voice_id"] == voice_id), None)
    else:
        voice = next((v for v in voices if not engine or v["engine"] == engine), None)
    if voice_id and not voice:
        if why and why.slug == "engine-unavailable":
            return  # cloned voices are not listed without their engine; tts knows whether another may stand in
        raise HuashengError("unknown-voice", voice=voice_id[:80])
    ignored = [name for name in asked if voice and name not in voice["synthesis"]]
    if voice and ignored:
        raise HuashengError("synthesis-unsupported", engine=voice["engine"], fields=", ".join(ignored))


async def voice_of_avatar(gateway: Gateway, owner: str, avatar_id: str | None, model_id: str | None) -> str | None:
    """The voice that belongs to who is drawn; None where nobody chose one."""
    if model_id and not avatar_id:
        try:
            avatar_id = (await find_model(gateway, owner, model_id))["avatar_id"]
        except HuashengError:  # the drawing will tell what is wrong
            return None
    chosen = await asyncio.to_thread(gateway.avatar_voices.get, owner, avatar_id or views.BUILTIN)
    voice_id: str | None = chosen["voice_id"]
    return voice_id


async def with_voice(gateway: Gateway, owner: str, params: Row) -> Row:
    """The parameters of a job that speaks, with the avatar's voice where the request names none; checked."""
    voice_id, engine = params["voice_id"], (params["engines"] or {}).get("tts") or ""
    if not voice_id and not engine:
        voice_id = await voice_of_avatar(gateway, owner, params["avatar_id"], params["model"])
    await check_voice(gateway, owner, voice_id, engine, params["synthesis"])
    return params | {"voice_id": voice_id}


def job_voice(owner: str, params: Row) -> Voice:
    """Who speaks in a job, and how."""
    sampling = dict(params.get("synthesis") or {})
    speed = sampling.pop("speed", 0.0)
    engine = (params.get("engines") or {}).get("tts") or ""
    alone = not params.get("fallback", True)
    return Voice(owner, params.get("voice_id") or "", engine, speed=speed, sampling=sampling, alone=alone)


def say(gateway: Gateway, voice: Voice, text: str) -> AsyncGenerator[Event, None]:
    """Speech alone; closing the generator ends it."""
    flow, clauses = Flow(), asyncio.Queue[str | None](maxsize=16)
    flow.start(recite(text, clauses))
    flow.start(speak(flow, gateway.clients, Timings(), voice, clauses, None))
    return flow.events()
