from pathlib import Path

import pytest
import sqlalchemy as sa

from services.common.errors import HuashengError
from services.gateway.settings import GatewaySettings
from services.gateway.store.db import Database, idempotency
from services.gateway.store.idempotency import ABANDONED_S, KEEP_S, IdempotencyStore, request_hash


@pytest.fixture
def database(tmp_path: Path):
    db = Database(GatewaySettings(data_dir=tmp_path))
    yield db
    db.close()


def age(database: Database, seconds: float) -> None:
    with database.begin() as c:
        c.execute(sa.update(idempotency).values(created_at=idempotency.c.created_at - seconds))


def test_a_key_is_answered_once(database: Database) -> None:
    keys = IdempotencyStore(database)
    claim = keys.claim("local", "k", "hash", "j")
    with pytest.raises(HuashengError, match="idempotency-pending"):
        keys.claim("local", "k", "hash", "j")
    keys.answer("local", claim, 202, {"id": claim.resource_id})
    assert keys.claim("local", "k", "hash", "j").answer == (202, {"id": claim.resource_id})
    with pytest.raises(HuashengError, match="idempotency-conflict"):
        keys.claim("local", "k", "another", "j")
    assert keys.claim("somebody", "k", "another", "j").answer is None, "keys belong to their owner"


def test_a_request_that_died_is_taken_over_with_its_id(database: Database) -> None:
    keys = IdempotencyStore(database)
    dead = keys.claim("local", "k", "hash", "j")
    age(database, ABANDONED_S + 1)
    assert keys.claim("local", "k", "hash", "j").resource_id == dead.resource_id


def test_keys_are_forgotten_after_a_day_and_after_a_refusal(database: Database) -> None:
    keys = IdempotencyStore(database)
    old = keys.claim("local", "k", "hash", "j")
    keys.answer("local", old, 202, {})
    age(database, KEEP_S + 1)
    new = keys.claim("local", "k", "another", "j")
    assert new.answer is None
    keys.release("local", new)
    assert keys.claim("local", "k", "third", "j").answer is None


def test_no_key_and_bad_keys(database: Database) -> None:
    keys = IdempotencyStore(database)
    assert keys.claim("local", None, "h", "a").resource_id.startswith("a_")
    with pytest.raises(HuashengError, match="bad-request"):
        keys.claim("local", "k" * 201, "h", "a")


def test_request_hash_does_not_depend_on_the_order_of_fields() -> None:
    assert request_hash("/p", {"a": 1, "b": 2}) == request_hash("/p", {"b": 2, "a": 1})
    assert request_hash("/p", {"a": 1}) != request_hash("/q", {"a": 1})
