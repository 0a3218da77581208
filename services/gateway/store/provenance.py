"""What was made here: who made it and how, its files' hashes and the fingerprints of its content."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from services.gateway.marks.finder import Print
from services.gateway.marks.picture_print import PicturePrint
from services.gateway.marks.sound_print import Words
from services.gateway.store.db import Database, Row, meta

_AT_ONCE = 500
"""Rows of fingerprints in memory at once."""

made = sa.Table(
    "made",
    meta,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("engine", sa.String(40), nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("is_sound_made", sa.Boolean, nullable=False),
    sa.Column("sound", sa.LargeBinary, nullable=False),
    sa.Column("hashes", sa.LargeBinary, nullable=False),
    sa.Column("times", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Index("made_owner_created_at", "owner", "created_at"),
)

made_files = sa.Table(
    "made_files",
    meta,
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("made_id", sa.String(40), sa.ForeignKey("made.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("sha256", sa.String(64), nullable=False, index=True),
    sa.Column("bytes", sa.BigInteger, nullable=False),
)


@dataclass(frozen=True)
class Content:
    """Fingerprints of something that was made."""

    sound: Words
    pictures: PicturePrint
    is_sound_made: bool
    """Whether the sound was synthesised; False for a recording that somebody brought."""


class ProvenanceStore:
    """Synchronous queries; call through ``asyncio.to_thread``."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, row: Row, content: Content, files: dict[str, dict[str, Any]]) -> None:
        """Keep what was made, in place of what has the same ``id``.

        ``row`` has ``id``, ``owner``, ``kind``, ``engine`` and ``facts``; ``files`` the ``sha256`` and ``bytes`` of
        each file by its storage key. Raises ``disk-full``, ``database-down``.
        """
        values = {
            **row,
            "is_sound_made": content.is_sound_made,
            "sound": content.sound.astype("<u4").tobytes(),
            "hashes": content.pictures.hashes.astype("<u8").tobytes(),
            "times": content.pictures.times_s.astype("<f4").tobytes(),
            "created_at": time.time(),
        }
        with self._db.begin() as c:
            c.execute(sa.delete(made_files).where(made_files.c.made_id == row["id"]))
            c.execute(sa.delete(made).where(made.c.id == row["id"]))
            c.execute(sa.insert(made).values(values))
            for key, file in files.items():
                about = {"key": key, "made_id": row["id"], "sha256": file["sha256"], "bytes": file["bytes"]}
                c.execute(sa.insert(made_files).values(about))

    def get(self, made_id: str) -> Row | None:
        """What was made, of any owner, without its fingerprints; None where nothing has that id."""
        t = made.c
        columns = sa.select(t.id, t.owner, t.kind, t.engine, t.facts, t.is_sound_made, t.created_at)
        with self._db.begin() as c:
            row = c.execute(columns.where(t.id == made_id)).mappings().first()
        return dict(row) if row else None

    def of_file(self, sha256: str) -> str | None:
        """The id of what a file with this hash belongs to."""
        with self._db.begin() as c:
            return c.scalar(sa.select(made_files.c.made_id).where(made_files.c.sha256 == sha256))

    def forget_owner(self, owner: str) -> None:
        """Remove everything of an owner: what they made can no longer be recognised."""
        with self._db.begin() as c:
            theirs = sa.select(made.c.id).where(made.c.owner == owner)
            c.execute(sa.delete(made_files).where(made_files.c.made_id.in_(theirs)))
            c.execute(sa.delete(made).where(made.c.owner == owner))

    def prints(self) -> Iterator[Print]:
        """All fingerprints, a few at once."""
        t, last = made.c, ""
        columns = sa.select(t.id, t.sound, t.hashes, t.times).order_by(t.id).limit(_AT_ONCE)
        while True:
            with self._db.begin() as c:
                rows = c.execute(columns.where(t.id > last)).all()
            for made_id, sound, hashes, times in rows:
                pictures = PicturePrint(np.frombuffer(hashes, "<u8"), np.frombuffer(times, "<f4"))
                yield Print(made_id, np.frombuffer(sound, "<u4"), pictures)
            if len(rows) < _AT_ONCE:
                return
            last = rows[-1][0]
