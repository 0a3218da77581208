"""What routes ask for: the gateway's parts, whose request it is, the idempotent way to answer a POST that creates."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Header, Query, Request
from fastapi.responses import JSONResponse

from services.common.errors import HuashengError
from services.gateway.api import views
from services.gateway.api.problems import language, request_id
from services.gateway.context import Gateway
from services.gateway.store.idempotency import request_hash
from services.gateway.store.jobs import Row

LOCAL = "local"
MAX_PERSONA = 2000
"""Longest persona, in characters."""


def get_gateway(request: Request) -> Gateway:
    """The running gateway."""
    found: Gateway = request.app.state.gateway
    return found


def get_owner() -> str:
    """Whose request it is. Accounts are off: everything belongs to ``local``."""
    return LOCAL


Context = Annotated[Gateway, Depends(get_gateway)]
Owner = Annotated[str, Depends(get_owner)]
Lang = Annotated[str, Depends(language)]
RequestId = Annotated[str, Depends(request_id)]
Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", description="Send the same key again to get the same answer and do nothing twice."),
]
Limit = Annotated[int, Query(ge=1, le=200, description="At most so many.")]
Before = Annotated[str | None, Query(max_length=40, description="An id: only older ones than that.")]


async def once(
    gateway: Gateway,
    owner: str,
    key: str | None,
    digest: str,
    letter: str,
    make: Callable[[str], Awaitable[tuple[int, Row]]],
) -> JSONResponse:
    """Answer a POST that creates. ``make`` gets the id for the new thing and returns status and body."""
    claim = await asyncio.to_thread(gateway.idempotency.claim, owner, key, digest, letter)
    if claim.answer:
        status, body = claim.answer
        return JSONResponse(body, status, {"Idempotency-Replayed": "true"})
    try:
        status, body = await make(claim.resource_id)
    except BaseException:
        await asyncio.to_thread(gateway.idempotency.release, owner, claim)
        raise
    await asyncio.to_thread(gateway.idempotency.answer, owner, claim, status, body)
    return JSONResponse(body, status)


async def start_job(
    request: Request,
    gateway: Gateway,
    owner: str,
    key: str | None,
    kind: str,
    params: Row,
    asset_id: str | None = None,
    prepare: Callable[[Row], Awaitable[Row]] | None = None,
) -> JSONResponse:
    """Accept a job: 202 with it. ``prepare`` may complete the parameters once the request is known to be no repeat."""

    async def make(job_id: str) -> tuple[int, Row]:
        full = await prepare(params) if prepare else params
        row = await asyncio.to_thread(gateway.jobs.create, owner, job_id, kind, full, asset_id)
        await gateway.runner.enqueue(row)
        place = await asyncio.to_thread(gateway.jobs.position, row)
        shown = views.job(row, gateway.signer, language(request), place)
        news = {k: shown[k] for k in ("id", "kind", "state", "stage", "progress", "eta_s", "queue_position")}
        gateway.hub.publish(owner, job_id, "progress", news)
        return 202, shown

    answer = await once(gateway, owner, key, request_hash(request.url.path, params), "j", make)
    answer.headers["Location"] = f"/api/v1/jobs/{json.loads(bytes(answer.body))['id']}"
    return answer


async def speech_asset(gateway: Gateway, owner: str, asset_id: str, limit_s: float) -> Row:
    """An asset that must hold speech.

    Raises ``unknown-id``, ``wrong-kind``, ``no-audio``, ``silent-audio``, ``too-long``.
    """
    row = await asyncio.to_thread(gateway.assets.get, owner, asset_id)
    if row["kind"] == "image":
        raise HuashengError("wrong-kind", name=row["name"], kind="image", needed="audio")
    if not row["has_audio"]:
        raise HuashengError("no-audio", name=row["name"])
    if row["silent"]:
        raise HuashengError("silent-audio", name=row["name"])
    if row["duration_s"] > limit_s:
        raise HuashengError("too-long", name=row["name"], seconds=round(row["duration_s"]), limit=round(limit_s))
    return row


@contextlib.asynccontextmanager
async def passing_recording(
    request: Request, gateway: Gateway, owner: str
) -> AsyncIterator[tuple[Row, dict[str, str]]]:
    """Uploaded speech and the form's other fields; the recording is removed at the end. Raises as ``speech_asset``."""

    def choose(_upload: Any, sha256: str) -> str:
        return gateway.idempotency.claim(owner, None, sha256, "a").resource_id

    row, upload = await gateway.assets.upload(owner, request, choose)
    try:
        await speech_asset(gateway, owner, row["id"], gateway.settings.max_audio_s)
        yield row, upload.fields
    finally:
        await asyncio.to_thread(gateway.assets.delete, owner, row["id"])


def check_text(text: str, limit: int) -> str:
    """Text to speak, trimmed. Raises ``empty-text``, ``long-text``."""
    plain = text.strip()
    if not plain:
        raise HuashengError("empty-text")
    if len(plain) > limit:
        raise HuashengError("long-text", count=len(plain), limit=limit)
    return plain


def live(gateway: Gateway, row: Row) -> Row:
    """A job's row with what this process knows newer than the table."""
    run = gateway.runner.running.get(row["id"])
    if run is None or row["state"] != "running":
        return row
    return row | {"stage": run.stage, "progress": run.progress, "eta_s": run.eta_s, "partial": dict(run.partial)}


async def show_job(gateway: Gateway, row: Row, lang: str, rid: str = "") -> dict[str, Any]:
    """A job as the API shows it."""
    place = await asyncio.to_thread(gateway.jobs.position, row)
    return views.job(live(gateway, row), gateway.signer, lang, place, rid)
