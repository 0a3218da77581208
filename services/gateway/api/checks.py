"""Checks of texts and recordings that several routes share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import Request

from services.common.characters import check_characters
from services.common.errors import HuashengError
from services.gateway.api.deps import get_principal
from services.gateway.api.limits import declared_bytes
from services.gateway.context import Gateway
from services.gateway.media.uploads import Upload
from services.gateway.store.db import Row

MOST_DRAINED = 16 * 2**20
"""Bytes that are read of a request that is refused before its body: a client that still sends would miss the reason."""
LONGEST_FIELD = 200
"""Longest field of a form, in characters, where ``FORM_LIMITS`` has no other limit."""
FORM_LIMITS = {"name": 80, "transcript": 500, "consent": 2000, "language": 16, "engine": 40, "weights": 80}


def kind_words(kind: str) -> dict[str, str]:
    """Parameters of ``wrong-kind`` for the kind of an asset."""
    words = {"video": ("a film", "视频"), "audio": ("a recording", "录音"), "image": ("a picture", "图片")}[kind]
    return {"kind": words[0], "kind_zh": words[1]}


def check_text(text: str, limit: int) -> str:
    """A text to speak, trimmed. Raises ``empty-text``, ``long-text``."""
    plain = text.strip()
    if not plain:
        raise HuashengError("empty-text")
    if len(plain) > limit:
        raise HuashengError("long-text", count=len(plain), limit=limit)
    return plain


async def speech_asset(gateway: Gateway, owner: str, asset_id: str) -> Row:
    """An asset that must hold speech.

    Raises ``unknown-id``, ``wrong-kind``, ``no-audio``, ``silent-audio``, ``too-long``.
    """
    row, limit_s = await asyncio.to_thread(gateway.assets.get, owner, asset_id), gateway.settings.max_audio_s
    if row["kind"] == "image":
        raise HuashengError(
            "wrong-kind",
            name=row["name"],
            **kind_words("image"),
            needed="a recording or a film",
            needed_zh="录音或视频",
        )
    if not row["has_audio"]:
        raise HuashengError("no-audio", name=row["name"])
    if row["silent"]:
        raise HuashengError("silent-audio", name=row["name"])
    if row["duration_s"] > limit_s:
        raise HuashengError("too-long", name=row["name"], seconds=round(row["duration_s"]), limit=round(limit_s))
    return row


def check_form(fields: dict[str, str]) -> None:
    """Raises ``bad-character`` and ``long-text`` for the fields of a form."""
    for name, value in fields.items():
        check_characters(name, "form")
        check_characters(value, f"form.{name[:40]}")
        limit = FORM_LIMITS.get(name, LONGEST_FIELD)
        if len(value.strip()) > limit:
            raise HuashengError("long-text", count=len(value.strip()), limit=limit)


@contextlib.asynccontextmanager
async def before_the_body(request: Request) -> AsyncIterator[None]:
    """For checks before the body is read: a refusal still reads the body, so that the client gets the answer."""
    try:
        yield
    except HuashengError:
        drained = 0
        async for data in request.stream():
            drained += len(data)
            if drained > MOST_DRAINED:
                break
        raise


async def check_room(request: Request, gateway: Gateway) -> None:
    """Before an upload is read: whether it may be kept. Raises ``quota-storage``."""
    async with before_the_body(request):
        size = declared_bytes(request.scope)
        await asyncio.to_thread(gateway.accounts.quotas.check_stored, get_principal(request), size)


@contextlib.asynccontextmanager
async def temporary_recording(
    request: Request, gateway: Gateway, owner: str
) -> AsyncIterator[tuple[Row, dict[str, str]]]:
    """Uploaded speech and the form's other fields. The recording is removed at the end. Raises as ``speech_asset``."""

    def choose_id(_upload: Upload, sha256: str) -> str:
        return gateway.idempotency.claim(owner, None, sha256, "a").resource_id

    row, upload = await gateway.assets.upload(owner, request, choose_id)
    try:
        check_form(upload.fields)
        await speech_asset(gateway, owner, row["id"])
        yield row, upload.fields
    finally:
        await asyncio.to_thread(gateway.assets.delete, owner, row["id"])
