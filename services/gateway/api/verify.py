"""Verification: whether a file was made here, and what its marks say."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request

from services.common.errors import HuashengError
from services.gateway.api import verify_schemas
from services.gateway.api.assets import UPLOAD_BODY
from services.gateway.api.deps import Anybody, Context
from services.gateway.api.problems import responses
from services.gateway.context import Gateway
from services.gateway.jobs.records import iso
from services.gateway.marks.verifier import Verdict
from services.gateway.media.uploads import receive
from services.gateway.store.assets import clean_name
from services.gateway.store.db import Row

router = APIRouter(prefix="/api/v1", tags=["verify"])
STRANGERS_MB = 100
"""Largest file of somebody who is not signed in."""
_WITH_JOB = ("video", "dialogue", "training")


@router.post(
    "/verify",
    response_model=verify_schemas.Verification,
    openapi_extra=UPLOAD_BODY,
    responses=responses("database-down"),
)
async def verify(request: Request, gateway: Context, who: Anybody) -> Any:
    """Whether a video, sound or picture was made here; the file is not kept. Strangers may ask too."""
    most_mb, owner = gateway.settings.upload_mb, who.owner if who else ""
    limit_mb = most_mb if who else min(most_mb, STRANGERS_MB)
    upload = await receive(request, gateway.settings.data_dir / "uploads", limit_mb * 2**20)
    try:
        verdict = await gateway.verifier.verify(upload.path, clean_name(upload.filename))
    finally:
        upload.path.unlink(missing_ok=True)
    return verify_schemas.Verification(
        made_here=verdict.made_here,
        evidence=verdict.evidence,
        unchanged=verdict.unchanged,
        kind=verdict.facts.kind,
        content_type=verdict.facts.content_type,
        duration_s=verdict.facts.duration_s,
        made=await _made(gateway, owner, verdict.made) if verdict.made else None,
        match=_match(verdict),
        label=_label(verdict),
        manifest=_manifest(verdict),
    )


async def _made(gateway: Gateway, owner: str, row: Row) -> verify_schemas.MadeHere:
    """What everybody may know of it; its owner gets the job as well, as long as there is one."""
    job_id = None
    if row["owner"] == owner and row["kind"] in _WITH_JOB:
        try:
            job_id = (await asyncio.to_thread(gateway.jobs.get, owner, row["id"]))["id"]
        except HuashengError as e:
            if e.slug != "unknown-id":
                raise
    return verify_schemas.MadeHere(
        at=iso(row["created_at"]),
        kind=row["kind"],
        engine=row["engine"],
        is_sound_made=row["is_sound_made"],
        visible_mark=row["facts"].get("visible_mark"),
        is_mine=row["owner"] == owner,
        job_id=job_id,
        job_url=f"/api/v1/jobs/{job_id}" if job_id else None,
    )


def _match(verdict: Verdict) -> verify_schemas.VerifiedMatch | None:
    match = verdict.match
    if match is None:
        return None
    return verify_schemas.VerifiedMatch(
        share=round(match.share, 3), speed=match.speed, offset_s=round(match.offset_s, 2), pictures=match.pictures
    )


def _label(verdict: Verdict) -> verify_schemas.VerifiedLabel | None:
    label = verdict.label
    if label is None:
        return None
    return verify_schemas.VerifiedLabel(fields=label.fields, is_ours=verdict.is_label_ours)


def _manifest(verdict: Verdict) -> verify_schemas.VerifiedManifest | None:
    found = verdict.manifest
    if found is None:
        return None
    return verify_schemas.VerifiedManifest(
        state=found.state,
        is_ours=found.is_ours,
        signer=found.signer,
        generator=found.generator,
        source_type=found.source_type,
        ingredients=found.ingredients,
        problems=found.problems,
    )
