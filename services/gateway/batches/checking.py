"""Checks all rows of a batch before the first is started."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from services.common.errors import HuashengError
from services.gateway.api.video_requests import VideoRequest
from services.gateway.api.videos import video_params
from services.gateway.batches.reading import RowError, told
from services.gateway.batches.template import Cell, placeholders, rendered
from services.gateway.context import Gateway
from services.gateway.store.db import Row

AT_ONCE = 8
"""Rows that are looked at together; each may ask other services."""
MAX_ERRORS = 100
MAX_NAME = 80


@dataclass
class Checked:
    """Rows as they are kept (``name`` and ``cells``), what each becomes, and what is wrong."""

    rows: list[Row] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)
    """By row: the request."""
    errors: list[RowError] = field(default_factory=list)


def row_name(given: str, batch: str, number: int, cells: dict[str, Cell]) -> str:
    """What the video of a row is called: from ``given`` with its placeholders, else the batch's name and a number."""
    text = rendered(given, cells) if given else ""
    plain = " ".join(str(text or "").split())[:MAX_NAME].strip()
    return plain or f"{batch} {number:03}".strip()[:MAX_NAME]


async def check(
    gateway: Gateway, owner: str, *, template: Row, video_name: str, batch: str, rows: list[dict[str, Cell]], lang: str
) -> Checked:
    """Put every row into the template and check the request that it makes, without starting anything.

    What is said is not shown to a moderating service here: that is done when a row is started.
    """
    out = Checked()
    missing = sorted(placeholders([template, video_name]) - set(rows[0]))
    if missing:
        out.errors = [RowError(0, name[:80], told("no-column", lang)) for name in missing]
        return out
    out.rows = [{"name": row_name(video_name, batch, n, cells), "cells": cells} for n, cells in enumerate(rows, 1)]
    out.requests = [rendered(template, cells) for cells in rows]
    places = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, request: Any) -> list[RowError]:
        async with places:
            return await _errors(gateway, owner, number, request, lang)

    found = await asyncio.gather(*(one(n, r) for n, r in enumerate(out.requests, 1)))
    out.errors = [e for errors in found for e in errors][:MAX_ERRORS]
    return out


async def _errors(gateway: Gateway, owner: str, number: int, request: Any, lang: str) -> list[RowError]:
    try:
        body = VideoRequest.model_validate(request)
        params, complete = await video_params(gateway, owner, body, is_moderated=False)
        await complete(params)
    except ValidationError as e:
        return [RowError(number, ".".join(map(str, p["loc"])), p["msg"]) for p in e.errors(include_url=False)]
    except HuashengError as e:
        if e.retryable:
            raise  # says nothing about the row
        return [RowError(number, e.params.get("where", ""), e.text("detail", lang))]
    return []
