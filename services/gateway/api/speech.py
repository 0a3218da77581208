"""Speech without a video, and recognition without a dialogue."""

from __future__ import annotations

import contextlib
import json
import struct
from collections.abc import AsyncIterator
from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from services.common.errors import HuashengError
from services.gateway.api import requests as bodies
from services.gateway.api import schemas, views
from services.gateway.api.assets import UPLOAD_BODY
from services.gateway.api.deps import Context, Owner, check_text, passing_recording
from services.gateway.api.problems import responses, streamed
from services.gateway.turn.events import Fallback, Sound, VoiceHeader
from services.gateway.turn.stages import listen
from services.gateway.turn.timings import Timings
from services.gateway.voices import check_voice, job_voice, say

router = APIRouter(prefix="/api/v1", tags=["speech"])


def endless_wav_header(rate: int) -> bytes:
    """The header of a 16-bit mono WAV whose length is not known yet: the largest there is."""
    most = 0xFFFFFFFF
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", most, b"WAVE", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16, b"data", most - 36
    )


@router.post(
    "/speech",
    response_class=StreamingResponse,
    responses=streamed("audio/wav", "16-bit mono, streamed")
    | responses(
        "empty-text", "long-text", "unknown-voice", "unspeakable-text", "synthesis-unsupported", "service-down"
    ),
)
async def speech(gateway: Context, owner: Owner, body: bodies.SpeechRequest) -> Response:
    """Say a text; the sound comes as it is spoken."""
    text = check_text(body.text, gateway.settings.max_text_chars)
    params = body.params()
    await check_voice(gateway, owner, body.voice_id, body.engine or "", params["synthesis"])
    voice = job_voice(owner, params | {"engines": {"tts": body.engine}})
    voice = replace(voice, language=body.language or "", speed=body.speed or voice.speed)
    events = say(gateway, voice, text)
    rate, first, passed = 0, b"", []
    try:
        # the first sound decides between 200 and a problem
        async for event in events:
            if isinstance(event, Fallback):
                passed.append(views.fallback_row(event))
            elif isinstance(event, VoiceHeader):
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

    headers = {"Cache-Control": "no-store"}
    if passed:  # a header, since the body is sound
        headers["X-Fallbacks"] = json.dumps(passed)
    return StreamingResponse(stream(), media_type="audio/wav", headers=headers)


@router.post(
    "/transcriptions",
    response_model=schemas.Transcription,
    openapi_extra=UPLOAD_BODY,
    responses=responses("too-large", "unsupported-media", "silent-audio", "no-speech", "service-down"),
)
async def transcribe(request: Request, gateway: Context, owner: Owner) -> Response:
    """Speech to text; the recording is not kept."""
    async with passing_recording(request, gateway, owner) as (row, fields):
        heard = await listen(
            gateway.clients,
            Timings(),
            uri=gateway.storage.uri(row["key"]),
            language=fields.get("language", "")[:16],
            engine=fields.get("engine", "")[:40],
            alone=fields.get("fallback", "").strip().lower() == "false",
        )
    if not heard.text:
        raise HuashengError("no-speech")
    body = {
        "text": heard.text,
        "language": heard.language,
        "language_probability": round(heard.language_probability, 4),
        "duration_s": heard.duration_s,
        "engine": heard.engine,
        "segments": [{"text": t, "start_s": a, "end_s": b} for t, a, b in heard.segments],
        "fallbacks": [views.fallback_row(f) for f in heard.fallbacks],
    }
    return JSONResponse(body)
