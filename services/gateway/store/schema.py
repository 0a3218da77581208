"""Brings a database to today's tables with Alembic; ``migrations/versions`` has one file for each change."""

from __future__ import annotations

import logging
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

log = logging.getLogger("huasheng.gateway.store")
LOCK = 0x68756173
"""Of PostgreSQL, so that replicas that start together do not change the tables at once."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def upgrade(engine: sa.Engine) -> None:
    """Apply what is missing, all in one transaction. A database of any earlier version is taken on.

    So is one of a newer version, as it is: during a roll-out, and after going back, gateways of the version before work
    on it. A release only adds what they may ignore (docs/operations.md).
    """
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        else:
            connection.execute(sa.text("BEGIN IMMEDIATE"))  # another process may be starting on the same file
        found = revision_of(connection)
        if found and found not in revisions():
            log.warning("the tables are those of a newer version, and used as they are", extra={"tables": found})
            return
        upgrade_on(connection)


def upgrade_on(connection: sa.Connection, revision: str = "head") -> None:
    """Apply what is missing up to a revision, within the transaction of ``connection``."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def revision_of(connection: sa.Connection) -> str:
    """The revision of a database; empty for one without tables."""
    return MigrationContext.configure(connection).get_current_revision() or ""


def revisions() -> list[str]:
    """All revisions that are known here, the newest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]
