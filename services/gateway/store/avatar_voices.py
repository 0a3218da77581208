"""The voice that each avatar speaks with when a request names none."""

from __future__ import annotations

import sqlalchemy as sa

from services.gateway.store.db import Database, Row, avatar_voices

NO_VOICE: Row = {"voice_id": None, "lost_voice": None}


class AvatarVoiceStore:
    """Synchronous queries; call through ``asyncio.to_thread``.

    A row holds the ``voice_id``; after that voice was deleted, its name as ``lost_voice`` until another one is chosen.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def all(self, owner: str) -> dict[str, Row]:
        """The voices of an owner's avatars, by avatar."""
        t = avatar_voices.c
        with self._db.begin() as c:
            rows = c.execute(sa.select(t.avatar_id, t.voice_id, t.lost_voice).where(t.owner == owner)).mappings().all()
        return {r["avatar_id"]: {"voice_id": r["voice_id"], "lost_voice": r["lost_voice"]} for r in rows}

    def get(self, owner: str, avatar_id: str) -> Row:
        """The voice of one avatar."""
        return self.all(owner).get(avatar_id, NO_VOICE)

    def set(self, owner: str, avatar_id: str, voice_id: str | None) -> None:
        """Choose a voice, or None for the language's default."""
        mine = sa.and_(avatar_voices.c.owner == owner, avatar_voices.c.avatar_id == avatar_id)
        with self._db.begin() as c:
            c.execute(sa.delete(avatar_voices).where(mine))
            if voice_id:
                c.execute(sa.insert(avatar_voices).values(owner=owner, avatar_id=avatar_id, voice_id=voice_id))

    def lose(self, owner: str, voice_id: str, name: str) -> None:
        """The voice was deleted: keep its name with the avatars that used it."""
        mine = sa.and_(avatar_voices.c.owner == owner, avatar_voices.c.voice_id == voice_id)
        with self._db.begin() as c:
            c.execute(sa.update(avatar_voices).where(mine).values(voice_id=None, lost_voice=name))
