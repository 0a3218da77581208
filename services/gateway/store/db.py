"""The gateway's tables. Every row has an owner and every query names one. Files are in storage, not here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from services.gateway.settings import GatewaySettings

meta = sa.MetaData()
Row = dict[str, Any]
"""A row of a table, by column."""


def _owned(name: str, *columns: sa.Column[Any], indexes: tuple[str, ...] = ()) -> sa.Table:
    return sa.Table(
        name,
        meta,
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        *columns,
        *(sa.Index(f"{name}_owner_{i}", "owner", i) for i in indexes),
    )


assets = _owned(
    "assets",
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("content_type", sa.String(64), nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    indexes=("created_at",),
)

jobs = _owned(
    "jobs",
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("queue", sa.String(16), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("stage", sa.String(64), nullable=False, default=""),
    sa.Column("progress", sa.Float, nullable=False, default=0.0),
    sa.Column("eta_s", sa.Float),
    sa.Column("params", sa.JSON, nullable=False),
    sa.Column("partial", sa.JSON, nullable=False),
    sa.Column("result", sa.JSON),
    sa.Column("error", sa.JSON),
    sa.Column("cancel_requested", sa.Boolean, nullable=False, default=False),
    sa.Column("asset_id", sa.String(40), index=True),
    sa.Column("executor", sa.String(64), nullable=False, default=""),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("started_at", sa.Float),
    sa.Column("finished_at", sa.Float),
    indexes=("created_at",),
)
sa.Index("jobs_queue_state", jobs.c.queue, jobs.c.state, jobs.c.created_at)

conversations = _owned(
    "conversations",
    sa.Column("title", sa.String(120), nullable=False, default=""),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("updated_at", sa.Float, nullable=False),
    indexes=("updated_at",),
)

messages = sa.Table(
    "messages",
    meta,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("conversation_id", sa.String(40), sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    sa.Column("turn_id", sa.String(40), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.UniqueConstraint("turn_id", "role", name="messages_turn_role"),  # a repeated step adds nothing twice
    sa.Index("messages_conversation", "conversation_id", "id"),
)

avatar_voices = sa.Table(
    "avatar_voices",
    meta,
    sa.Column("owner", sa.String(64), primary_key=True),
    sa.Column("avatar_id", sa.String(80), primary_key=True),
    sa.Column("voice_id", sa.String(80)),
    sa.Column("lost_voice", sa.String(80)),
)

pronunciations = sa.Table(
    "pronunciations",
    meta,
    sa.Column("owner", sa.String(64), primary_key=True),
    sa.Column("word", sa.String(40), primary_key=True),  # one entry a word, whatever its case
    sa.Column("written", sa.String(40), nullable=False),
    sa.Column("say", sa.String(120), nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
)

idempotency = sa.Table(
    "idempotency",
    meta,
    sa.Column("owner", sa.String(64), primary_key=True),
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("request_hash", sa.String(64), nullable=False),
    sa.Column("resource_id", sa.String(40), nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("body", sa.JSON),
    sa.Column("created_at", sa.Float, nullable=False),
)


class Database:
    """Synchronous; routes and jobs call it through ``asyncio.to_thread``."""

    def __init__(self, settings: GatewaySettings) -> None:
        url = settings.sql_url()
        self.is_sqlite = url.startswith("sqlite:")
        if self.is_sqlite:
            settings.data_dir.mkdir(parents=True, exist_ok=True)
        self.engine = sa.create_engine(url, pool_pre_ping=not self.is_sqlite)
        if self.is_sqlite:
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
        meta.create_all(self.engine)

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """One transaction."""
        with self.engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    for pragma in ("journal_mode=WAL", "busy_timeout=10000", "foreign_keys=ON", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
