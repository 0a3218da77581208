"""The voice that each avatar speaks with when a request names none."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from services.gateway.store.db import Database, avatar_voices

Row = dict[str, Any]
NONE: Row = {"voice_id": None, "lost_voice": None}


class AvatarVoices:
    """Synchronous queries; call through ``asyncio.to_thread``.

    A row tells the ``voice_id``; or, after that voice was deleted, its name as ``lost_voice`` until another is chosen.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def all(self, owner: str) -> dict[str, Row]:
        """By avatar."""
        t = avatar_voices.c
        with self._db.begin() as c:
            rows = c.execute(sa.select(t.avatar_id, t.voice_id, t.lost_voice).where(t.owner == owner)).mappings().all()
        return {r["avatar_id"]: {"voice_id": r["voice_id"], "lost_voice": r["lost_voice"]} for r in rows}

    def get(self, owner: str, avatar_id: str) -> Row:
        """Of one avatar."""
        return self.all(owner).get(avatar_id, NONE)

    def set(self, owner: str, avatar_id: str, voice_id: str | None) -> None:
        """Choose a voice, or None for the language's default."""
        mine = sa.and_(avatar_voices.c.owner == owner, avatar_voices.c.avatar_id == avatar_id)
        with self._db.begin() as c:
            c.execute(sa.delete(avatar_voices).where(mine))
            if voice_id:
                c.execute(sa.insert(avatar_voices).values(owner=owner, avatar_id=avatar_id, voice_id=voice_id))

    def lose(self, owner: str, voice_id: str, name: str) -> None:
        """The voice of that name was deleted."""
        mine = sa.and_(avatar_voices.c.owner == owner, avatar_voices.c.voice_id == voice_id)
        with self._db.begin() as c:
            c.execute(sa.update(avatar_voices).where(mine).values(voice_id=None, lost_voice=name))
