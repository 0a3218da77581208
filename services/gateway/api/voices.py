"""Voices: listed, sampled, renamed, deleted."""

from __future__ import annotations

import asyncio
import contextlib
import wave
from typing import Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response
from huasheng.tts.v1 import tts_pb2

from services.common.errors import HuashengError, problem
from services.gateway.api import requests, schemas
from services.gateway.api.deps import Context, Lang, Owner, RequestId
from services.gateway.api.files import StoredFile, serve
from services.gateway.api.lists import listed
from services.gateway.api.problems import responses
from services.gateway.catalogue.voices import (
    ALL_ENGINES_TAKE,
    cloning_problem,
    get_own_voice,
    get_voice,
    list_voices,
    samples_folder,
    tag_of,
)
from services.gateway.context import Gateway
from services.gateway.jobs.records import iso
from services.gateway.marks.marker import Made
from services.gateway.turn.choices import VoiceChoice
from services.gateway.turn.events import SpeechAudio, SpeechHeader
from services.gateway.turn.pipeline import speak_text
from services.gateway.turn.timings import Timings

router = APIRouter(prefix="/api/v1", tags=["voices"])
GENDERS: dict[int, Literal["female", "male"]] = {1: "female", 2: "male"}
"""By ``Gender``."""


@router.get("/voices", response_model=schemas.Voices, responses=responses("service-down"))
async def voices(gateway: Context, owner: Owner, lang: Lang, rid: RequestId) -> Any:
    """The voices that can speak, and whether others can be cloned."""
    found = await list_voices(gateway.clients, owner)
    languages: set[str] = set()

    def shown(voice: Any) -> schemas.Voice:
        language = voice.language.split("-")[0]
        is_default = language not in languages  # the first one of each language
        languages.add(language)
        return voice_of(gateway, voice, is_default=is_default)

    items = listed(found.voices, shown)
    for share in await asyncio.to_thread(gateway.shares.with_me, owner, "voice"):
        with contextlib.suppress(HuashengError):  # deleted meanwhile
            items.append(shared_voice(gateway, await get_voice(gateway, owner, share["id"]), share["id"]))
    why = cloning_problem(found)
    return schemas.Voices(
        items=items,
        cloning_problem=schemas.Problem.model_validate(problem(why, lang, rid)) if why else None,
        cloning_weights=list(found.cloning.models),
    )


def voice_of(gateway: Gateway, message: Any, is_default: bool = False) -> schemas.Voice:
    """A voice of the tts service."""
    clips = [
        schemas.VoiceClip(
            clip_id=c.clip_id,
            seconds=round(c.seconds, 2),
            snr_db=round(c.snr_db, 1),
            transcript=c.transcript,
            url=gateway.signer.media(gateway.storage.key(c.uri)),
        )
        for c in message.clips
    ]
    consent = schemas.Consent(
        statement=message.consent.statement,
        given_by=message.consent.given_by,
        recorded_at=iso(message.consent.recorded_us / 1e6),
    )
    return schemas.Voice(
        id=message.voice_id,
        voice_id=message.voice_id,
        name=message.name,
        language=message.language,
        gender=GENDERS.get(message.gender, ""),
        engine=message.engine,
        is_cloned=message.is_cloned,
        is_default=is_default,
        sample_text=message.sample_text,
        sample_url=f"/api/v1/voices/{quote(message.voice_id, safe='')}/sample",
        synthesis=[ALL_ENGINES_TAKE, *message.sampling],
        weights=message.model or None,
        clips=clips,
        consent=consent if message.is_cloned else None,
        created_at=iso(message.created_us / 1e6) if message.is_cloned else None,
    )


def shared_voice(gateway: Gateway, message: Any, share_id: str) -> schemas.Voice:
    """Another person's voice: its recordings and their words are not shown."""
    voice = voice_of(gateway, message)
    url = f"/api/v1/voices/{quote(share_id, safe='')}/sample"
    hidden: dict[str, Any] = {"clips": [], "consent": None, "sample_url": url, "is_cloned": False, "is_shared": True}
    return voice.model_copy(update={"id": share_id, "voice_id": share_id, **hidden})


@router.get("/voices/{voice_id}/sample", responses=responses("unknown-voice", "service-down"))
async def sample(request: Request, gateway: Context, owner: Owner, voice_id: str) -> Response:
    """A sentence in this voice; made when first asked for, then kept."""
    voice = await get_voice(gateway, owner, voice_id)
    owner, voice_id = await asyncio.to_thread(gateway.shares.resolve, owner, "voice", voice_id)
    # a voice sounds different after a recording was added or removed
    tag = tag_of(owner, voice_id, voice.engine, voice.sample_text, *(c.clip_id for c in voice.clips))
    key = f"{samples_folder(owner, voice_id)}/{tag}.wav"
    if not await asyncio.to_thread(gateway.storage.exists, key):
        await gateway.clients.loaded("tts")
        header, pcm = SpeechHeader(0, "", ""), bytearray()
        speech = speak_text(
            gateway.clients, Timings(), VoiceChoice(owner, voice_id, no_fallback=True), voice.sample_text
        )
        async with contextlib.aclosing(speech) as events:
            async for event in events:
                if isinstance(event, SpeechHeader):
                    header = event
                elif isinstance(event, SpeechAudio):
                    pcm += event.pcm
        made = Made(f"sample-{tag}", owner, kind="sample", engine=header.engine, has_pictures=False, voice_id=voice_id)
        await asyncio.to_thread(_store, gateway, key, made, header.sample_rate_hz, bytes(pcm))
    file = StoredFile(key, "audio/wav", etag=tag, name=f"{voice_id}.wav")
    return await serve(request, gateway, file, 86_400)


def _store(gateway: Gateway, key: str, made: Made, sample_rate_hz: int, pcm: bytes) -> None:
    path = gateway.settings.data_dir / "work" / key.replace("/", "-")
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(sample_rate_hz)
        w.writeframes(pcm)
    try:
        gateway.marker.publish(made, {key: path}, {"kind": "sample"})
    finally:
        path.unlink(missing_ok=True)


@router.patch("/voices/{voice_id}", response_model=schemas.Voice, responses=responses("unknown-voice", "builtin-stays"))
async def rename_voice(gateway: Context, owner: Owner, voice_id: str, body: requests.VoiceName) -> Any:
    """Give a voice that you made another name."""
    await get_own_voice(gateway.clients, owner, voice_id)
    request = tts_pb2.RenameVoiceRequest(owner=owner, voice_id=voice_id, name=body.name)
    return voice_of(gateway, (await gateway.clients.call("tts", "RenameVoice", request)).voice)


@router.delete("/voices/{voice_id}", status_code=204, responses=responses("unknown-voice", "builtin-stays"))
async def delete_voice(gateway: Context, owner: Owner, voice_id: str) -> None:
    """Delete a voice that you made; avatars that spoke with it lose it."""
    name = voice_id
    try:
        name = (await get_own_voice(gateway.clients, owner, voice_id)).name
    except HuashengError as e:
        if e.slug != "unknown-voice":
            raise  # one whose record is damaged is not listed, and can be deleted
    await gateway.clients.call("tts", "DeleteVoice", tts_pb2.DeleteVoiceRequest(owner=owner, voice_id=voice_id))
    await asyncio.to_thread(gateway.avatar_voices.lose, owner, voice_id, name)
    await asyncio.to_thread(gateway.shares.forget, owner, "voice", voice_id)
    await asyncio.to_thread(gateway.storage.delete, samples_folder(owner, voice_id))
