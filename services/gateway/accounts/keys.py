"""API keys of programs, and short-lived tokens for pages elsewhere.

A key is ``hs_<prefix>_<secret>``: the prefix finds its row and is shown, the secret is kept as a hash.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Sequence
from typing import Any, cast

import sqlalchemy as sa

from services.common.errors import HuashengError
from services.gateway.accounts.credentials import digest, new_secret
from services.gateway.accounts.principal import Principal, Scope
from services.gateway.accounts.sessions import SEEN_EVERY_S
from services.gateway.ids import new_id
from services.gateway.store.account_tables import api_keys, browser_tokens, users
from services.gateway.store.db import Database, Row

KEY, TOKEN = "hs_", "hst_"
MOST_KEYS = 50


class KeyStore:
    """Synchronous queries; call through ``asyncio.to_thread``."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def create(
        self, user_id: str, name: str, scopes: Sequence[Scope], expires_at: float | None, limits: dict[str, float]
    ) -> tuple[Row, str]:
        """A new key's row, and the key itself, which nobody can be shown again. Raises ``bad-request``."""
        identity = new_id("k")
        prefix, secret = identity[-8:], new_secret()
        row = {
            "id": identity,
            "prefix": prefix,
            "hash": digest(secret),
            "user_id": user_id,
            "name": name.strip()[:80],
            "scopes": sorted(set(scopes)),
            "limits": limits,
            "created_at": time.time(),
            "expires_at": expires_at,
            "last_used_at": None,
        }
        with self._db.begin() as c:
            count = c.scalar(sa.select(sa.func.count()).where(api_keys.c.user_id == user_id)) or 0
            if count >= MOST_KEYS:
                raise HuashengError("bad-request", what=f"no more than {MOST_KEYS} keys: revoke one first")
            c.execute(sa.insert(api_keys).values(row))
        return row, f"{KEY}{prefix}_{secret}"

    def find(self, key: str) -> Principal | None:
        """Whose key it is; None when it is unknown, over, or the person may not come in any more."""
        prefix, _, secret = key.removeprefix(KEY).partition("_")
        now = time.time()
        query = (
            sa.select(
                users,
                api_keys.c.id.label("key_id"),
                api_keys.c.hash,
                api_keys.c.scopes,
                api_keys.c.limits.label("key_limits"),
                api_keys.c.expires_at,
                api_keys.c.last_used_at,
            )
            .join(users, users.c.id == api_keys.c.user_id)
            .where(api_keys.c.prefix == prefix, sa.not_(users.c.disabled))
        )
        with self._db.begin() as c:
            row = c.execute(query).mappings().first()
            # compared also where there is no such key, so that the time does not show it
            is_right = hmac.compare_digest(row["hash"] if row else digest(""), digest(secret))
            if not row or not is_right or (row["expires_at"] or now) < now:
                return None
            if (row["last_used_at"] or 0.0) < now - SEEN_EVERY_S:
                c.execute(sa.update(api_keys).where(api_keys.c.id == row["key_id"]).values(last_used_at=now))
        return Principal(
            row["id"],
            row["owner"],
            row["name"],
            is_admin=row["role"] == "admin",
            via="key",
            credential_id=row["key_id"],
            scopes=frozenset(cast(list[Scope], row["scopes"])),
            limits=row["limits"] | row["key_limits"],
        )

    def holder(self, key: str) -> Row | None:
        """Whose key begins so, good or not; None where nobody's does."""
        prefix = key.removeprefix(KEY).partition("_")[0]
        query = sa.select(users).join(api_keys, users.c.id == api_keys.c.user_id).where(api_keys.c.prefix == prefix)
        with self._db.begin() as c:
            row = c.execute(query).mappings().first()
        return dict(row) if row else None

    def of_user(self, user_id: str) -> list[Row]:
        """Their keys, the newest first."""
        query = sa.select(api_keys).where(api_keys.c.user_id == user_id).order_by(api_keys.c.created_at.desc())
        with self._db.begin() as c:
            return [dict(r) for r in c.execute(query).mappings()]

    def revoke(self, user_id: str, key_id: str) -> Row:
        """End a key, and the tokens that were made with it. Returns what it was. Raises ``unknown-id``."""
        mine = sa.and_(api_keys.c.user_id == user_id, api_keys.c.id == key_id)
        with self._db.begin() as c:
            row = c.execute(sa.select(api_keys).where(mine)).mappings().first()
            if not row:
                raise HuashengError("unknown-id", kind="key", id=key_id[:80])
            c.execute(sa.delete(api_keys).where(mine))
            c.execute(sa.delete(browser_tokens).where(browser_tokens.c.key_id == key_id))
        return dict(row)


class TokenStore:
    """Synchronous queries; call through ``asyncio.to_thread``."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def create(
        self, maker: Principal, *, avatar_id: str, origins: Sequence[str], turns: int, minutes: float
    ) -> tuple[Row, str]:
        """A new token's row, and the token."""
        secret, now = new_secret(), time.time()
        row = {
            "id": new_id("b"),
            "hash": digest(secret),
            "user_id": maker.user_id,
            "key_id": maker.key_id or None,
            "avatar_id": avatar_id,
            "origins": list(origins),
            "turns_left": turns,
            "created_at": now,
            "expires_at": now + 60 * minutes,
        }
        with self._db.begin() as c:
            c.execute(sa.delete(browser_tokens).where(browser_tokens.c.expires_at < now))
            c.execute(sa.insert(browser_tokens).values(row))
        return row, TOKEN + secret

    def find(self, token: str) -> Principal | None:
        """Whose token it is; None when it is unknown or used up, or the person may not come in any more."""
        query = (
            sa.select(users, *(browser_tokens.c[n].label(f"token_{n}") for n in ("id", "avatar_id", "origins")))
            .join(users, users.c.id == browser_tokens.c.user_id)
            .where(
                browser_tokens.c.hash == digest(token.removeprefix(TOKEN)),
                browser_tokens.c.expires_at > time.time(),
                sa.not_(users.c.disabled),
            )
        )
        with self._db.begin() as c:
            row: Any = c.execute(query).mappings().first()
        if not row:
            return None
        return Principal(
            row["id"],
            row["owner"],
            row["name"],
            is_admin=False,
            via="token",
            credential_id=row["token_id"],
            scopes=frozenset({"live"}),
            limits=row["limits"],
            avatar_id=row["token_avatar_id"],
            origins=tuple(row["token_origins"]),
        )

    def take_turn(self, token_id: str) -> bool:
        """Use up one turn. Returns False when none is left, or the token is over."""
        there = sa.and_(browser_tokens.c.id == token_id, browser_tokens.c.turns_left > 0)
        is_good = sa.and_(there, browser_tokens.c.expires_at > time.time())
        with self._db.begin() as c:
            update = sa.update(browser_tokens).where(is_good)
            return c.execute(update.values(turns_left=browser_tokens.c.turns_left - 1)).rowcount > 0
