"""The tables in a backup: rows as lines of JSON, the same from SQLite and PostgreSQL, so that either can take them."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa

from services.gateway.backup.archive import HEAD, BackupError, Member, Writer
from services.gateway.store.db import Database
from services.gateway.store.schema import LOCK, revision_of, revisions, upgrade_on

FOLDER = "tables/"
NOT_KEPT = ("alembic_version", "replicas")
"""What only concerns processes that run now, and the version, which stands at the head of the backup."""
BATCH = 500
Say = Callable[[str], None]
"""Takes a line for the person who waits."""


def _tables(connection: sa.Connection) -> list[sa.Table]:
    """All tables that are kept, each after those that it refers to."""
    found = sa.MetaData()
    found.reflect(connection)
    for table in found.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, sa.JSON):
                column.type = sa.JSON(none_as_null=True)
    return [t for t in found.sorted_tables if t.name not in NOT_KEPT]


@contextmanager
def _reading(db: Database) -> Iterator[sa.Connection]:
    """One unchanging view of all tables, whoever writes meanwhile."""
    with db.engine.connect() as connection:
        if db.is_sqlite:
            connection.exec_driver_sql("BEGIN")
        else:
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection
        connection.rollback()


def _plain(value: Any) -> Any:
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes | memoryview) else value


def _value(column: sa.Column[Any], value: Any) -> Any:
    is_bytes = isinstance(column.type, sa.LargeBinary) and isinstance(value, dict)
    return base64.b64decode(value["base64"]) if is_bytes else value


def write(db: Database, head: dict[str, Any], scratch: Path, archive: Writer, say: Say) -> None:
    """Add the head and every table; ``scratch`` has room for the largest one."""
    with _reading(db) as connection:
        archive.add_json(HEAD, {**head, "schema": revision_of(connection)})
        for table in _tables(connection):
            with tempfile.TemporaryFile(dir=scratch) as spool:
                count = 0
                order = [*table.primary_key.columns]
                for row in connection.execute(sa.select(table).order_by(*order)).yield_per(BATCH):
                    spool.write(json.dumps([_plain(v) for v in row], ensure_ascii=False).encode() + b"\n")
                    count += 1
                size = spool.tell()
                spool.seek(0)
                archive.add_json(f"{FOLDER}{table.name}.columns.json", [c.name for c in table.columns])
                archive.add(f"{FOLDER}{table.name}.jsonl", size, spool)
                say(f"table {table.name}: {count} rows")


def has_rows(db: Database) -> bool:
    """Whether somebody already uses this database."""
    with db.engine.connect() as connection:
        tables = _tables(connection)
        return any(connection.execute(sa.select(sa.literal(1)).select_from(t).limit(1)).first() for t in tables)


class Loading:
    """Puts the tables of a backup in place of those that are there; nothing of it is seen before ``commit``."""

    def __init__(self, db: Database, head: dict[str, Any], say: Say) -> None:
        """Raises ``BackupError`` for a backup of a version that is not known here."""
        schema = str(head["schema"])
        if schema not in revisions():
            raise BackupError(
                f"the backup was made by a newer version ({head['version']}, tables {schema}): restore it with that one"
            )
        self._db, self._say = db, say
        self._connection = db.engine.connect()
        if db.is_sqlite:
            self._connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            self._connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        there = sa.MetaData()
        there.reflect(self._connection)
        there.drop_all(self._connection)
        upgrade_on(self._connection, schema)
        self._waiting = {t.name: t for t in _tables(self._connection)}
        self._columns: list[str] = []

    def take(self, member: Member) -> None:
        """Load one member. Raises ``BackupError`` for a table that its version has not."""
        name = member.name.removeprefix(FOLDER)
        if name.endswith(".columns.json"):
            self._columns = member.json()
            return
        table = self._waiting.pop(name.removesuffix(".jsonl"), None)
        if table is None or {*self._columns} != {c.name for c in table.columns}:
            raise BackupError(f"the backup is damaged: its table {name} is not one of its version")
        columns = [table.c[c] for c in self._columns]
        count, batch = 0, []
        for line in _lines(member.data):
            batch.append({c.name: _value(c, v) for c, v in zip(columns, json.loads(line), strict=True)})
            if len(batch) == BATCH:
                self._connection.execute(sa.insert(table), batch)
                count, batch = count + len(batch), []
        if batch:
            self._connection.execute(sa.insert(table), batch)
        self._say(f"table {table.name}: {count + len(batch)} rows")
        self._continue_numbers(table)

    def _continue_numbers(self, table: sa.Table) -> None:
        column = table.autoincrement_column
        if column is None or self._db.is_sqlite:
            return
        sequence = self._connection.scalar(sa.select(sa.func.pg_get_serial_sequence(table.name, column.name)))
        if sequence:
            last = self._connection.scalar(sa.select(sa.func.max(column)))
            self._connection.execute(sa.select(sa.func.setval(sequence, last or 1, last is not None)))

    def commit(self) -> None:
        """Make it so. Jobs that were at work begin again, and what a workflow remembers of others is forgotten.

        Raises ``BackupError`` when a table is missing.
        """
        if self._waiting:
            raise BackupError(f"the backup is damaged: it has no table {min(self._waiting)}")
        again = {"state": "queued", "executor": "", "stage": "", "progress": 0.0, "started_at": None}
        jobs = _named(self._connection, "jobs")
        self._connection.execute(sa.update(jobs).where(jobs.c.state == "running").values(again))
        upgrade_on(self._connection)
        if not self._db.is_sqlite:
            self._connection.exec_driver_sql("DROP SCHEMA IF EXISTS dbos CASCADE")
        self._connection.commit()

    def close(self) -> None:
        """Undo what was not committed."""
        self._connection.rollback()
        self._connection.close()


def _named(connection: sa.Connection, name: str) -> sa.Table:
    return sa.Table(name, sa.MetaData(), autoload_with=connection)


def _lines(data: IO[bytes]) -> Iterator[bytes]:
    for line in data:
        if line.strip():
            yield line
