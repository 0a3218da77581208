"""The voices: listed, heard, made from recordings, renamed, deleted."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import wave
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from huasheng.tts.v1 import tts_pb2

from services.common.errors import HuashengError, problem
from services.gateway.api import requests as bodies
from services.gateway.api import schemas
from services.gateway.api.deps import Context, Key, Lang, Owner, RequestId, once, passing_recording
from services.gateway.api.files import serve
from services.gateway.api.problems import responses
from services.gateway.context import Gateway
from services.gateway.store.idempotency import request_hash
from services.gateway.store.jobs import Row
from services.gateway.turn.events import Sound, VoiceHeader
from services.gateway.turn.stages import Voice, listen
from services.gateway.turn.timings import Timings
from services.gateway.voices import ask_voices, cloning_problem, find_voice, own_voice, say, shown, voice_rows

router = APIRouter(prefix="/api/v1", tags=["voices"])
REFERENCE_S = (3.0, 10.0)
MOST_DRAINED = 16 * 2**20
"""Bytes of a request that was refused before its body was read; a client that is still sending would not hear why."""


@router.get("/voices", response_model=schemas.Voices, responses=responses("service-down"))
async def voices(gateway: Context, owner: Owner, lang: Lang, rid: RequestId) -> Any:
    """The voices that can speak, and whether others can be cloned."""
    found = await ask_voices(gateway, owner)
    why = cloning_problem(found)
    return {
        "items": voice_rows(gateway, found),
        "cloning_problem": problem(why, lang, rid) if why else None,
        "cloning_weights": list(found.cloning.models),
    }


def _tag(*parts: str) -> str:
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:24]


def _samples(owner: str, voice_id: str) -> str:
    """Folder of what a voice has said to be heard."""
    return f"samples/{_tag(owner, voice_id)}"


@router.get("/voices/{voice_id}/sample", responses=responses("unknown-voice", "service-down"))
async def sample(request: Request, gateway: Context, owner: Owner, voice_id: str) -> Response:
    """A sentence in this voice; made when first asked for, then kept."""
    voice = await find_voice(gateway, owner, voice_id)
    # other recordings, other voice
    tag = _tag(owner, voice_id, voice["engine"], voice["sample_text"], *(c["clip_id"] for c in voice["clips"]))
    key = f"{_samples(owner, voice_id)}/{tag}.wav"
    if not await asyncio.to_thread(gateway.storage.exists, key):
        rate, pcm = 0, bytearray()
        async with contextlib.aclosing(
            say(gateway, Voice(owner, voice_id, alone=True), voice["sample_text"])
        ) as events:
            async for event in events:
                if isinstance(event, VoiceHeader):
                    rate = event.rate
                elif isinstance(event, Sound):
                    pcm += event.pcm
        await asyncio.to_thread(_store, gateway, key, rate, bytes(pcm))
    return await serve(request, gateway.storage, key, "audio/wav", tag, f"{voice_id}.wav", 86_400)


def _store(gateway: Gateway, key: str, rate: int, pcm: bytes) -> None:
    path = gateway.settings.data_dir / "work" / key.replace("/", "-")
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(rate)
        w.writeframes(pcm)
    try:
        gateway.storage.publish(key, path, {"content_type": "audio/wav", "kind": "sample"})
    finally:
        path.unlink(missing_ok=True)


_CLIP = {"type": "string", "format": "binary", "description": "3 to 10 s of clean speech"}
_WORDS = {"type": "string", "description": "what is said; left out, it is recognised"}


def _form(required: list[str], **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "required": required, "properties": properties}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


VOICE_BODY = _form(
    ["file", "name", "consent", "consent_by"],
    file=_CLIP,
    name={"type": "string"},
    language={"type": "string"},
    transcript=_WORDS,
    consent={"type": "string", "description": "the statement of the voice's owner"},
    consent_by={"type": "string", "description": "who gives it"},
    weights={"type": "string", "description": "one of cloning_weights; left out, the first"},
)
CLIP_BODY = _form(["file"], file=_CLIP, transcript=_WORDS)
_REFUSALS = (
    "too-short",
    "too-long",
    "silent-audio",
    "voice-clipped",
    "voice-noisy",
    "no-speech",
    "service-down",
)


@contextlib.asynccontextmanager
async def _before_the_body(request: Request) -> AsyncIterator[None]:
    """What is refused here is refused before anything is decoded, and the client hears it."""
    try:
        yield
    except HuashengError:
        taken = 0
        async for data in request.stream():
            taken += len(data)
            if taken > MOST_DRAINED:
                break
        raise


@contextlib.asynccontextmanager
async def _recording(request: Request, gateway: Gateway, owner: str) -> AsyncIterator[tuple[Row, dict[str, str]]]:
    """The uploaded recording and the form's other fields; it is removed at the end.

    The tts service keeps its own copy. Raises what ``speech_asset`` does, and ``too-short``.
    """
    async with passing_recording(request, gateway, owner) as (row, fields):
        if row["duration_s"] < REFERENCE_S[0]:
            raise HuashengError(
                "too-short", name=row["name"], seconds=round(row["duration_s"], 1), limit=REFERENCE_S[0]
            )
        yield row, fields


async def _words(gateway: Gateway, row: Row, given: str, language: str) -> tuple[str, str]:
    """What is said in a recording, and its language, as far as they are not known. Raises ``no-speech``."""
    if given.strip():
        return given, language
    uri = gateway.storage.uri(row["key"])
    heard = await listen(gateway.clients, Timings(), uri=uri, language=language[:16])
    if not heard.text:
        raise HuashengError("no-speech")
    return heard.text, language or heard.language


@router.post(
    "/voices",
    status_code=201,
    response_model=schemas.Voice,
    openapi_extra=VOICE_BODY,
    responses=responses("cloning-unavailable", "engine-unavailable", "voice-no-consent", *_REFUSALS),
)
async def make_voice(request: Request, gateway: Context, owner: Owner, key: Key = None) -> Response:
    """Clone a voice from 3 to 10 seconds of clean speech."""
    async with _before_the_body(request):
        found = await ask_voices(gateway, owner)
        if why := cloning_problem(found):
            raise why
    async with _recording(request, gateway, owner) as (row, fields):
        name = fields.get("name", "").strip()[:80]
        if not name:
            raise HuashengError("bad-request", what="the field `name` is missing")
        consent = tts_pb2.Consent(
            statement=fields.get("consent", "").strip(), given_by=fields.get("consent_by", "").strip()
        )
        if not consent.statement or not consent.given_by:
            raise HuashengError("voice-no-consent")
        language, transcript = fields.get("language", ""), fields.get("transcript", "")
        weights = fields.get("weights", "")
        if weights and weights not in found.cloning.models:
            raise HuashengError("bad-request", what=f"The operator does not offer the weights {weights[:40]!r}.")

        async def make(_id: str) -> tuple[int, dict[str, Any]]:
            words, tongue = await _words(gateway, row, transcript, language)
            request_ = tts_pb2.CreateVoiceRequest(
                owner=owner,
                name=name,
                reference_uri=gateway.storage.uri(row["key"]),
                transcript=words,
                language=tongue,
                consent=consent,
                model=weights,
            )
            made = await gateway.clients.short("tts", "CreateVoice", request_, timeout=gateway.settings.asr_s)
            return 201, shown(gateway, made.voice)

        told = (name, language, transcript, weights, consent.given_by, consent.statement)
        digest = request_hash("voices", row["sha256"], *told)
        return await once(gateway, owner, key, digest, "v", make)


@router.post(
    "/voices/{voice_id}/clips",
    status_code=201,
    response_model=schemas.Voice,
    openapi_extra=CLIP_BODY,
    responses=responses("unknown-voice", "builtin-stays", "voice-full", "voice-clip-known", *_REFUSALS),
)
async def add_clip(request: Request, gateway: Context, owner: Owner, voice_id: str, key: Key = None) -> Response:
    """Add a recording of the same person to a voice that you made; it refines the timbre."""
    async with _before_the_body(request):
        voice = await own_voice(gateway, owner, voice_id)
    async with _recording(request, gateway, owner) as (row, fields):
        transcript = fields.get("transcript", "")

        async def add(_id: str) -> tuple[int, dict[str, Any]]:
            words, _ = await _words(gateway, row, transcript, voice["language"])
            request_ = tts_pb2.AddVoiceClipRequest(
                owner=owner, voice_id=voice_id, reference_uri=gateway.storage.uri(row["key"]), transcript=words
            )
            grown = await gateway.clients.short("tts", "AddVoiceClip", request_, timeout=gateway.settings.asr_s)
            return 201, shown(gateway, grown.voice)

        digest = request_hash("clips", voice_id, row["sha256"], transcript)
        answer = await once(gateway, owner, key, digest, "v", add)
    await asyncio.to_thread(gateway.storage.delete, _samples(owner, voice_id))
    return answer


@router.delete(
    "/voices/{voice_id}/clips/{clip_id}",
    response_model=schemas.Voice,
    responses=responses("unknown-voice", "unknown-id", "builtin-stays", "voice-last-clip"),
)
async def remove_clip(gateway: Context, owner: Owner, voice_id: str, clip_id: str) -> Any:
    """Take a recording out of a voice that you made; the last one stays."""
    await own_voice(gateway, owner, voice_id)
    request = tts_pb2.RemoveVoiceClipRequest(owner=owner, voice_id=voice_id, clip_id=clip_id)
    left = await gateway.clients.short("tts", "RemoveVoiceClip", request)
    await asyncio.to_thread(gateway.storage.delete, _samples(owner, voice_id))
    return shown(gateway, left.voice)


@router.patch("/voices/{voice_id}", response_model=schemas.Voice, responses=responses("unknown-voice", "builtin-stays"))
async def rename_voice(gateway: Context, owner: Owner, voice_id: str, body: bodies.VoiceName) -> Any:
    """Give a voice that you made another name."""
    await own_voice(gateway, owner, voice_id)
    request = tts_pb2.RenameVoiceRequest(owner=owner, voice_id=voice_id, name=body.name)
    return shown(gateway, (await gateway.clients.short("tts", "RenameVoice", request)).voice)


@router.delete("/voices/{voice_id}", status_code=204, responses=responses("unknown-voice", "builtin-stays"))
async def delete_voice(gateway: Context, owner: Owner, voice_id: str) -> None:
    """Delete a voice that you made; avatars that spoke with it lose it."""
    voice = await own_voice(gateway, owner, voice_id)
    await gateway.clients.short("tts", "DeleteVoice", tts_pb2.DeleteVoiceRequest(owner=owner, voice_id=voice_id))
    await asyncio.to_thread(gateway.avatar_voices.lose, owner, voice_id, voice["name"])
    await asyncio.to_thread(gateway.storage.delete, _samples(owner, voice_id))
