"""What owners let others use: an avatar, voice, model or video, for all members or for whoever has a link.

A shared thing has an id of its own, ``sh_…``, in the lists of those who may use it. Every use finds the share again, so
that one that was withdrawn or has expired is an unknown id at once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Iterable
from typing import Literal

import sqlalchemy as sa

from services.common.errors import HuashengError
from services.gateway.ids import new_id
from services.gateway.store.account_tables import share_guests, shares, users
from services.gateway.store.db import Database, Row

Kind = Literal["avatar", "voice", "model", "video"]
Audience = Literal["members", "link"]
PREFIX = "sh_"


class ShareStore:
    """Synchronous queries; call through ``asyncio.to_thread``."""

    def __init__(self, db: Database, secret: bytes) -> None:
        self._db, self._secret = db, secret

    def create(
        self, owner: str, kind: Kind, resource_id: str, *, name: str, audience: Audience, expires_at: float | None
    ) -> Row:
        """Share a thing; the caller has checked that it is the owner's. The same again changes the time only."""
        same = sa.and_(
            shares.c.owner == owner,
            shares.c.kind == kind,
            shares.c.resource_id == resource_id,
            shares.c.audience == audience,
        )
        with self._db.begin() as c:
            if found := c.execute(sa.select(shares).where(same)).mappings().first():
                c.execute(sa.update(shares).where(same).values(expires_at=expires_at))
                return dict(found) | {"expires_at": expires_at}
            row = {
                "id": new_id("sh"),
                "owner": owner,
                "kind": kind,
                "resource_id": resource_id,
                "name": name[:255],
                "audience": audience,
                "created_at": time.time(),
                "expires_at": expires_at,
            }
            c.execute(sa.insert(shares).values(row))
        return row

    def of_owner(self, owner: str) -> list[Row]:
        """What one shares, the newest first; expired ones too."""
        query = sa.select(shares).where(shares.c.owner == owner).order_by(shares.c.created_at.desc())
        with self._db.begin() as c:
            return [dict(r) for r in c.execute(query).mappings()]

    def with_me(self, owner: str, kind: Kind | None = None) -> list[Row]:
        """What others share with one, the newest first, with ``owner_name``."""
        query = (
            sa.select(shares, users.c.display_name.label("owner_name"))
            .join(users, users.c.owner == shares.c.owner)
            .where(self._is_for(owner), shares.c.owner != owner)
        )
        if kind:
            query = query.where(shares.c.kind == kind)
        with self._db.begin() as c:
            return [dict(r) for r in c.execute(query.order_by(shares.c.created_at.desc())).mappings()]

    def _is_for(self, owner: str) -> sa.ColumnElement[bool]:
        guests = sa.select(share_guests.c.share_id).where(share_guests.c.owner == owner)
        is_allowed = sa.or_(shares.c.audience == "members", shares.c.id.in_(guests))
        return sa.and_(is_allowed, self._is_good())

    @staticmethod
    def _is_good() -> sa.ColumnElement[bool]:
        closed = sa.select(users.c.owner).where(users.c.disabled)
        is_in_time = sa.or_(shares.c.expires_at.is_(None), shares.c.expires_at > time.time())
        return sa.and_(is_in_time, shares.c.owner.not_in(closed))

    def resolve(self, owner: str, kind: Kind, identity: str) -> tuple[str, str]:
        """Owner and id of the thing that ``owner`` calls ``identity``. Raises ``unknown-id``, ``unknown-voice``."""
        if not identity.startswith(PREFIX):
            return owner, identity
        query = sa.select(shares.c.owner, shares.c.resource_id).where(
            shares.c.id == identity, shares.c.kind == kind, self._is_for(owner)
        )
        with self._db.begin() as c:
            found = c.execute(query).first()
        if found:
            return str(found.owner), str(found.resource_id)
        if kind == "voice":
            raise HuashengError("unknown-voice", voice=identity[:80])
        raise HuashengError("unknown-id", kind="job" if kind == "video" else kind, id=identity[:80])

    def drawn(self, owner: str, avatar_id: str | None, model_id: str | None) -> tuple[str, str, str]:
        """Owner and ids of an avatar and a model that are asked for together; empty where none is.

        Raises ``unknown-id``.
        """
        avatar_owner, avatar = self.resolve(owner, "avatar", avatar_id or "")
        model_owner, model = self.resolve(owner, "model", model_id or "")
        if avatar and model and avatar_owner != model_owner:
            raise HuashengError("unknown-id", kind="model", id=model_id)
        return (model_owner if model else avatar_owner), avatar, model

    def withdraw(self, owner: str, share_id: str) -> None:
        """End a share of one's own, or take another's out of one's list. Raises ``unknown-id``."""
        guest = sa.and_(share_guests.c.share_id == share_id, share_guests.c.owner == owner)
        with self._db.begin() as c:
            if c.execute(sa.delete(share_guests).where(guest)).rowcount:
                return
            mine = sa.and_(shares.c.id == share_id, shares.c.owner == owner)
            if not c.execute(sa.delete(shares).where(mine)).rowcount:
                raise HuashengError("unknown-id", kind="share", id=share_id[:80])
            c.execute(sa.delete(share_guests).where(share_guests.c.share_id == share_id))

    def ids_of(self, owner: str, resources: Iterable[str]) -> set[str]:
        """The ids under which others use these things, of shares that are over too."""
        theirs = sa.and_(shares.c.owner == owner, shares.c.resource_id.in_(list(resources)))
        with self._db.begin() as c:
            return set(c.scalars(sa.select(shares.c.id).where(theirs, shares.c.kind != "video")))

    def forget(self, owner: str, kind: Kind, resource_id: str) -> None:
        """The thing is gone."""
        there = sa.and_(shares.c.owner == owner, shares.c.kind == kind, shares.c.resource_id == resource_id)
        with self._db.begin() as c:
            gone = sa.select(shares.c.id).where(there)
            c.execute(sa.delete(share_guests).where(share_guests.c.share_id.in_(gone)))
            c.execute(sa.delete(shares).where(there))

    def token(self, share_id: str) -> str:
        """What the link of a share holds: its id, and a keyed hash of it."""
        digest = hmac.new(self._secret, f"share\n{share_id}".encode(), hashlib.sha256).digest()
        return f"{share_id}.{base64.urlsafe_b64encode(digest[:18]).decode()}"

    def of_token(self, token: str) -> Row:
        """The share behind a link, with ``owner_name``. Raises ``link-used``: forged, withdrawn or over."""
        share_id = token.partition(".")[0]
        if not hmac.compare_digest(self.token(share_id).encode(), token.encode()):
            raise HuashengError("link-used")
        query = (
            sa.select(shares, users.c.display_name.label("owner_name"))
            .join(users, users.c.owner == shares.c.owner)
            .where(shares.c.id == share_id, shares.c.audience == "link", self._is_good())
        )
        with self._db.begin() as c:
            row = c.execute(query).mappings().first()
        if not row:
            raise HuashengError("link-used")
        return dict(row)

    def accept(self, token: str, owner: str) -> Row:
        """Take what a link shares into one's own list. Raises ``link-used``."""
        row = self.of_token(token)
        if row["owner"] != owner:
            there = {"share_id": row["id"], "owner": owner}
            with self._db.begin() as c:
                same = sa.and_(share_guests.c.share_id == row["id"], share_guests.c.owner == owner)
                if c.scalar(sa.select(share_guests.c.owner).where(same)) is None:
                    c.execute(sa.insert(share_guests).values(there))
        return row
