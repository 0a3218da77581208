"""Ends live conversations whose person, credential, face or voice is no longer good, at whichever replica they are."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from services.common.errors import HuashengError
from services.gateway.live.sessions import LiveSessions
from services.gateway.store.db import Row
from services.gateway.store.live_endings import LiveEndingStore

if TYPE_CHECKING:
    from services.gateway.context import Gateway
    from services.gateway.live.session import LiveSession

log = logging.getLogger("huasheng.gateway.live")
EVERY_S = 1.0


class LiveEndings:
    """For one event loop."""

    def __init__(self, store: LiveEndingStore, live: LiveSessions) -> None:
        self._store, self._live = store, live
        self._seen: set[str] = set()
        """Endings that are in the table and were carried out here."""

    async def of_credential(self, credential: str) -> None:
        """End what a person, session, key or token began, by its id. Raises ``database-down``."""
        await self._end({"credential": credential})

    async def of_owner(self, owner: str) -> None:
        """End all conversations of an owner. Raises ``database-down``."""
        await self._end({"owner": owner})

    async def of_things(self, owner: str, gone: set[str], shared: set[str]) -> None:
        """End what shows or speaks with avatars, models and voices of ``owner``; ``shared``: their ids for others.

        Raises ``database-down``.
        """
        await self._end({"owner": owner, "gone": sorted(gone), "shared": sorted(shared)})

    async def _end(self, what: Row) -> None:
        self._seen.add(await asyncio.to_thread(self._store.add, what))
        await self._carry_out(what)

    async def _carry_out(self, what: Row) -> None:
        for session in self._live.all():
            if error := _reason(session, what):
                await session.refuse(error)

    async def look(self) -> None:
        """Carry out what other replicas wrote. Raises ``database-down``."""
        found = await asyncio.to_thread(self._store.all)
        for ending_id in found.keys() - self._seen:
            await self._carry_out(found[ending_id])
        self._seen = set(found)


def _reason(session: LiveSession, what: Row) -> HuashengError | None:
    chosen = session.chosen
    if "credential" in what:
        ends = what["credential"] in (chosen.who.user_id, chosen.who.credential_id)
    elif "gone" in what:
        drawn, voice = chosen.avatar, chosen.voice
        ends = False
        for owner, ids in ((drawn.owner, {drawn.avatar_id, drawn.model_id}), (voice.owner, {voice.voice_id})):
            ends |= bool(ids & set(what["gone" if owner == what["owner"] else "shared"]))
        return HuashengError("unknown-id", kind="avatar", id=drawn.avatar_id or "-") if ends else None
    else:
        ends = session.owner == what["owner"]
    return HuashengError("sign-in-needed") if ends else None


async def keep_ending(gateway: Gateway) -> None:
    """Look now and again until cancelled: other replicas write endings, and the operator's command line does."""
    while True:
        try:
            await gateway.endings.look()
        except HuashengError as e:
            log.warning("conversations to end cannot be looked for", extra={"reason": e.slug})
        except Exception:
            log.exception("conversations to end cannot be looked for")
        await asyncio.sleep(EVERY_S)
