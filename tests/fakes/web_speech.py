"""The fake server's preview of speech and its dictionary: Cyrillic is left out, IPA is not followed."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.common.errors import HuashengError
from services.common.pronunciation import checked
from tests.fakes.web_script import Row, World, refuse

router = APIRouter(prefix="/api/v1")


def of(request: Request) -> World:
    world: World = request.app.state.world
    return world


@router.post("/speech/preview")
async def preview(request: Request) -> Row:
    text = (await request.json())["text"]
    left = re.findall("[\u0400-\u04ff]+", text)
    said = of(request).pronunciations.get(text, {}).get("say", "ni3 hao3")
    clause = {"text": text, "spoken": text, "language": "zh", "pronunciation": said, "left_out": left}
    warnings = [{"reason": "left-out", "text": t, "script": "Cyrillic"} for t in left]
    ipa = [w for w, entry in of(request).pronunciations.items() if w in text and entry["say"].startswith("/")]
    warnings += [{"reason": "entry-ignored", "text": w, "script": ""} for w in ipa]
    return {"clauses": [clause], "warnings": warnings}


@router.get("/pronunciations")
def pronunciations(request: Request) -> Row:
    return {"items": list(of(request).pronunciations.values())}


@router.put("/pronunciations/{word}")
async def put_pronunciation(request: Request, word: str) -> Any:
    body = await request.json()
    try:
        entry = vars(checked(word, body["say"], body["language"]))
    except HuashengError as e:
        return refuse(e.slug, request, **e.params)
    of(request).pronunciations[word] = entry
    return entry


@router.delete("/pronunciations/{word}", status_code=204)
def delete_pronunciation(request: Request, word: str) -> Response:
    del of(request).pronunciations[word]
    return Response(status_code=204)
