"""Conversations: their messages, with the recordings and videos that belong to them."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter

from services.common.errors import HuashengError
from services.gateway.api import schemas
from services.gateway.api.deps import Before, Context, Limit, Owner
from services.gateway.api.lists import listed
from services.gateway.api.problems import responses
from services.gateway.context import Gateway
from services.gateway.jobs.records import iso, with_links
from services.gateway.store.db import Row

router = APIRouter(prefix="/api/v1", tags=["dialogues"])


@router.get("/conversations", response_model=schemas.Items[schemas.Conversation])
async def search(gateway: Context, owner: Owner, limit: Limit = 50, before: Before = None) -> Any:
    """Your conversations, the last used first."""
    rows = await asyncio.to_thread(gateway.conversations.search, owner, limit, before)
    return schemas.Items(items=listed(rows, lambda r: schemas.Conversation(**_facts(r), messages=r["messages"])))


@router.get(
    "/conversations/{conversation_id}", response_model=schemas.ConversationDetail, responses=responses("unknown-id")
)
async def get(gateway: Context, owner: Owner, conversation_id: str) -> Any:
    """One conversation with its messages."""
    row = await asyncio.to_thread(gateway.conversations.get, owner, conversation_id)
    messages = await asyncio.to_thread(_messages, gateway, owner, conversation_id)
    return schemas.ConversationDetail(**_facts(row), messages=messages)


def _facts(row: Row) -> dict[str, Any]:
    """What the list and the detail of a conversation have in common."""
    times = {name: iso(row[name]) for name in ("created_at", "updated_at")}
    return {"id": row["id"], "title": row["title"], **times}


def _messages(gateway: Gateway, owner: str, conversation_id: str) -> list[schemas.Message]:
    return [_message(gateway, owner, row) for row in gateway.conversations.messages(owner, conversation_id)]


def _message(gateway: Gateway, owner: str, row: Row) -> schemas.Message:
    """A message, with the recording of a question and the files of an answer where its job still has them."""
    job = _job(gateway, owner, row["turn_id"])
    audio_url, result, partial = None, {}, {}
    if job and row["role"] == "assistant" and job["result"]:
        result, partial = {"fallbacks": [], "warnings": []} | with_links(job["result"], gateway.signer), job["partial"]
        audio_url = result["audio_url"]
    elif job and row["role"] == "user" and job["asset_id"]:
        audio_url = _recording(gateway, owner, job["asset_id"])
    return schemas.Message(
        id=row["id"],
        role=row["role"],
        text=row["text"],
        interrupted=bool(row["interrupted"]) and row["role"] == "assistant",
        rating=row["rating"] if row["role"] == "assistant" else None,
        job_id=row["turn_id"],
        created_at=iso(row["created_at"]),
        audio_url=audio_url,
        video_url=result.get("video_url"),
        timings_ms=result.get("timings_ms") or (row["timings_ms"] if row["role"] == "assistant" else None),
        clauses=partial.get("clauses"),
        end_frame=result.get("end_frame"),
        fallbacks=result.get("fallbacks"),
        warnings=result.get("warnings"),
    )


def _job(gateway: Gateway, owner: str, job_id: str) -> Row | None:
    try:
        return gateway.jobs.get(owner, job_id)
    except HuashengError:
        return None  # forgotten, or a turn without a job


def _recording(gateway: Gateway, owner: str, asset_id: str) -> str | None:
    try:
        gateway.assets.get(owner, asset_id)
    except HuashengError:
        return None  # deleted
    return gateway.signer.asset(asset_id)


@router.put(
    "/conversations/{conversation_id}/answers/{job_id}/rating", status_code=204, responses=responses("unknown-id")
)
async def rate(gateway: Context, owner: Owner, conversation_id: str, job_id: str, body: schemas.Rating) -> None:
    """Say whether an answer was good. ``job_id`` is that of its message."""
    await asyncio.to_thread(gateway.conversations.rate, owner, conversation_id, job_id, body.rating)


@router.delete("/conversations/{conversation_id}", status_code=204, responses=responses("unknown-id"))
async def delete(gateway: Context, owner: Owner, conversation_id: str) -> None:
    """Delete a conversation and its messages; videos made in it stay until their jobs are forgotten."""
    await asyncio.to_thread(gateway.conversations.delete, owner, conversation_id)
