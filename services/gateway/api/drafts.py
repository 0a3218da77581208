"""Drafts of videos, which the page saves while one writes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, field_validator

from services.common.errors import HuashengError
from services.gateway.api import schemas
from services.gateway.api.deps import Context, Owner
from services.gateway.api.lists import listed
from services.gateway.api.problems import responses
from services.gateway.api.requests import Body
from services.gateway.jobs.records import iso
from services.gateway.store.db import Row

router = APIRouter(prefix="/api/v1", tags=["drafts"])
MAX_BYTES = 1_000_000
"""Largest script, as JSON in UTF-8."""
MAX_DEPTH = 32
"""How deep lists and objects may lie in each other; a script needs six levels."""


class DraftRequest(Body):
    """A draft: a script as ``POST /videos`` takes it, which may be unfinished."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "新年", "script": {"scenes": [{"text": "大"}]}}]}
    )
    name: str = Field(default="", max_length=80)
    script: dict[str, Any]

    @field_validator("script")
    @classmethod
    def _can_be_kept(cls, script: dict[str, Any]) -> dict[str, Any]:
        _check_depth(script)
        text = json.dumps(script, ensure_ascii=False, allow_nan=False)
        if len(text.encode()) > MAX_BYTES:
            raise ValueError(f"a script has at most {MAX_BYTES} bytes")
        return script


class DraftChange(DraftRequest):
    """The same, with the version that it was read as."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "新年", "script": {"scenes": [{"text": "大家"}]}, "version": 1}]}
    )
    version: int = Field(ge=1, le=2**31 - 2)


class DraftHead(BaseModel):
    """A draft in the list; ``version`` grows with every change."""

    id: str
    name: str
    version: int
    created_at: str
    updated_at: str


class Draft(DraftHead):
    """A draft with its script."""

    script: dict[str, Any]


def _check_depth(script: dict[str, Any]) -> None:
    level: list[Any] = [script]
    for _ in range(MAX_DEPTH):
        inner = [v for part in level for v in (part.values() if isinstance(part, dict) else part)]
        level = [v for v in inner if isinstance(v, dict | list)]
        if not level:
            return
    raise ValueError(f"lists and objects lie at most {MAX_DEPTH} deep")


def _head(row: Row) -> dict[str, Any]:
    return {n: row[n] for n in ("id", "name", "version")} | {n: iso(row[n]) for n in ("created_at", "updated_at")}


def _draft(row: Row) -> Draft:
    return Draft(**_head(row), script=row["script"])


@router.get("/drafts", response_model=schemas.Items[DraftHead])
async def drafts(gateway: Context, owner: Owner) -> Any:
    """Your drafts without their scripts, the last changed first."""
    rows = await asyncio.to_thread(gateway.drafts.all, owner)
    return schemas.Items(items=listed(rows, lambda r: DraftHead(**_head(r))))


@router.post("/drafts", status_code=201, response_model=Draft, responses=responses("drafts-full"))
async def create_draft(gateway: Context, owner: Owner, body: DraftRequest, response: Response) -> Any:
    """Keep a new draft."""
    row = await asyncio.to_thread(gateway.drafts.create, owner, body.name, body.script)
    response.headers["Location"] = f"/api/v1/drafts/{row['id']}"
    return _draft(row)


@router.get("/drafts/{draft_id}", response_model=Draft, responses=responses("unknown-id"))
async def draft(gateway: Context, owner: Owner, draft_id: str) -> Any:
    """One draft."""
    return _draft(await asyncio.to_thread(gateway.drafts.get, owner, draft_id))


@router.put("/drafts/{draft_id}", response_model=Draft, responses=responses("unknown-id", "draft-changed"))
async def change_draft(gateway: Context, owner: Owner, draft_id: str, body: DraftChange) -> Any:
    """Replace a draft. One that was changed since it was read, in another window say, is not overwritten."""
    return _draft(await asyncio.to_thread(gateway.drafts.change, owner, draft_id, body.version, body.name, body.script))


@router.delete("/drafts/{draft_id}", status_code=204, responses=responses("unknown-id"))
async def delete_draft(gateway: Context, owner: Owner, draft_id: str) -> None:
    """Delete a draft."""
    if not await asyncio.to_thread(gateway.drafts.delete, owner, draft_id):
        raise HuashengError("unknown-id", kind="draft", id=draft_id[:80])
