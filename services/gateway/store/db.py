"""The gateway's tables. Every row has an owner and every query names one. Files are in storage, not here."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from services.common.errors import HuashengError
from services.gateway.settings import GatewaySettings
from services.gateway.store.schema import upgrade

log = logging.getLogger("huasheng.gateway.store")
meta = sa.MetaData()
BUSY_MS, PROBE_MS = 10_000, 1000
"""How long a lock of another program is waited for: by those who write, and by those who ask whether they could."""
_SQLITE_AWAY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN)
_POSTGRES_AWAY = ("53300", "57P01", "57P02", "57P03")
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
    sa.Column("priority", sa.Integer, nullable=False, server_default="1"),  # 1 is first: how many its owner has
    sa.Column("key_id", sa.String(40), nullable=False, server_default=""),  # the API key that asked for it
    sa.Column("stored_bytes", sa.BigInteger, nullable=False, server_default="0"),  # of the result's files
    sa.Column("consent_withdrawn", sa.Boolean, nullable=False, server_default=sa.false()),  # after it was made
    sa.Column("name", sa.String(80), nullable=False, server_default=""),  # that its owner gave it
    sa.Column("words", sa.Text, nullable=False, server_default=""),  # what a video is searched by, see found_by.py
    sa.Column("drawn", sa.Text, nullable=False, server_default=""),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("started_at", sa.Float),
    sa.Column("finished_at", sa.Float),
    indexes=("created_at",),
)
# state first: what waits or runs is asked for many times a second, and what is over piles up
sa.Index("jobs_state", jobs.c.state, jobs.c.queue, jobs.c.priority, jobs.c.created_at, jobs.c.id)

video_tags = sa.Table(
    "video_tags",
    meta,
    sa.Column("job_id", sa.String(40), sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("tag", sa.String(40), primary_key=True),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Index("video_tags_owner_tag", "owner", "tag"),
)

batches = _owned(
    "batches",
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("template", sa.JSON, nullable=False),
    sa.Column("user_id", sa.String(40), nullable=False),  # who asked, empty without accounts
    sa.Column("key_id", sa.String(40), nullable=False),
    sa.Column("viewer_language", sa.String(8), nullable=False),
    sa.Column("held_by", sa.JSON(none_as_null=True)),  # why no row can be started now: reason and parameters
    sa.Column("created_at", sa.Float, nullable=False),
    indexes=("created_at",),
)

batch_rows = sa.Table(
    "batch_rows",
    meta,
    sa.Column("batch_id", sa.String(40), sa.ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("cells", sa.JSON, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),  # waiting, starting, started, failed, cancelled
    sa.Column("job_id", sa.String(40)),
    sa.Column("error", sa.JSON(none_as_null=True)),
    sa.Index("batch_rows_state", "state", "owner"),
)

replicas = sa.Table(
    "replicas",  # processes of the gateway that share this database
    meta,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("beats", sa.BigInteger, nullable=False),
    sa.Column("has_left", sa.Boolean, nullable=False),
    sa.Column("live_slots", sa.Integer, nullable=False),
)

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

interruptions = sa.Table(
    "interruptions",  # turns whose answer was broken off: its message holds what was heard
    meta,
    sa.Column("turn_id", sa.String(40), primary_key=True),
    sa.Column("conversation_id", sa.String(40), sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
)

live_timings = sa.Table(
    "live_timings",  # of turns without a job: milliseconds by stage
    meta,
    sa.Column("turn_id", sa.String(40), primary_key=True),
    sa.Column("conversation_id", sa.String(40), sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    sa.Column("ms", sa.JSON, nullable=False),
)

ratings = sa.Table(
    "ratings",  # what users think of answers
    meta,
    sa.Column("turn_id", sa.String(40), primary_key=True),
    sa.Column("conversation_id", sa.String(40), sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    sa.Column("rating", sa.String(8), nullable=False),
    sa.Column("rated_at", sa.Float, nullable=False),
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

drafts = _owned(
    "drafts",  # of videos, as far as they are written
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("script", sa.JSON, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("updated_at", sa.Float, nullable=False),
    indexes=("updated_at",),
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
            for address in (url, settings.dbos_url()):
                check_sqlite(Path(address.removeprefix("sqlite:///")))
        # rows hold what people wrote: an error must not carry it into the log
        self.engine = sa.create_engine(
            url, pool_pre_ping=not self.is_sqlite, hide_parameters=True, json_deserializer=read_json
        )
        if self.is_sqlite:
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
        upgrade(self.engine)

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """One transaction. Raises ``disk-full``, and ``database-down`` when the database is locked or away."""
        try:
            with self.engine.begin() as connection:
                yield connection
        except (sa.exc.DBAPIError, sa.exc.TimeoutError) as e:
            if is_full(e):
                raise HuashengError("disk-full") from e
            if is_away(e):
                # the error's own text is for SQL experts, and its statement is nobody's business
                log.warning("the database cannot be used", extra={"why": type(getattr(e, "orig", e)).__name__})
                raise HuashengError("database-down") from e
            raise

    def probe(self) -> None:
        """Returns when rows could be written now. Raises ``database-down``, much sooner than ``begin`` would."""
        with self.begin() as connection:
            if not self.is_sqlite:
                connection.execute(sa.text("SELECT 1"))
                return
            connection.execute(sa.text(f"PRAGMA busy_timeout={PROBE_MS}"))
            try:
                connection.execute(sa.text("BEGIN IMMEDIATE"))  # readers are not stopped by a lock: writers are
                connection.execute(sa.text("ROLLBACK"))
            finally:
                connection.execute(sa.text(f"PRAGMA busy_timeout={BUSY_MS}"))

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def read_json(text: str | bytes) -> Any:
    """The value of a JSON column. What nobody can read is an empty object: one bad row must not hide the others."""
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()
        return value
    except UnicodeEncodeError:  # halves of characters, which no answer can hold
        return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        log.error("a value in the database cannot be read")
        return {}


def is_full(error: BaseException) -> bool:
    """Whether a database error means that its disk is full: SQLITE_FULL, or PostgreSQL's ``disk_full``."""
    cause = getattr(error, "orig", error)
    return getattr(cause, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL or getattr(cause, "sqlstate", "") == "53100"


def is_away(error: BaseException) -> bool:
    """Whether a database error means that the database cannot be reached or is held by another program.

    SQLite: busy, locked, cannot be opened. PostgreSQL: no connection (no state, class 08), too many of them, going down
    or starting. Also no free connection of our own in time.
    """
    if isinstance(error, sa.exc.TimeoutError):
        return True
    cause = getattr(error, "orig", error)
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _SQLITE_AWAY
    state = getattr(cause, "sqlstate", None) or ""
    return state[:2] == "08" or state in _POSTGRES_AWAY or (not state and isinstance(error, sa.exc.OperationalError))


def check_sqlite(path: Path) -> None:
    """Raises ``SystemExit``, which names the file, when it is there and is no database that can be read."""
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=10)) as db:
            found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as e:
        found = "ok" if "locked" in str(e) else str(e)
    if found != "ok":
        raise SystemExit(
            f"gateway: the database {path} is damaged or no database ({found}). Put a copy of it back, or move the "
            "file away to start with an empty one: uploads, jobs and conversations are then no longer listed."
        )


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    for pragma in ("journal_mode=WAL", f"busy_timeout={BUSY_MS}", "foreign_keys=ON", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
