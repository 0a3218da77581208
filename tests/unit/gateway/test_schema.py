"""The tables: what the migrations make is what the code expects, and databases of before are taken on."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from services.gateway.settings import GatewaySettings
from services.gateway.store import account_tables, provenance
from services.gateway.store.db import Database, meta
from services.gateway.store.migrations.versions.v0001_released import released


def database(folder: Path) -> Database:
    return Database(GatewaySettings(data_dir=folder))


def test_migrations_make_the_tables_of_the_code(tmp_path: Path) -> None:
    assert {account_tables.users.name, provenance.made.name} <= set(meta.tables)
    db = database(tmp_path)
    with db.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), meta)
    assert not differences


@pytest.mark.parametrize("missing", [(), ("ratings", "interruptions")])
def test_a_database_of_the_release_before_is_taken_on_with_its_rows(tmp_path: Path, missing: tuple[str, ...]) -> None:
    """Some older ones lack the newest tables of that release."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'gateway.sqlite'}")
    released.create_all(engine, tables=[t for t in released.sorted_tables if t.name not in missing])
    job = {
        **dict.fromkeys(("queue", "stage", "executor"), ""),
        **{"id": "j_1", "owner": "local", "kind": "video", "state": "succeeded", "progress": 1.0, "params": {}},
        **{"partial": {}, "cancel_requested": False, "created_at": 1.0},
    }
    with engine.begin() as c:
        c.execute(released.tables["jobs"].insert().values(job))
    engine.dispose()
    db = database(tmp_path)
    with db.begin() as c:
        row = c.execute(sa.select(meta.tables["jobs"])).mappings().one()
        assert c.scalar(sa.select(sa.func.count()).select_from(meta.tables["ratings"])) == 0
    assert (row["id"], row["priority"], row["key_id"], row["stored_bytes"]) == ("j_1", 1, "", 0)
    assert row["consent_withdrawn"] is False
    db.close()
    database(tmp_path).close()


def test_two_that_start_together_change_the_tables_once(tmp_path: Path) -> None:
    failed: list[BaseException] = []

    def start() -> None:
        try:
            database(tmp_path).close()
        except BaseException as e:
            failed.append(e)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed
