"""Uploads, and the files of results behind their signed links."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from services.common.errors import HuashengError
from services.gateway.api import schemas
from services.gateway.api.checks import check_room
from services.gateway.api.deps import Before, Context, Key, Limit, Owner, get_principal
from services.gateway.api.download_names import download_name, job_of_key
from services.gateway.api.files import TYPES, StoredFile, result_tag, serve, stored_size
from services.gateway.api.lists import listed
from services.gateway.api.problems import responses
from services.gateway.context import Gateway
from services.gateway.dubbing.film_avatar import forget_film
from services.gateway.jobs.records import iso
from services.gateway.media.uploads import Upload
from services.gateway.store.db import Row
from services.gateway.store.idempotency import Claim, request_hash

router = APIRouter(prefix="/api/v1", tags=["assets"])
UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


def asset_of(gateway: Gateway, row: Row) -> schemas.Asset:
    """An upload, from its row."""
    columns = {name: row[name] for name in schemas.Asset.model_fields if name in row}
    return schemas.Asset.model_validate(
        {**columns, "created_at": iso(row["created_at"]), "url": gateway.signer.asset(row["id"])}
    )


async def receive_asset(request: Request, gateway: Gateway, owner: str, key: str | None) -> JSONResponse:
    """Answer both upload calls. The key is claimed once the file is complete: its content is part of the request."""
    await check_room(request, gateway)
    claim: Claim | None = None

    def choose_id(upload: Upload, sha256: str) -> dict[str, Any] | str:
        nonlocal claim
        digest = request_hash("assets", upload.filename, sha256)
        claim = gateway.idempotency.claim(owner, key, digest, "a")
        return {"answer": claim.answer} if claim.answer else claim.resource_id

    try:
        row, _ = await gateway.assets.upload(owner, request, choose_id)
        if "answer" in row:
            status, body = row["answer"]
            return JSONResponse(body, status, {"Idempotency-Replayed": "true"})
    except BaseException:
        if claim and not claim.answer:
            await asyncio.to_thread(gateway.idempotency.release, owner, claim)
        raise
    assert claim is not None
    body = asset_of(gateway, row).model_dump()
    await asyncio.to_thread(gateway.idempotency.answer, owner, claim, 201, body)
    return JSONResponse(body, 201, {"Location": f"/api/v1/assets/{row['id']}"})


@router.post(
    "/assets",
    status_code=201,
    response_model=schemas.Asset,
    openapi_extra=UPLOAD_BODY,
)
async def upload(request: Request, gateway: Context, owner: Owner, key: Key = None) -> Response:
    """Upload a video, a sound file or a picture in the field `file`."""
    return await receive_asset(request, gateway, owner, key)


@router.get("/assets", response_model=schemas.Items[schemas.Asset])
async def search(
    gateway: Context, owner: Owner, kind: schemas.AssetKind | None = None, limit: Limit = 50, before: Before = None
) -> Any:
    """Your uploads."""
    rows = await asyncio.to_thread(gateway.assets.search, owner, kind, limit, before)
    return schemas.Items(items=listed(rows, lambda row: asset_of(gateway, row)))


@router.get("/assets/{asset_id}", response_model=schemas.Asset, responses=responses("unknown-id"))
async def get(gateway: Context, owner: Owner, asset_id: str) -> Any:
    """One upload."""
    return asset_of(gateway, await asyncio.to_thread(gateway.assets.get, owner, asset_id))


@router.delete("/assets/{asset_id}", status_code=204, responses=responses("unknown-id", "in-use"))
async def delete(gateway: Context, owner: Owner, asset_id: str) -> None:
    """Delete an upload that no unfinished job needs."""
    await asyncio.to_thread(gateway.assets.get, owner, asset_id)
    if await asyncio.to_thread(gateway.jobs.uses_asset, owner, asset_id):
        raise HuashengError("in-use", id=asset_id)
    await forget_film(gateway, owner, asset_id)
    await asyncio.to_thread(gateway.assets.delete, owner, asset_id)


@router.head("/assets/{asset_id}/content", include_in_schema=False)
@router.get("/assets/{asset_id}/content", responses=responses("unknown-id", "bad-range"))
async def content(
    request: Request, gateway: Context, asset_id: str, exp: str = "", sig: str = Query(default="", max_length=64)
) -> Response:
    """The file itself, with ranges; for its owner, or with its signed link."""
    max_age_s = 3600
    if sig:
        max_age_s = gateway.signer.check(f"/api/v1/assets/{asset_id}/content", exp, sig)
        row = await asyncio.to_thread(gateway.assets.shared, asset_id)
    else:
        row = await asyncio.to_thread(gateway.assets.get, get_principal(request).owner, asset_id)
    file = StoredFile(row["key"], row["content_type"], etag=row["sha256"], name=row["name"])
    return await serve(request, gateway, file, max_age_s)


@router.head("/media/{key:path}", include_in_schema=False)
@router.get("/media/{key:path}", tags=["jobs"], responses=responses("stale-link", "bad-range"))
async def media(
    request: Request, gateway: Context, key: str, exp: str = "", sig: str = Query(default="", max_length=64)
) -> Response:
    """A result's file, with its signed link."""
    max_age_s = gateway.signer.check(f"/api/v1/media/{key}", exp, sig)
    name = key.rsplit("/", 1)[-1]
    kind = TYPES.get(name.rsplit(".", 1)[-1].lower())
    if kind is None:
        raise HuashengError("unknown-id", kind="file", id=name[:80])
    size = await asyncio.to_thread(stored_size, gateway, key)
    if "download" in request.query_params and (job_id := job_of_key(key)):
        row = await asyncio.to_thread(gateway.jobs.shared, job_id)
        name = download_name(row, name) if row else name
    file = StoredFile(key, kind, etag=f"{result_tag(key)}-{size:x}", name=name, bytes=size)
    return await serve(request, gateway, file, max_age_s)
