"""Drafts of videos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from huasheng._async.transport import AsyncTransport
from huasheng._protocol import Call, at, given, items, model, nothing
from huasheng.drafts import Draft, DraftHead


class AsyncDrafts:
    """Your drafts, as the page *Video* keeps them."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(self, *, script: Mapping[str, Any], name: str = "") -> Draft:
        """Keep a new draft. Raises ``RefusedError`` ``drafts-full``."""
        body = given(name=name, script=script)
        return await self._transport.call(Call("POST", at("drafts"), model(Draft), body=body, is_once=True))

    async def get(self, draft_id: str) -> Draft:
        """One draft. Raises ``NotFoundError``."""
        return await self._transport.call(Call("GET", at("drafts", draft_id), model(Draft)))

    async def change(self, draft_id: str, *, script: Mapping[str, Any], version: int, name: str = "") -> Draft:
        """Replace the draft that was read as ``version``. Raises ``NotFoundError``; ``RefusedError``
        ``draft-changed`` when it was saved by another since."""
        body = given(name=name, script=script, version=version)
        return await self._transport.call(Call("PUT", at("drafts", draft_id), model(Draft), body=body, is_once=True))

    async def delete(self, draft_id: str) -> None:
        """Delete a draft. Raises ``NotFoundError``."""
        await self._transport.call(Call("DELETE", at("drafts", draft_id), nothing))

    async def list(self) -> list[DraftHead]:
        """Your drafts without their scripts, the last changed first."""
        return await self._transport.call(Call("GET", at("drafts"), items(model(DraftHead))))
