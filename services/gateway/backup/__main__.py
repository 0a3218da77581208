"""``python -m services.gateway.backup``: everything that an installation holds, in one file, and back.

It works on the database and the storage of the gateway's settings: ``create`` while gateways run, ``restore`` while
none does.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import logging
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa

from services.common import logs
from services.common.errors import HuashengError
from services.common.settings import SharedSettings, load
from services.common.storage import Storage
from services.gateway.backup import files, tables
from services.gateway.backup.archive import HEAD, BackupError, members, writing
from services.gateway.jobs.lease import BEAT_S
from services.gateway.settings import GatewaySettings
from services.gateway.store.db import Database, replicas
from services.gateway.version import VERSION

FORMAT = 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.gateway.backup", description="Backup of database, storage and the gateway's own keys"
    )
    actions = parser.add_subparsers(dest="action", required=True)
    for name, text in (
        ("create", "write a backup, also while gateways run"),
        ("restore", "put a backup in place; no gateway may run"),
        ("check", "read a backup to its end and tell what it holds"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("file", help="its file; - for standard input or output")
        if name == "restore":
            action.add_argument("--replace", action="store_true", help="also where something is: all of it is lost")
    return parser


def say(line: str) -> None:
    """Tell the person who waits."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


@contextlib.contextmanager
def _written(file: str) -> Iterator[IO[bytes]]:
    """A file that has its name only when it is whole, readable by its owner alone: it holds keys."""
    if file == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = Path(f"{file}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
            yield f
            f.flush()
            os.fsync(f.fileno())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def _read(file: str) -> Iterator[IO[bytes]]:
    if file == "-":
        yield sys.stdin.buffer
        return
    with Path(file).open("rb") as f:
        yield f


def create(settings: GatewaySettings, storage: Storage, file: str) -> None:
    """Write a backup. The tables come first: a file without a row takes room, a row without a file is a broken link."""
    db = Database(settings)
    try:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        with _written(file) as out, writing(out) as archive:
            head = {"format": FORMAT, "version": VERSION, "created_at": now}
            tables.write(db, head, settings.data_dir, archive, say)
            files.write(storage, settings.data_dir, archive, say)
    finally:
        db.close()


def check(file: str) -> None:
    """Tell what a backup holds. Raises ``BackupError`` when it is not whole."""
    counts: dict[str, int] = {}
    with _read(file) as source:
        for member in members(source):
            if member.name == HEAD:
                head = _head(member.json())
                say(f"version {head['version']}, tables {head['schema']}, made {head['created_at']}")
            kind = member.name.split("/")[0]
            counts[kind] = counts.get(kind, 0) + 1
    say(f"whole: {counts.get('tables', 0) // 2} tables, {counts.get('storage', 0)} files")


def _head(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise BackupError("this is no backup, or one of a newer version")
    return value


def restore(settings: GatewaySettings, storage: Storage, file: str, replace: bool) -> None:
    """Put a backup in place, wholly or not at all. Raises ``BackupError``."""
    db = Database(settings)
    try:
        _check_alone(db)
        if not replace and (tables.has_rows(db) or next(files.keys(storage), None)):
            raise BackupError("something is here already: --replace deletes it")
        with _read(file) as source:
            _restore(db, settings, storage, source)
        if db.is_sqlite:
            for suffix in ("", "-wal", "-shm"):
                Path(settings.dbos_url().removeprefix("sqlite:///") + suffix).unlink(missing_ok=True)
    finally:
        db.close()
    say("restored; start the gateways")


def _restore(db: Database, settings: GatewaySettings, storage: Storage, source: IO[bytes]) -> None:
    with contextlib.ExitStack() as stack:
        found = members(source)
        first = next(found, None)
        if first is None or first.name != HEAD:
            raise BackupError("this is no backup: its first part is missing")
        loading = tables.Loading(db, _head(first.json()), say)
        stack.callback(loading.close)
        placing = files.Placing(storage, settings.data_dir, say)
        stack.callback(placing.close)
        for member in found:
            (loading if member.name.startswith(tables.FOLDER) else placing).take(member)
        loading.commit()
        placing.commit()


def _check_alone(db: Database) -> None:
    """Raises ``BackupError`` while a gateway runs on the database."""

    def beats() -> dict[str, int]:
        with db.begin() as connection:
            rows = connection.execute(sa.select(replicas.c.id, replicas.c.beats).where(~replicas.c.has_left))
            return {row.id: row.beats for row in rows}

    if before := beats():
        time.sleep(3 * BEAT_S)
        if any(before.get(replica) != count for replica, count in beats().items()):
            raise BackupError("a gateway is running on this database: stop all gateways first")


def main() -> None:
    """The program: exit status 1 and one line when it could not be done."""
    given = _parser().parse_args()
    settings, shared = load(GatewaySettings), load(SharedSettings)
    logs.setup("backup", shared.log_level, "text")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    storage = Storage(shared.storage_url, shared)
    try:
        storage.check(writes=given.action == "restore")
        if given.action == "create":
            create(settings, storage, given.file)
        elif given.action == "check":
            check(given.file)
        else:
            restore(settings, storage, given.file, given.replace)
    except HuashengError as e:
        raise SystemExit(f"backup: {e.text('detail', 'en')} {e.text('hint', 'en')}") from e
    except (BackupError, OSError, sa.exc.SQLAlchemyError) as e:
        raise SystemExit(f"backup: {e}") from e


if __name__ == "__main__":
    main()
