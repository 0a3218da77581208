"""How a text will be said, and the dictionary that changes it."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import Response
from huasheng.tts.v1 import tts_pb2

from services.common.errors import HuashengError
from services.common.pronunciation import MAX_WORD, Pronunciation, checked
from services.gateway.api import requests, schemas
from services.gateway.api.checks import check_text
from services.gateway.api.deps import Context, Owner
from services.gateway.api.problems import responses
from services.gateway.jobs.records import TextWarning
from services.gateway.turn.messages import pronunciations_of

router = APIRouter(prefix="/api/v1", tags=["speech"])
Word = Annotated[str, Path(max_length=MAX_WORD)]
INVALID = ("dictionary-word", "pinyin-unclear", "ipa-unclear", "respelling-unclear", "dictionary-full")


@router.post(
    "/speech/preview",
    response_model=schemas.SpeechPreview,
    responses=responses("empty-text", "long-text", "unknown-voice", "service-down"),
)
async def preview(gateway: Context, owner: Owner, body: requests.PreviewRequest) -> Any:
    """How a text will be said: clause by clause in words, with pinyin or IPA, and what will be left out."""
    text = check_text(body.text, gateway.settings.max_text_chars)
    entries = await asyncio.to_thread(gateway.dictionary.all, owner)
    voice_owner, voice_id = await asyncio.to_thread(gateway.shares.resolve, owner, "voice", body.voice_id or "")
    request = tts_pb2.PreviewRequest(
        text=text,
        voice_id=voice_id,
        language=body.language or "",
        owner=voice_owner,
        pronunciations=pronunciations_of(entries),
    )
    found = await gateway.clients.call("tts", "Preview", request)
    return schemas.SpeechPreview(
        clauses=[
            schemas.PreviewClause(
                text=c.text,
                spoken=c.spoken,
                language=c.language,
                pronunciation=c.pronunciation,
                left_out=list(c.left_out),
            )
            for c in found.clauses
        ],
        warnings=[TextWarning.of(w) for w in found.warnings],
    )


@router.get("/pronunciations", response_model=schemas.Items[schemas.Pronunciation])
async def pronunciations(gateway: Context, owner: Owner) -> Any:
    """Your dictionary, by word."""
    return {"items": [vars(e) for e in await asyncio.to_thread(gateway.dictionary.all, owner)]}


@router.get(
    "/pronunciations/export",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}, "description": "CSV"}},
)
async def export_pronunciations(gateway: Context, owner: Owner) -> Response:
    """Your dictionary as a CSV file: word, pronunciation, language."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("word", "say", "language"))
    for e in await asyncio.to_thread(gateway.dictionary.all, owner):
        writer.writerow((e.word, e.say, e.language))
    headers = {"Content-Disposition": 'attachment; filename="pronunciations.csv"'}
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/pronunciations/import", response_model=schemas.Imported, responses=responses(*INVALID, "bad-request"))
async def import_pronunciations(gateway: Context, owner: Owner, body: requests.ImportRequest) -> Any:
    """Add the entries of a CSV file, all or none; words that are known get the new pronunciation."""
    entries = _entries(body.csv)
    await asyncio.to_thread(gateway.dictionary.put, owner, entries)
    return {"imported": len(entries)}


def _entries(text: str) -> list[Pronunciation]:
    """The entries of a CSV file. The language may be missing: pinyin ends in a tone."""
    try:
        rows = [r for r in csv.reader(io.StringIO(text.removeprefix("\ufeff"))) if any(c.strip() for c in r)]
    except csv.Error as e:
        raise HuashengError("bad-request", what="The file is no CSV text.") from e
    if rows and [c.strip().lower() for c in rows[0][:2]] == ["word", "say"]:
        rows = rows[1:]
    out = []
    for row in rows:
        if not 2 <= len(row) <= 3:
            raise HuashengError("bad-request", what=f"Each line has word, say, language; this one not: {row[0][:40]}")
        language = row[2].strip() if len(row) > 2 else ""
        out.append(checked(row[0], row[1], language or ("zh" if row[1].strip()[-1:].isdecimal() else "en")))
    return out


@router.put("/pronunciations/{word}", response_model=schemas.Pronunciation, responses=responses(*INVALID))
async def put_pronunciation(gateway: Context, owner: Owner, word: Word, body: requests.SayRequest) -> Any:
    """Say how a word is said."""
    entry = checked(word, body.say, body.language)
    await asyncio.to_thread(gateway.dictionary.put, owner, [entry])
    return vars(entry)


@router.delete("/pronunciations/{word}", status_code=204, responses=responses("unknown-id"))
async def delete_pronunciation(gateway: Context, owner: Owner, word: Word) -> None:
    """Say a word as before."""
    if not await asyncio.to_thread(gateway.dictionary.delete, owner, word):
        raise HuashengError("unknown-id", id=word)
