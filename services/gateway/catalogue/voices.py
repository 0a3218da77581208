"""Voices of the tts service: listed, found, checked before a job is accepted, chosen for an avatar."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from huasheng.tts.v1 import tts_pb2

from services.common.errors import HuashengError, catalogue
from services.gateway.catalogue.avatars import BUILTIN, get_model
from services.gateway.clients import Clients
from services.gateway.turn.choices import VoiceChoice

if TYPE_CHECKING:
    from services.gateway.context import Gateway

ALL_ENGINES_TAKE = "speed"
"""The synthesis parameter that every engine supports; a voice lists the others."""


def tag_of(*parts: str) -> str:
    """A short hash of ids, for names of files."""
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:24]


def samples_folder(owner: str, voice_id: str) -> str:
    """Storage folder of a voice's samples."""
    return f"samples/{tag_of(owner, voice_id)}"


async def list_voices(clients: Clients, owner: str, *, voice_id: str = "", waits: bool = True) -> Any:
    """All voices, those of one language in order of preference, and whether voices can be cloned
    (``ListVoicesResponse``). ``voice_id``: of the owner's own ones this one, which is found without a listing."""
    request = tts_pb2.ListVoicesRequest(owner=owner, voice_id=voice_id)
    return await clients.call("tts", "ListVoices", request, waits=waits)


def cloning_problem(listed: Any) -> HuashengError | None:
    """Why the tts service that sent this ``ListVoicesResponse`` cannot clone; None when it can."""
    if listed.cloning.engine:
        return None
    problem = listed.cloning.problem
    if listed.cloning.failed_engine and problem.reason in catalogue():
        cause = HuashengError(problem.reason, **problem.params).because()
        return HuashengError("engine-unavailable", **cause | {"engine": listed.cloning.failed_engine})
    if listed.cloning.failed_engine:  # of a service that names no error
        return HuashengError("engine-unavailable", engine=listed.cloning.failed_engine, why=listed.cloning.why)
    return HuashengError("cloning-unavailable", engine=listed.voices[0].engine if listed.voices else "tts")


async def get_voice(gateway: Gateway, owner: str, voice_id: str) -> Any:
    """One voice (``Voice``), one's own or one that is shared. Raises ``unknown-voice``."""
    voice_owner, own_id = await asyncio.to_thread(gateway.shares.resolve, owner, "voice", voice_id)
    return await _find_voice(gateway.clients, voice_owner, own_id)


async def _find_voice(clients: Clients, owner: str, voice_id: str) -> Any:
    for voice in (await list_voices(clients, owner, voice_id=voice_id)).voices:
        if voice.voice_id == voice_id:
            return voice
    raise HuashengError("unknown-voice", voice=voice_id[:80])


async def get_own_voice(clients: Clients, owner: str, voice_id: str) -> Any:
    """A voice that the owner made (``Voice``). Raises ``unknown-voice``, ``builtin-stays``."""
    voice = await _find_voice(clients, owner, voice_id)
    if not voice.is_cloned:
        raise HuashengError("builtin-stays", id=voice_id)
    return voice


async def check_voice(
    clients: Clients, owner: str, voice_id: str | None, engine: str, synthesis: dict[str, Any], *, waits: bool = True
) -> None:
    """Raises ``unknown-voice`` and ``synthesis-unsupported`` before the request is accepted.

    ``engine`` is the one asked for without a voice, empty for the default. A tts service that is down is no error
    here: the job will wait for it. ``waits`` for one that is loading: what is said at once needs it now.
    """
    wanted = [name for name in synthesis if name != ALL_ENGINES_TAKE]
    if not voice_id and not wanted:
        return
    try:
        listed = await list_voices(clients, owner, voice_id=voice_id or "", waits=waits)
    except HuashengError:
        return
    if voice_id:
        voice = next((v for v in listed.voices if v.voice_id == voice_id), None)
    else:
        voice = next((v for v in listed.voices if not engine or v.engine == engine), None)
    if voice_id and not voice:
        why = cloning_problem(listed)
        if why and why.slug == "engine-unavailable":
            return  # cloned voices are not listed without their engine; tts decides whether another one takes over
        raise HuashengError("unknown-voice", voice=voice_id[:80])
    unsupported = [name for name in wanted if voice and name not in voice.sampling]
    if voice and unsupported:
        raise HuashengError("synthesis-unsupported", engine=voice.engine, fields=", ".join(unsupported))


async def voice_of_avatar(
    gateway: Gateway, owner: str, avatar_id: str | None, model_id: str | None, *, waits: bool = True
) -> str | None:
    """Id of the voice that one chose for the avatar that is drawn, or for another's that one uses; None for none.

    Raises ``service-down`` and ``service-loading`` when the model's avatar cannot be found out now.
    """
    if model_id and not avatar_id:
        try:
            drawn_owner, _, own_id = await asyncio.to_thread(gateway.shares.drawn, owner, None, model_id)
            avatar_id = (await get_model(gateway.clients, drawn_owner, own_id, waits=waits)).avatar_id
        except HuashengError as e:
            if e.slug != "unknown-id":
                raise
            return None  # rendering will report it
    chosen = await asyncio.to_thread(gateway.avatar_voices.get, owner, avatar_id or BUILTIN)
    voice_id: str | None = chosen["voice_id"]
    return voice_id


async def with_voice(gateway: Gateway, owner: str, params: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a job that speaks, with the avatar's voice where the request names none. Raises as
    ``check_voice``. Where the render service is down, the job itself finds the voice: see ``voice_of_job``."""
    voice_id, engine = params["voice_id"], (params["engines"] or {}).get("tts") or ""
    try:
        voice_id = await voice_of_job(gateway, owner, params, waits=False)
    except HuashengError as e:
        if e.slug not in ("service-down", "service-loading"):
            raise
    voice_owner, own_id = await asyncio.to_thread(gateway.shares.resolve, owner, "voice", voice_id or "")
    await check_voice(gateway.clients, voice_owner, own_id or None, engine, params["synthesis"], waits=False)
    return params | {"voice_id": voice_id}


async def voice_of_job(gateway: Gateway, owner: str, params: dict[str, Any], *, waits: bool = True) -> str | None:
    """Id of the voice that a job speaks with, None for the default: its own, else its avatar's. An engine that was
    asked for chooses the voice itself. Raises as ``voice_of_avatar``."""
    asked: str | None = params.get("voice_id")
    if asked or (params.get("engines") or {}).get("tts"):
        return asked
    return await voice_of_avatar(gateway, owner, params.get("avatar_id"), params.get("model"), waits=waits)


async def speaker_of_job(gateway: Gateway, owner: str, voice: VoiceChoice, params: dict[str, Any]) -> VoiceChoice:
    """Who speaks in a job. Raises as ``voice_of_avatar``, and ``unknown-voice`` for one that is shared no more."""
    voice_id = await voice_of_job(gateway, owner, params) or ""
    voice_owner, own_id = await asyncio.to_thread(gateway.shares.resolve, owner, "voice", voice_id)
    return replace(voice, owner=voice_owner, voice_id=own_id)
