"""Who stated what about a face or a voice, when, in which words, for which file. Records outlive the file."""

from __future__ import annotations

import time
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import sqlalchemy as sa

from services.common.errors import HuashengError
from services.gateway.ids import new_id
from services.gateway.store.account_tables import consents
from services.gateway.store.db import Database, Row

Statement = Literal["self", "written", "made-up"]
STATEMENTS: tuple[Statement, ...] = get_args(Statement)
Kind = Literal["avatar", "training", "voice"]


@cache
def texts() -> dict[str, Any]:
    """The statements by name and language, and their ``version``."""
    return tomllib.loads(Path(__file__).with_name("consent_texts.toml").read_text(encoding="utf-8"))


class ConsentStore:
    """Synchronous queries; call through ``asyncio.to_thread``."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def record(
        self,
        owner: str,
        kind: Kind,
        resource_id: str,
        *,
        given_by: str,
        statement: Statement,
        language: str,
        sha256: str,
        text: str = "",
        clip: dict[str, Any] | None = None,
        consent_id: str | None = None,
    ) -> Row:
        """Keep a statement. ``text``: the person's own words in place of ours; ``clip``: what a consent clip showed.

        The same statement for the same thing again changes nothing, unless it comes with a clip.
        """
        row: Row = {
            "id": consent_id or new_id("n"),
            "owner": owner,
            "given_by": given_by[:80],
            "kind": kind,
            "resource_id": resource_id,
            "statement": statement,
            "text": text or texts()[statement][language],
            "text_version": "own" if text else texts()["version"],
            "sha256": sha256,
            "clip": clip,
            "recorded_at": time.time(),
            "withdrawn_at": None,
        }
        same = sa.and_(
            *(consents.c[n] == row[n] for n in ("owner", "kind", "resource_id", "statement", "sha256")),
            consents.c.withdrawn_at.is_(None),
        )
        with self._db.begin() as c:
            if not clip and (found := c.execute(sa.select(consents).where(same)).mappings().first()):
                return dict(found)
            c.execute(sa.insert(consents).values(row))
        return row

    def of_owner(self, owner: str) -> list[Row]:
        """The newest first; withdrawn ones too."""
        query = sa.select(consents).where(consents.c.owner == owner).order_by(consents.c.recorded_at.desc())
        with self._db.begin() as c:
            return [dict(r) for r in c.execute(query).mappings()]

    def by_resource(self, owner: str, kind: Kind) -> dict[str, Row]:
        """The last statement for each thing."""
        return {r["resource_id"]: r for r in reversed(self.of_owner(owner)) if r["kind"] == kind}

    def get(self, owner: str, consent_id: str) -> Row:
        """One record. Raises ``unknown-id``."""
        query = sa.select(consents).where(consents.c.owner == owner, consents.c.id == consent_id)
        with self._db.begin() as c:
            row = c.execute(query).mappings().first()
        if not row:
            raise HuashengError("unknown-id", kind="consent", id=consent_id[:80])
        return dict(row)

    def withdraw(self, owner: str, kind: Kind, resource_id: str) -> None:
        """All statements for a thing are withdrawn."""
        there = sa.and_(consents.c.owner == owner, consents.c.kind == kind, consents.c.resource_id == resource_id)
        with self._db.begin() as c:
            is_new = sa.and_(there, consents.c.withdrawn_at.is_(None))
            c.execute(sa.update(consents).where(is_new).values(withdrawn_at=time.time()))

    def forget_clip(self, row: Row) -> None:
        """Of the record's clip only the sha256 and the verdict are left."""
        with self._db.begin() as c:
            left = {**row["clip"], "kept": "hash"}
            c.execute(sa.update(consents).where(consents.c.id == row["id"]).values(clip=left))
