"""Each person's pronunciation dictionary."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from services.common.errors import HuashengError
from services.common.pronunciation import MAX_ENTRIES, Pronunciation
from services.gateway.store.db import Database, pronunciations


class DictionaryStore:
    """Synchronous queries; call through ``asyncio.to_thread``. A word has one entry, whatever its case."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def all(self, owner: str) -> list[Pronunciation]:
        """All entries, by word."""
        t = pronunciations.c
        with self._db.begin() as c:
            rows = c.execute(sa.select(t.written, t.say, t.language).where(t.owner == owner).order_by(t.word)).all()
        return [Pronunciation(*row) for row in rows]

    def put(self, owner: str, entries: Iterable[Pronunciation]) -> None:
        """Add entries or change them, all or none. Raises ``dictionary-full``."""
        new = {_key(e.word): e for e in entries}
        t = pronunciations.c
        with self._db.begin() as c:
            known = set(c.execute(sa.select(t.word).where(t.owner == owner)).scalars())
            if len(known | set(new)) > MAX_ENTRIES:
                raise HuashengError("dictionary-full", limit=MAX_ENTRIES)
            for key in known & set(new):
                c.execute(sa.delete(pronunciations).where(_is(owner, key)))
            for key, e in new.items():
                row = {"owner": owner, "word": key, "written": e.word, "say": e.say, "language": e.language}
                c.execute(sa.insert(pronunciations).values(row))

    def delete(self, owner: str, word: str) -> bool:
        """Delete an entry; False when there is none."""
        with self._db.begin() as c:
            return bool(c.execute(sa.delete(pronunciations).where(_is(owner, _key(word)))).rowcount)


def _key(word: str) -> str:
    return word.casefold()[:40]


def _is(owner: str, key: str) -> sa.ColumnElement[bool]:
    return sa.and_(pronunciations.c.owner == owner, pronunciations.c.word == key)
