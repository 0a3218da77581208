"""Voices, speech without a video, and recognition without a dialogue."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import struct
import wave
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from huasheng.tts.v1 import tts_pb2

from services.common.errors import HuashengError
from services.gateway import schemas, views
from services.gateway.context import Gateway
from services.gateway.deps import Context, Key, Owner, check_text, once, speech_asset
from services.gateway.files import serve
from services.gateway.idempotency import request_hash
from services.gateway.problems import responses, streamed
from services.gateway.routes.assets import UPLOAD_BODY
from services.gateway.stages import Flow, Voice, listen, recite, speak
from services.gateway.timings import Timings
from services.gateway.turn_events import Event, Sound, VoiceHeader

router = APIRouter(prefix="/api/v1", tags=["voices"])
REFERENCE_S = (3.0, 10.0)


async def list_voices(gateway: Gateway, owner: str) -> list[dict[str, Any]]:
    """All voices; the first of each language is its default."""
    found = await gateway.clients.short("tts", "ListVoices", tts_pb2.ListVoicesRequest(owner=owner))
    seen: set[str] = set()
    out = []
    for v in found.voices:
        language = v.language.split("-")[0]
        out.append(views.voice_row(v, language not in seen))
        seen.add(language)
    return out


async def find_voice(gateway: Gateway, owner: str, voice_id: str) -> dict[str, Any]:
    """One voice. Raises ``unknown-voice``."""
    for v in await list_voices(gateway, owner):
        if v["voice_id"] == voice_id:
            return v
    raise HuashengError("unknown-voice", voice=voice_id[:80])


@router.get("/voices", response_model=schemas.Items[schemas.Voice], responses=responses("service-down"))
async def voices(gateway: Context, owner: Owner) -> Any:
    """The voices that can speak."""
    return {"items": await list_voices(gateway, owner)}


def _speech(gateway: Gateway, voice: Voice, text: str) -> AsyncGenerator[Event, None]:
    flow, clauses = Flow(), asyncio.Queue[str | None](maxsize=16)
    flow.start(recite(text, clauses))
    flow.start(speak(flow, gateway.clients, Timings(), voice, clauses, None))
    return flow.events()


@router.get("/voices/{voice_id}/sample", responses=responses("unknown-voice", "service-down"))
async def sample(request: Request, gateway: Context, owner: Owner, voice_id: str) -> Response:
    """A sentence in this voice; made when first asked for, then kept."""
    voice = await find_voice(gateway, owner, voice_id)
    tag = hashlib.sha256(f"{owner} {voice_id} {voice['engine']} {voice['sample_text']}".encode()).hexdigest()[:24]
    key = f"samples/{tag}.wav"
    if not await asyncio.to_thread(gateway.storage.exists, key):
        rate, pcm = 0, bytearray()
        async with contextlib.aclosing(_speech(gateway, Voice(owner, voice_id), voice["sample_text"])) as events:
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


VOICE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "name", "consent", "consent_by"],
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": "3 to 10 s of clean speech"},
                        "name": {"type": "string"},
                        "language": {"type": "string"},
                        "transcript": {"type": "string", "description": "what is said; left out, it is recognised"},
                        "consent": {"type": "string", "description": "the statement of the voice's owner"},
                        "consent_by": {"type": "string", "description": "who gives it"},
                    },
                }
            }
        },
    }
}


@router.post(
    "/voices", status_code=201, response_model=schemas.Voice, openapi_extra=VOICE_BODY,
    responses=responses(
        "cloning-unavailable", "too-short", "too-long", "silent-audio", "voice-clipped", "voice-noisy", "no-speech",
        "voice-no-consent", "service-down",
    ),
)  # fmt: skip
async def make_voice(request: Request, gateway: Context, owner: Owner, key: Key = None) -> Response:
    """Clone a voice from 3 to 10 seconds of clean speech."""
    asset_id = ""

    def choose(_upload: Any, sha256: str) -> str:
        nonlocal asset_id
        asset_id = gateway.idempotency.claim(owner, None, sha256, "a").resource_id
        return asset_id

    row, upload = await gateway.assets.upload(owner, request, choose)
    is_kept = False
    try:
        name = upload.fields.get("name", "").strip()[:80]
        if not name:
            raise HuashengError("bad-request", what="the field `name` is missing")
        await speech_asset(gateway, owner, row["id"], REFERENCE_S[1])
        if row["duration_s"] < REFERENCE_S[0]:
            raise HuashengError(
                "too-short", name=row["name"], seconds=round(row["duration_s"], 1), limit=REFERENCE_S[0]
            )
        language, transcript = upload.fields.get("language", ""), upload.fields.get("transcript", "")

        consent = tts_pb2.Consent(
            statement=upload.fields.get("consent", ""), given_by=upload.fields.get("consent_by", "")
        )

        async def make(_id: str) -> tuple[int, dict[str, Any]]:
            nonlocal language, transcript
            if not transcript.strip():
                heard = await listen(
                    gateway.clients, Timings(), uri=gateway.storage.uri(row["key"]), language=language[:16]
                )
                if not heard.text:
                    raise HuashengError("no-speech")
                transcript, language = heard.text, language or heard.language
            request_ = tts_pb2.CreateVoiceRequest(
                owner=owner,
                name=name,
                reference_uri=gateway.storage.uri(row["key"]),
                transcript=transcript,
                language=language,
                consent=consent,
            )
            made = await gateway.clients.short("tts", "CreateVoice", request_, timeout=gateway.settings.asr_s)
            return 201, views.voice_row(made.voice, False)

        digest = request_hash("voices", row["sha256"], name, language, transcript, consent.given_by, consent.statement)
        answer = await once(gateway, owner, key, digest, "v", make)
        is_kept = "Idempotency-Replayed" not in answer.headers
        return answer
    finally:
        if not is_kept:
            await asyncio.to_thread(gateway.assets.delete, owner, row["id"])


@router.patch("/voices/{voice_id}", response_model=schemas.Voice, responses=responses("unknown-voice", "builtin-stays"))
async def rename_voice(gateway: Context, owner: Owner, voice_id: str, body: schemas.VoiceName) -> Any:
    """Give a voice that you made another name."""
    if not (await find_voice(gateway, owner, voice_id))["is_cloned"]:
        raise HuashengError("builtin-stays", id=voice_id)
    request = tts_pb2.RenameVoiceRequest(owner=owner, voice_id=voice_id, name=body.name)
    return views.voice_row((await gateway.clients.short("tts", "RenameVoice", request)).voice, False)


@router.delete("/voices/{voice_id}", status_code=204, responses=responses("unknown-voice", "builtin-stays"))
async def delete_voice(gateway: Context, owner: Owner, voice_id: str) -> None:
    """Delete a voice that you made."""
    if not (await find_voice(gateway, owner, voice_id))["is_cloned"]:
        raise HuashengError("builtin-stays", id=voice_id)
    await gateway.clients.short("tts", "DeleteVoice", tts_pb2.DeleteVoiceRequest(owner=owner, voice_id=voice_id))


def endless_wav_header(rate: int) -> bytes:
    """The header of a 16-bit mono WAV whose length is not known yet: the largest there is."""
    most = 0xFFFFFFFF
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", most, b"WAVE", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16, b"data", most - 36
    )  # fmt: skip


@router.post(
    "/speech",
    response_class=StreamingResponse,
    tags=["speech"],
    responses=streamed("audio/wav", "16-bit mono, streamed")
    | responses("empty-text", "long-text", "unknown-voice", "unspeakable-text", "service-down"),
)
async def speech(gateway: Context, owner: Owner, body: schemas.SpeechRequest) -> Response:
    """Say a text; the sound comes as it is spoken."""
    text = check_text(body.text, gateway.settings.max_text_chars)
    voice = Voice(owner, body.voice_id or "", language=body.language or "", speed=body.speed)
    events = _speech(gateway, voice, text)
    rate, first = 0, b""
    try:
        # the first sound decides between 200 and a problem
        async for event in events:
            if isinstance(event, VoiceHeader):
                rate = event.rate
            elif isinstance(event, Sound):
                first = event.pcm
                break
    except BaseException:
        await events.aclose()
        raise

    async def stream() -> AsyncIterator[bytes]:
        async with contextlib.aclosing(events):
            yield endless_wav_header(rate) + first
            async for event in events:
                if isinstance(event, Sound):
                    yield event.pcm

    return StreamingResponse(stream(), media_type="audio/wav", headers={"Cache-Control": "no-store"})


@router.post(
    "/transcriptions", response_model=schemas.Transcription, openapi_extra=UPLOAD_BODY, tags=["speech"],
    responses=responses("too-large", "unsupported-media", "silent-audio", "no-speech", "service-down"),
)  # fmt: skip
async def transcribe(request: Request, gateway: Context, owner: Owner) -> Response:
    """Speech to text; the recording is not kept."""
    ids: list[str] = []

    def choose(_upload: Any, sha256: str) -> str:
        ids.append(gateway.idempotency.claim(owner, None, sha256, "a").resource_id)
        return ids[0]

    row, upload = await gateway.assets.upload(owner, request, choose)
    try:
        await speech_asset(gateway, owner, row["id"], gateway.settings.max_audio_s)
        fields = upload.fields
        heard = await listen(
            gateway.clients, Timings(), uri=gateway.storage.uri(row["key"]), language=fields.get("language", "")[:16],
            engine=fields.get("engine", "")[:40],
        )  # fmt: skip
    finally:
        await asyncio.to_thread(gateway.assets.delete, owner, row["id"])
    if not heard.text:
        raise HuashengError("no-speech")
    body = {
        "text": heard.text, "language": heard.language, "language_probability": round(heard.language_probability, 4),
        "duration_s": heard.duration_s, "engine": heard.engine,
        "segments": [{"text": t, "start_s": a, "end_s": b} for t, a, b in heard.segments],
    }  # fmt: skip
    return JSONResponse(body)
