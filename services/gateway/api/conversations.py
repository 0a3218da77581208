"""Conversations: what was said, with the recordings and videos that belong to it."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter

from services.common.errors import HuashengError
from services.gateway.api import schemas, views
from services.gateway.api.deps import Before, Context, Limit, Owner
from services.gateway.api.problems import responses
from services.gateway.context import Gateway
from services.gateway.store.db import iso
from services.gateway.store.jobs import Row

router = APIRouter(prefix="/api/v1", tags=["dialogues"])


@router.get("/conversations", response_model=schemas.Items[schemas.Conversation])
async def search(gateway: Context, owner: Owner, limit: Limit = 50, before: Before = None) -> Any:
    """Your conversations, the last used first."""
    rows = await asyncio.to_thread(gateway.conversations.search, owner, limit, before)
    times = ("created_at", "updated_at")
    return {"items": [{k: iso(v) if k in times else v for k, v in r.items() if k != "owner"} for r in rows]}


@router.get(
    "/conversations/{conversation_id}", response_model=schemas.ConversationDetail, responses=responses("unknown-id")
)
async def get(gateway: Context, owner: Owner, conversation_id: str) -> Any:
    """One conversation with its messages."""
    row = await asyncio.to_thread(gateway.conversations.get, owner, conversation_id)
    shown = await asyncio.to_thread(_messages, gateway, owner, conversation_id)
    return {
        "id": row["id"],
        "title": row["title"],
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
        "messages": shown,
    }


def _messages(gateway: Gateway, owner: str, conversation_id: str) -> list[Row]:
    out = []
    for m in gateway.conversations.messages(owner, conversation_id):
        audio = video = timings = clauses = end_frame = passed = None
        try:
            job = gateway.jobs.get(owner, m["turn_id"])
        except HuashengError:
            job = None  # forgotten, or a turn that was no job
        if job and m["role"] == "assistant" and job["result"]:
            result = views.linked(job["result"], gateway.signer)
            audio, video, timings = result["audio_url"], result["video_url"], result["timings_ms"]
            passed = result.get("fallbacks", [])
            clauses, end_frame = job["partial"].get("clauses"), result.get("end_frame")
        elif job and m["role"] == "user" and job["asset_id"]:
            audio = _recording(gateway, owner, job["asset_id"])
        out.append(
            {
                "id": m["id"],
                "role": m["role"],
                "text": m["text"],
                "job_id": m["turn_id"],
                "created_at": iso(m["created_at"]),
                "audio_url": audio,
                "video_url": video,
                "timings_ms": timings,
                "clauses": clauses,
                "end_frame": end_frame,
                "fallbacks": passed,
            }
        )
    return out


def _recording(gateway: Gateway, owner: str, asset_id: str) -> str | None:
    try:
        url: str = views.asset(gateway.assets.get(owner, asset_id), gateway.signer)["url"]
        return url
    except HuashengError:
        return None  # deleted


@router.delete("/conversations/{conversation_id}", status_code=204, responses=responses("unknown-id"))
async def delete(gateway: Context, owner: Owner, conversation_id: str) -> None:
    """Delete a conversation and its messages; videos made in it stay until their jobs are forgotten."""
    await asyncio.to_thread(gateway.conversations.delete, owner, conversation_id)
