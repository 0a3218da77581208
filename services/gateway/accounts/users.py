"""The people of an installation."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import sqlalchemy as sa

from services.common.errors import HuashengError
from services.gateway.accounts.principal import LOCAL_OWNER
from services.gateway.ids import new_id
from services.gateway.store.account_tables import users
from services.gateway.store.db import Database, Row

Role = Literal["admin", "member"]
_NAME = re.compile(r"[\w.@+-]{2,64}")


def clean_name(name: str) -> str:
    """The name to sign in with: letters of any script, digits, ``. _ - + @``; case does not count.

    Raises ``bad-request``.
    """
    found = name.strip().casefold()
    if not _NAME.fullmatch(found):
        raise HuashengError("bad-request", what="name: 2 to 64 letters, digits or . _ - + @")
    return found


class UserStore:
    """Synchronous queries; call through ``asyncio.to_thread``."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def has_admin(self) -> bool:
        """Whether there is somebody who lets others in. People of an OpenID provider may be there before."""
        with self._db.begin() as c:
            return c.scalar(sa.select(users.c.id).where(users.c.role == "admin").limit(1)) is not None

    def create(
        self,
        name: str,
        role: Role,
        *,
        display_name: str = "",
        password_hash: str = "",
        subject: str | None = None,
        is_first: bool = False,
    ) -> Row:
        """Add a person. The first admin owns what was made before there were accounts: everything of ``local``.

        That owner's name stays, in this database and in the files of tts and render: renaming them all could not be
        done at once. Raises ``name-taken``, ``bad-request``.
        """
        row: Row = {
            "id": new_id("u"),
            "owner": LOCAL_OWNER if is_first else new_id("o"),
            "name": clean_name(name),
            "display_name": (display_name or name).strip()[:80],
            "role": role,
            "password_hash": password_hash,
            "subject": subject,
            "disabled": False,
            "limits": {},
            "created_at": time.time(),
            "last_seen_at": None,
        }
        try:
            with self._db.begin() as c:
                if is_first and c.scalar(sa.select(users.c.id).where(users.c.role == "admin").limit(1)) is not None:
                    raise HuashengError("link-used")
                if is_first and c.scalar(sa.select(users.c.id).where(users.c.owner == LOCAL_OWNER)) is not None:
                    row["owner"] = new_id("o")  # of an earlier first admin, who is none any more
                c.execute(sa.insert(users).values(row))
        except sa.exc.IntegrityError as e:
            raise HuashengError("name-taken", name=row["name"]) from e
        return row

    def get(self, user_id: str) -> Row:
        """One person. Raises ``unknown-id``."""
        if row := self._find(users.c.id == user_id):
            return row
        raise HuashengError("unknown-id", kind="user", id=user_id[:80])

    def named(self, name: str) -> Row | None:
        """The person of that name."""
        return self._find(users.c.name == name.strip().casefold())

    def of_owner(self, owner: str) -> Row | None:
        """The person whose things have that owner."""
        return self._find(users.c.owner == owner)

    def of_subject(self, subject: str) -> Row | None:
        """The person whom an OpenID provider knows by that."""
        return self._find(users.c.subject == subject)

    def _find(self, condition: sa.ColumnElement[bool]) -> Row | None:
        with self._db.begin() as c:
            row = c.execute(sa.select(users).where(condition)).mappings().first()
        return dict(row) if row else None

    def all(self) -> list[Row]:
        """Everybody, the oldest first."""
        with self._db.begin() as c:
            return [dict(r) for r in c.execute(sa.select(users).order_by(users.c.created_at)).mappings()]

    def change(self, user_id: str, **values: Any) -> Row:
        """Set columns. Raises ``unknown-id``, and ``last-admin`` where nobody would be left to let others in."""
        with self._keeping_an_admin() as c:
            c.execute(sa.update(users).where(users.c.id == user_id).values(values))
        return self.get(user_id)

    def set_role(self, user_id: str, role: Role) -> Row:
        """As the OpenID provider says, also where no admin is left: the next one comes from the provider's group."""
        with self._db.begin() as c:
            c.execute(sa.update(users).where(users.c.id == user_id).values(role=role))
        return self.get(user_id)

    def delete(self, user_id: str) -> None:
        """Remove a person with their sessions, keys and tokens. Raises ``last-admin``."""
        with self._keeping_an_admin() as c:
            c.execute(sa.delete(users).where(users.c.id == user_id))

    @contextmanager
    def _keeping_an_admin(self) -> Iterator[sa.Connection]:
        can = sa.and_(users.c.role == "admin", sa.not_(users.c.disabled))
        with self._db.begin() as c:
            # held until the end: two admins must not remove each other at the same time
            before = c.execute(sa.select(users.c.id).where(can).with_for_update()).all()
            yield c
            if before and c.scalar(sa.select(users.c.id).where(can).limit(1)) is None:
                raise HuashengError("last-admin")
