"""Statements of consent: shown, withdrawn; the clips that go with them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel

from services.common.errors import HuashengError
from services.gateway.accounts import acts
from services.gateway.accounts.consent_clips import checked_clip
from services.gateway.accounts.consents import STATEMENTS, Kind, Statement, texts
from services.gateway.accounts.spoken_number import in_groups
from services.gateway.accounts.withdrawal import withdraw_consent
from services.gateway.api import schemas
from services.gateway.api.deps import Context, Lang, Owner, get_principal
from services.gateway.api.files import SAFE, disposition
from services.gateway.api.problems import language, responses
from services.gateway.api.requests import ConsentRequest
from services.gateway.context import Gateway
from services.gateway.ids import new_id
from services.gateway.jobs.records import iso
from services.gateway.store.db import Row

CLIP_REASONS = (
    "consent-clip-needed",
    "consent-clip-off",
    "consent-number",
    "consent-face",
    "consent-expired",
    "consent-used",
    "no-audio",
    "no-face",
    "two-faces",
    "too-long",
    "faces-unavailable",
    "service-down",
)
"""Why a consent clip may be refused."""
router = APIRouter(prefix="/api/v1", tags=["consent"])


class ClipVerdict(BaseModel):
    """What was found in a consent clip."""

    number: str
    """That was asked for and heard."""
    wrong_digits: int
    """Digits that were heard otherwise, 0 or 1."""
    face_distance: float
    """Between the faces of clip and file; 0 is the same picture, people differ by more than 0.5."""


class ConsentClip(BaseModel):
    """A consent clip that passed."""

    sha256: str
    content_type: str
    verdict: ClipVerdict
    recorded_at: float
    """When it was checked, in seconds since 1970."""
    kept: Literal["hash", "encrypted"]
    """Whether the clip itself can be had: ``GET /consents/{id}/clip``."""


class ConsentChallenge(BaseModel):
    """A number to say in a consent clip."""

    id: str
    number: str
    sentence: str
    """To read aloud, with the number in groups."""
    language: str
    """Of the sentence; the number is expected in it."""
    expires_at: str


class ConsentRecord(BaseModel):
    """A statement that was made."""

    id: str
    kind: Kind
    resource_id: str
    statement: Statement
    text: str
    text_version: str
    given_by: str
    sha256: str
    """Of the file that it was made for."""
    clip: ConsentClip | None
    recorded_at: str
    withdrawn_at: str | None

    @classmethod
    def of(cls, row: Row) -> ConsentRecord:
        """From the row."""
        times = {n: iso(row[n]) if row[n] else None for n in ("recorded_at", "withdrawn_at")}
        return cls.model_validate({n: row[n] for n in cls.model_fields if n in row} | times)


class ConsentTexts(BaseModel):
    """What one may state, in the reader's language."""

    required: bool
    clip: Literal["off", "optional", "required"]
    """Whether a clip goes with a statement about a face."""
    version: str
    statements: dict[Statement, str]


@router.get("/consents/texts", response_model=ConsentTexts)
async def statements(gateway: Context, lang: Lang) -> Any:
    """What one may state before a face or a voice is prepared, and whether one must."""
    return ConsentTexts(
        required=gateway.accounts.is_on or gateway.settings.consent_clip == "required",
        clip=gateway.settings.consent_clip,
        version=texts()["version"],
        statements={name: texts()[name][lang] for name in STATEMENTS},
    )


@router.get("/consents", response_model=schemas.Items[ConsentRecord])
async def mine(gateway: Context, owner: Owner) -> Any:
    """What one stated, withdrawn statements too."""
    rows = await asyncio.to_thread(gateway.consents.of_owner, owner)
    return schemas.Items(items=[ConsentRecord.of(r) for r in rows])


@router.post(
    "/consents/challenges",
    status_code=201,
    response_model=ConsentChallenge,
    responses=responses("consent-clip-off", "consent-too-many"),
)
async def challenge(gateway: Context, owner: Owner, lang: Lang) -> Any:
    """A new number for a consent clip, good once and for ten minutes, in a sentence in the reader's language."""
    if gateway.settings.consent_clip == "off":
        raise HuashengError("consent-clip-off")
    row = await asyncio.to_thread(gateway.challenges.create, owner, lang)
    acts.note(row["id"])
    return ConsentChallenge(
        id=row["id"],
        number=row["number"],
        sentence=texts()["clip"][lang].format(number=in_groups(row["number"])),
        language=lang,
        expires_at=iso(row["expires_at"]),
    )


