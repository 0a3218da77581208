"""Tables are changed once, whoever starts together; and gateways of the version before work on what a release makes."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from services.common.storage import Storage
from services.gateway.store.schema import revisions, upgrade_on
from tests.fakes.engine_services import Fakes
from tests.fakes.gateway_process import GatewayProcess
from tests.integration.gateway.conftest import open_world


async def test_three_gateways_that_start_together_make_the_tables_once(tmp_path: Path, postgres: str) -> None:
    fakes = Fakes(Storage(f"file://{tmp_path / 'storage'}"))
    await fakes.start_all()
    shared = {"GATEWAY_DATABASE_URL": postgres, "GATEWAY_SECRET": "s" * 40}
    gateways = []
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        own = {"GATEWAY_EXECUTOR_ID": name, "HUASHENG_STORAGE_URL": f"file://{tmp_path / 'storage'}"}
        gateways.append(GatewayProcess(tmp_path / name, {**fakes.environment(), **shared, **own}))
    try:
        await asyncio.gather(*(g.start() for g in gateways))
        steps = [line for g in gateways for line in g.log.splitlines() if "Running upgrade" in line]
        assert len(steps) == len(revisions()), steps
    finally:
        for gateway in gateways:
            if gateway.process and gateway.process.returncode is None:
                await gateway.kill()
        await fakes.stop_all()


async def test_a_gateway_works_on_the_tables_of_a_newer_version(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        first = await world.done((await world.post("dialogues", {"text": "你好"})).json()["id"])
        await world.gateway.stop()
        engine = sa.create_engine(f"sqlite:///{tmp_path / 'data' / 'gateway.sqlite'}")
        with engine.begin() as c:  # as the rule allows a release to change them
            c.execute(sa.text("ALTER TABLE jobs ADD COLUMN mood VARCHAR(8)"))
            c.execute(sa.text("ALTER TABLE conversations ADD COLUMN colour VARCHAR(8) NOT NULL DEFAULT 'red'"))
            c.execute(sa.text("CREATE TABLE moods (id INTEGER PRIMARY KEY)"))
            c.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
        engine.dispose()
        await world.gateway.start()
        assert "newer version" in world.gateway.log
        again = await world.done((await world.post("dialogues", {"text": "你好"})).json()["id"])
        assert [first["state"], again["state"]] == ["succeeded"] * 2
        listed = (await world.http.get("/api/v1/conversations")).json()["items"]
        assert len(listed) == 2


@contextmanager
def tables_at(revision: str) -> Iterator[sa.MetaData]:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        upgrade_on(connection, revision)
        found = sa.MetaData()
        found.reflect(connection)
        yield found
    engine.dispose()


def takes(now: Any, before: Any) -> bool:
    """Whether a column takes what it took before: the same type, or a longer string."""
    both = isinstance(now, sa.String) and isinstance(before, sa.String)
    if both and type(now) is type(before) and now.length and before.length:
        return bool(now.length >= before.length)
    return str(now) == str(before)


STEPS = list(zip(revisions()[1:], revisions(), strict=False))


@pytest.mark.parametrize(("before", "after"), STEPS, ids=lambda r: r)
def test_each_change_only_adds_what_the_version_before_may_ignore(before: str, after: str) -> None:
    with tables_at(before) as old, tables_at(after) as new:
        for name, table in old.tables.items():
            assert name in new.tables, f"{name} is gone: its gateways still ask for it"
            now = new.tables[name].columns
            for column in table.columns:
                assert column.name in now, f"{name}.{column.name} is gone"
                assert takes(now[column.name].type, column.type), f"{name}.{column.name} has another type"
                assert now[column.name].nullable or not column.nullable, f"{name}.{column.name} may not be empty now"
            for added in {*now.keys()} - {*table.columns.keys()}:
                may_lack = now[added].nullable or now[added].server_default is not None
                assert may_lack, f"{name}.{added} has no default: rows of its gateways are refused"
