"""Speech without a video, and recognition without a dialogue."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from huasheng.tts.v1 import tts_pb2

from services.common import metrics
from services.common.errors import HuashengError
from services.common.pronunciation import Pronunciation
from services.gateway.api import requests, schemas
from services.gateway.api.assets import UPLOAD_BODY
from services.gateway.api.checks import check_text, temporary_recording
from services.gateway.api.deps import Context, Owner, Who
from services.gateway.api.problems import responses, streamed
from services.gateway.catalogue.voices import check_voice
from services.gateway.context import Gateway
from services.gateway.jobs import records
from services.gateway.marks.streamed import MarkedSpeech
from services.gateway.turn.choices import VoiceChoice
from services.gateway.turn.events import Fallback, SpeechAudio, SpeechHeader
from services.gateway.turn.messages import pronunciations_of
from services.gateway.turn.pipeline import speak_text
from services.gateway.turn.stages import recognise
from services.gateway.turn.timings import Timings

log = logging.getLogger("huasheng.gateway")
router = APIRouter(prefix="/api/v1", tags=["speech"])


@router.post(
    "/speech",
    response_class=StreamingResponse,
    responses=streamed("audio/wav", "16-bit mono, streamed")
    | responses(
        "empty-text", "long-text", "unknown-voice", "unspeakable-text", "synthesis-unsupported", "service-down"
    ),
)
async def speech(gateway: Context, who: Who, body: requests.SpeechRequest) -> Response:
    """Say a text; the audio is streamed while it is synthesised."""
    owner, text = who.owner, check_text(body.text, gateway.settings.max_text_chars)
    await asyncio.to_thread(gateway.accounts.quotas.check_made, who)
    params = body.params()
    voice_owner, voice_id = await asyncio.to_thread(gateway.shares.resolve, owner, "voice", body.voice_id or "")
    await check_voice(gateway.clients, voice_owner, voice_id or None, body.engine or "", params["synthesis"])
    dictionary = await asyncio.to_thread(gateway.dictionary.all, owner)
    voice = VoiceChoice.of_params(owner, params | {"engines": {"tts": body.engine}}, dictionary)
    voice = replace(
        voice, owner=voice_owner, voice_id=voice_id, language=body.language or "", speed=body.speed or voice.speed
    )
    await gateway.clients.loaded("tts")
    events = speak_text(gateway.clients, Timings(), voice, text)
    header, first, fallbacks = SpeechHeader(0, "", ""), b"", []
    try:
        # the first audio decides between 200 and a problem
        async for event in events:
            if isinstance(event, Fallback):
                fallbacks.append(records.Fallback.of(event).model_dump())
            elif isinstance(event, SpeechHeader):
                header = event
            elif isinstance(event, SpeechAudio):
                first = event.pcm
                break
    except BaseException:
        await events.aclose()
        raise

    async def stream() -> AsyncIterator[bytes]:
        marked = MarkedSpeech(gateway.marker, owner, header)
        sent = len(first)
        try:
            async with contextlib.aclosing(events):
                yield marked.begin() + marked.add(first)
                async for event in events:
                    if isinstance(event, SpeechAudio):
                        sent += len(event.pcm)
                        yield marked.add(event.pcm)
        finally:
            marked.remember()
            if who.via != "local":
                seconds = sent / 2 / header.sample_rate_hz
                await asyncio.to_thread(gateway.accounts.quotas.add, owner, who.key_id, "speech_s", seconds)

    headers = {"Cache-Control": "no-store"}
    if warnings := await _warnings(gateway, voice, body, text, dictionary):
        headers["X-Warnings"] = json.dumps(warnings)
    if fallbacks:  # in a header, since the body is audio
        headers["X-Fallbacks"] = json.dumps(fallbacks)
    return StreamingResponse(stream(), media_type="audio/wav", headers=headers)


async def _warnings(
    gateway: Gateway, voice: VoiceChoice, body: requests.SpeechRequest, text: str, dictionary: list[Pronunciation]
) -> list[dict[str, str]]:
    """What will not be said: the header goes out before the speech ends. The speech does not fail with it."""
    request = tts_pb2.PreviewRequest(
        text=text,
        voice_id=voice.voice_id,
        engine=body.engine or "",
        language=body.language or "",
        owner=voice.owner,
        pronunciations=pronunciations_of(dictionary),
        words_only=True,
    )
    try:
        found = await gateway.clients.call("tts", "Preview", request)
    except HuashengError as e:
        log.warning("what is left out of a speech is not known", extra={"reason": e.slug})
        metrics.ERRORS.labels("gateway", e.slug).inc()
        return [{"reason": "not-checked", "text": "", "script": ""}]
    return [records.TextWarning.of(w).model_dump() for w in found.warnings]


@router.post(
    "/transcriptions",
    response_model=schemas.Transcription,
    openapi_extra=UPLOAD_BODY,
    responses=responses("no-speech", "service-down"),
)
async def transcribe(request: Request, gateway: Context, owner: Owner) -> Any:
    """Speech to text; the recording is not kept."""
    async with temporary_recording(request, gateway, owner) as (row, fields):
        await gateway.clients.loaded("asr")
        transcript = await recognise(
            gateway.clients,
            Timings(),
            uri=gateway.storage.uri(row["key"]),
            language=fields.get("language", "")[:16],
            engine=fields.get("engine", "")[:40],
            no_fallback=fields.get("fallback", "").strip().lower() == "false",
        )
    if not transcript.text:
        raise HuashengError("no-speech")
    return schemas.Transcription(
        text=transcript.text,
        language=transcript.language,
        language_probability=round(transcript.language_probability, 4),
        duration_s=transcript.duration_s,
        engine=transcript.engine,
        segments=[schemas.Segment(text=t, start_s=start, end_s=end) for t, start, end in transcript.segments],
        fallbacks=[records.Fallback.of(f) for f in transcript.fallbacks],
    )