@router.get("/consents/{consent_id}/clip", response_class=Response, responses=responses("unknown-id"))
async def clip_file(gateway: Context, owner: Owner, consent_id: str) -> Response:
    """The consent clip itself, where it was kept."""
    row = await asyncio.to_thread(gateway.consents.get, owner, consent_id)
    data = await asyncio.to_thread(gateway.clips.read, row["id"])
    kind = row["clip"]["content_type"]
    name = f"consent-{row['id']}.{kind.rsplit('/', 1)[-1]}"
    headers = SAFE | {"Content-Disposition": disposition(name, True), "Cache-Control": "no-store"}
    return Response(data, media_type=kind, headers=headers)


@router.post(
    "/consents/{consent_id}/withdrawal",
    response_model=ConsentRecord,
    responses=responses("unknown-id", "service-down"),
)
async def withdraw(gateway: Context, owner: Owner, consent_id: str) -> Any:
    """Withdraw consent: the face or voice, its models and its source file are deleted, and its jobs end. What was
    made stays listed, marked."""
    row = await asyncio.to_thread(gateway.consents.get, owner, consent_id)
    await withdraw_consent(gateway, row)
    return ConsentRecord.of(await asyncio.to_thread(gateway.consents.get, owner, consent_id))


def check_consent(gateway: Gateway, given: ConsentRequest | Statement | None) -> None:
    """Raises ``consent-needed`` where something must be stated and nothing was."""
    must = gateway.accounts.is_on or (gateway.settings.consent_clip == "required" and not isinstance(given, str))
    if must and given is None:
        raise HuashengError("consent-needed")


async def check_clip(gateway: Gateway, owner: str, given: ConsentRequest | None, source: Row) -> dict[str, Any] | None:
    """What the clip showed that goes with a statement about the upload ``source``; None without one.

    Raises ``consent-clip-needed``, ``consent-clip-off``, ``unknown-id``, and what ``checked_clip`` raises.
    """
    mode = gateway.settings.consent_clip
    if given is None or given.challenge_id is None or given.clip_asset_id is None:
        if mode == "required" and given and given.statement != "made-up":
            raise HuashengError("consent-clip-needed")
        return None
    if mode == "off":
        raise HuashengError("consent-clip-off")
    clip = await asyncio.to_thread(gateway.assets.get, owner, given.clip_asset_id)
    return await checked_clip(gateway, owner, given.challenge_id, clip, source)


async def drop_clip(gateway: Gateway, owner: str, given: ConsentRequest | None) -> None:
    """Delete the upload of a clip that was checked and kept, unless a job needs it."""
    if (
        given
        and given.clip_asset_id
        and not await asyncio.to_thread(gateway.jobs.uses_asset, owner, given.clip_asset_id)
    ):
        with contextlib.suppress(HuashengError):  # a repeated request: it went the first time
            await asyncio.to_thread(gateway.assets.delete, owner, given.clip_asset_id)


async def record(
    request: Request,
    gateway: Gateway,
    kind: Kind,
    resource_id: str,
    statement: Statement,
    sha256: str,
    text: str = "",
    *,
    clip: dict[str, Any] | None = None,
    clip_asset_id: str | None = None,
) -> None:
    """Keep what the caller stated about a thing that is made, and its clip as the settings say."""
    who, consent_id = get_principal(request), new_id("n")
    if clip and clip["kept"] == "encrypted" and clip_asset_id:
        await asyncio.to_thread(gateway.clips.keep, consent_id, gateway.assets.key(clip_asset_id))
    await asyncio.to_thread(
        gateway.consents.record,
        who.owner,
        kind,
        resource_id,
        given_by=who.name,
        statement=statement,
        language=language(request),
        sha256=sha256,
        text=text,
        clip=clip,
        consent_id=consent_id,
    )
