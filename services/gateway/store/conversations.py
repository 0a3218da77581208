"""Conversations and their messages."""

from __future__ import annotations

import time

import sqlalchemy as sa

from services.common.errors import HuashengError
from services.gateway.ids import new_id
from services.gateway.store.db import Database, Row, conversations, interruptions, live_timings, messages, ratings


class ConversationStore:
    """Synchronous queries; call through ``asyncio.to_thread``."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def open(self, owner: str, conversation_id: str | None) -> str:
        """The id of the conversation to continue, or of a new one. Raises ``unknown-id``."""
        if conversation_id:
            self.get(owner, conversation_id)
            return conversation_id
        new, now = new_id("c"), time.time()
        with self._db.begin() as c:
            c.execute(sa.insert(conversations).values(id=new, owner=owner, title="", created_at=now, updated_at=now))
        return new

    def get(self, owner: str, conversation_id: str) -> Row:
        """One conversation. Raises ``unknown-id``."""
        query = sa.select(conversations).where(conversations.c.id == conversation_id, conversations.c.owner == owner)
        with self._db.begin() as c:
            row = c.execute(query).mappings().first()
        if not row:
            raise HuashengError("unknown-id", kind="conversation", id=conversation_id)
        return dict(row)

    def search(self, owner: str, limit: int, before: str | None) -> list[Row]:
        """Conversations that have messages, the last used first, with their number of ``messages``."""
        count = sa.func.count(messages.c.id).label("messages")
        query = (
            sa.select(conversations, count)
            .join(messages, messages.c.conversation_id == conversations.c.id)
            .where(conversations.c.owner == owner)
            .group_by(conversations.c.id)
            .order_by(conversations.c.updated_at.desc())
            .limit(limit)
        )
        if before:
            query = query.where(conversations.c.updated_at < self.get(owner, before)["updated_at"])
        with self._db.begin() as c:
            return [dict(r) for r in c.execute(query).mappings()]

    def messages(self, owner: str, conversation_id: str) -> list[Row]:
        """All messages, oldest first."""
        is_broken = interruptions.c.turn_id.is_not(None).label("interrupted")
        query = (
            sa.select(messages, is_broken, ratings.c.rating, live_timings.c.ms.label("timings_ms"))
            .outerjoin(interruptions, interruptions.c.turn_id == messages.c.turn_id)
            .outerjoin(ratings, ratings.c.turn_id == messages.c.turn_id)
            .outerjoin(live_timings, live_timings.c.turn_id == messages.c.turn_id)
            .where(messages.c.conversation_id == conversation_id, messages.c.owner == owner)
        )
        with self._db.begin() as c:
            return [dict(r) for r in c.execute(query.order_by(messages.c.id)).mappings()]

    def history(self, owner: str, conversation_id: str, limit: int, without_turn: str = "") -> list[tuple[str, str]]:
        """The last ``limit`` messages as (role, text), oldest first, for the language model."""
        query = (
            sa.select(messages.c.role, messages.c.text)
            .where(
                messages.c.conversation_id == conversation_id,
                messages.c.owner == owner,
                messages.c.turn_id != without_turn,
            )
            .order_by(messages.c.id.desc())
            .limit(limit)
        )
        with self._db.begin() as c:
            return [(r, t) for r, t in c.execute(query)][::-1]

    def add_turn(
        self,
        owner: str,
        conversation_id: str,
        turn_id: str,
        question: str,
        reply: str,
        *,
        interrupted: bool = False,
        timings_ms: dict[str, float] | None = None,
    ) -> None:
        """Add question and answer of one turn, where they are not empty; adding them again changes nothing.

        ``interrupted``: the answer was broken off, and ``reply`` is what was heard of it. ``timings_ms``: of a turn
        without a job, which would have them.
        """
        now = time.time()
        with self._db.begin() as c:
            if c.scalar(sa.select(messages.c.id).where(messages.c.turn_id == turn_id).limit(1)) is not None:
                return
            there = sa.and_(conversations.c.id == conversation_id, conversations.c.owner == owner)
            title = c.execute(sa.select(conversations.c.title).where(there)).scalar_one_or_none()
            if title is None:
                return  # deleted while the answer was made
            common = {"owner": owner, "conversation_id": conversation_id, "turn_id": turn_id, "created_at": now}
            pair = (("user", question), ("assistant", reply))
            c.execute(sa.insert(messages), [common | {"role": role, "text": text} for role, text in pair if text])
            if interrupted:
                c.execute(sa.insert(interruptions).values(turn_id=turn_id, conversation_id=conversation_id))
            if timings_ms:
                values = {"turn_id": turn_id, "conversation_id": conversation_id, "ms": timings_ms}
                c.execute(sa.insert(live_timings).values(**values))
            title = title or " ".join(question.split())[:60]
            c.execute(sa.update(conversations).where(there).values(updated_at=now, title=title))

    def rate(self, owner: str, conversation_id: str, turn_id: str, rating: str | None) -> None:
        """Keep what the user thinks of an answer; None takes it back. Raises ``unknown-id``."""
        self.get(owner, conversation_id)
        there = (messages.c.conversation_id == conversation_id, messages.c.turn_id == turn_id)
        with self._db.begin() as c:
            if c.scalar(sa.select(messages.c.id).where(*there, messages.c.role == "assistant").limit(1)) is None:
                raise HuashengError("unknown-id", kind="answer", id=turn_id[:100])
            c.execute(sa.delete(ratings).where(ratings.c.turn_id == turn_id))
            if rating:
                values = {"turn_id": turn_id, "conversation_id": conversation_id, "rating": rating}
                c.execute(sa.insert(ratings).values(**values, rated_at=time.time()))

    def delete(self, owner: str, conversation_id: str) -> None:
        """Remove a conversation and its messages. Raises ``unknown-id``."""
        self.get(owner, conversation_id)
        with self._db.begin() as c:
            c.execute(sa.delete(messages).where(messages.c.conversation_id == conversation_id))
            c.execute(sa.delete(conversations).where(conversations.c.id == conversation_id))
