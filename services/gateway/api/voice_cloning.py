"""Voices cloned from recordings: made, given more recordings, reduced by one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from huasheng.tts.v1 import tts_pb2

from services.common.errors import HuashengError
from services.gateway.accounts import acts
from services.gateway.accounts.consents import STATEMENTS, Statement
from services.gateway.api import schemas
from services.gateway.api.checks import before_the_body, temporary_recording
from services.gateway.api.consents import check_consent, record
from services.gateway.api.deps import Context, Key, Owner
from services.gateway.api.job_answers import once
from services.gateway.api.problems import responses
from services.gateway.api.voices import voice_of
from services.gateway.catalogue.voices import cloning_problem, get_own_voice, list_voices, samples_folder
from services.gateway.context import Gateway
from services.gateway.store.db import Row
from services.gateway.store.idempotency import request_hash
from services.gateway.turn.stages import recognise
from services.gateway.turn.timings import Timings

router = APIRouter(prefix="/api/v1", tags=["voices"])
MIN_REFERENCE_S = 3.0
"""Shortest recording to clone from."""
_CLIP = {"type": "string", "format": "binary", "description": "3 to 10 s of clean speech"}
_TRANSCRIPT = {"type": "string", "description": "what is said; left out, it is recognised"}
_STATEMENT = {"type": "string", "enum": list(STATEMENTS), "description": "required with accounts"}


def _form(required: list[str], **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "required": required, "properties": properties}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


VOICE_BODY = _form(
    ["file", "name", "consent", "consent_by"],
    file=_CLIP,
    name={"type": "string"},
    language={"type": "string"},
    transcript=_TRANSCRIPT,
    consent={"type": "string", "description": "the statement of the voice's owner"},
    consent_by={"type": "string", "description": "who gives it"},
    consent_statement=_STATEMENT,
    weights={"type": "string", "description": "one of cloning_weights; left out, the first"},
)
CLIP_BODY = _form(["file"], file=_CLIP, transcript=_TRANSCRIPT, consent_statement=_STATEMENT)
_REFUSALS = ("voice-clipped", "voice-noisy", "no-speech", "service-down")


@contextlib.asynccontextmanager
async def _recording(request: Request, gateway: Gateway, owner: str) -> AsyncIterator[tuple[Row, dict[str, str]]]:
    """The uploaded recording and the form's other fields. The recording is removed at the end.

    The tts service keeps its own copy. Raises what ``speech_asset`` does, and ``too-short``.
    """
    async with temporary_recording(request, gateway, owner) as (row, fields):
        if row["duration_s"] < MIN_REFERENCE_S:
            raise HuashengError(
                "too-short", name=row["name"], seconds=round(row["duration_s"], 1), limit=MIN_REFERENCE_S
            )
        yield row, fields


async def _transcript(gateway: Gateway, row: Row, given: str, language: str) -> tuple[str, str]:
    """Transcript and language of a recording: as given, else recognised. Raises ``no-speech``."""
    if given.strip():
        return given, language
    uri = gateway.storage.uri(row["key"])
    await gateway.clients.loaded("asr")
    recognised = await recognise(gateway.clients, Timings(), uri=uri, language=language[:16])
    if not recognised.text:
        raise HuashengError("no-speech")
    return recognised.text, language or recognised.language


def _stated(gateway: Gateway, fields: dict[str, str]) -> Statement | None:
    """What was stated about a recording. Raises ``bad-request``, ``consent-needed``."""
    stated = next((s for s in STATEMENTS if s == fields.get("consent_statement", "").strip()), None)
    if stated is None and fields.get("consent_statement", "").strip():
        raise HuashengError("bad-request", what=f"consent_statement: one of {', '.join(STATEMENTS)}")
    check_consent(gateway, stated)
    return stated


@router.post(
    "/voices",
    status_code=201,
    response_model=schemas.Voice,
    openapi_extra=VOICE_BODY,
    responses=responses("cloning-unavailable", "engine-unavailable", "voice-no-consent", "consent-needed", *_REFUSALS),
)
async def make_voice(request: Request, gateway: Context, owner: Owner, key: Key = None) -> Response:
    """Clone a voice from 3 to 10 seconds of clean speech."""
    async with before_the_body(request):
        listed = await list_voices(gateway.clients, owner)
        if why := cloning_problem(listed):
            raise why
    async with _recording(request, gateway, owner) as (row, fields):
        name = fields.get("name", "").strip()
        if not name:
            raise HuashengError("bad-request", what="the field `name` is missing")
        consent = tts_pb2.Consent(
            statement=fields.get("consent", "").strip(), given_by=fields.get("consent_by", "").strip()
        )
        if not consent.statement or not consent.given_by:
            raise HuashengError("voice-no-consent")
        stated = _stated(gateway, fields)
        language, transcript = fields.get("language", ""), fields.get("transcript", "")
        weights = fields.get("weights", "")
        if weights and weights not in listed.cloning.models:
            raise HuashengError("bad-request", what=f"The operator does not offer the weights {weights[:40]!r}.")

        async def create(_id: str) -> tuple[int, dict[str, Any]]:
            text, text_language = await _transcript(gateway, row, transcript, language)
            create_request = tts_pb2.CreateVoiceRequest(
                owner=owner,
                name=name,
                reference_uri=gateway.storage.uri(row["key"]),
                transcript=text,
                language=text_language,
                consent=consent,
                model=weights,
            )
            made = await gateway.clients.call("tts", "CreateVoice", create_request, timeout=gateway.settings.asr_s)
            if stated:
                await record(request, gateway, "voice", made.voice.voice_id, stated, row["sha256"], consent.statement)
            acts.note(made.voice.voice_id)
            return 201, voice_of(gateway, made.voice).model_dump()

        form = (name, language, transcript, weights, consent.given_by, consent.statement)
        digest = request_hash("voices", row["sha256"], *form)
        return await once(gateway, owner, key, digest=digest, letter="v", create=create)


@router.post(
    "/voices/{voice_id}/clips",
    status_code=201,
    response_model=schemas.Voice,
    openapi_extra=CLIP_BODY,
    responses=responses(
        "unknown-voice", "builtin-stays", "voice-full", "voice-clip-known", "consent-needed", *_REFUSALS
    ),
)
async def add_clip(request: Request, gateway: Context, owner: Owner, voice_id: str, key: Key = None) -> Response:
    """Add a recording of the same person to a voice that you made; it refines the timbre."""
    async with before_the_body(request):
        voice = await get_own_voice(gateway.clients, owner, voice_id)
    async with _recording(request, gateway, owner) as (row, fields):
        transcript, stated = fields.get("transcript", ""), _stated(gateway, fields)

        async def add(_id: str) -> tuple[int, dict[str, Any]]:
            text, _ = await _transcript(gateway, row, transcript, voice.language)
            add_request = tts_pb2.AddVoiceClipRequest(
                owner=owner, voice_id=voice_id, reference_uri=gateway.storage.uri(row["key"]), transcript=text
            )
            changed = await gateway.clients.call("tts", "AddVoiceClip", add_request, timeout=gateway.settings.asr_s)
            if stated:
                await record(request, gateway, "voice", voice_id, stated, row["sha256"])
            return 201, voice_of(gateway, changed.voice).model_dump()

        digest = request_hash("clips", voice_id, row["sha256"], transcript, stated or "")
        answer = await once(gateway, owner, key, digest=digest, letter="v", create=add)
    await asyncio.to_thread(gateway.storage.delete, samples_folder(owner, voice_id))
    return answer


@router.delete(
    "/voices/{voice_id}/clips/{clip_id}",
    response_model=schemas.Voice,
    responses=responses("unknown-voice", "unknown-id", "builtin-stays", "voice-last-clip"),
)
async def remove_clip(gateway: Context, owner: Owner, voice_id: str, clip_id: str) -> Any:
    """Take a recording out of a voice that you made; the last one stays."""
    await get_own_voice(gateway.clients, owner, voice_id)
    request = tts_pb2.RemoveVoiceClipRequest(owner=owner, voice_id=voice_id, clip_id=clip_id)
    changed = await gateway.clients.call("tts", "RemoveVoiceClip", request)
    await asyncio.to_thread(gateway.storage.delete, samples_folder(owner, voice_id))
    return voice_of(gateway, changed.voice)
