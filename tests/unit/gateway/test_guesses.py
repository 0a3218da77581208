"""Guesses of passwords are counted in the database, by all replicas together and also while many are made at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.common.errors import HuashengError
from services.gateway.accounts import sign_in
from services.gateway.accounts.credentials import hash_password
from services.gateway.accounts.sign_in import PER_NAME_AND_ADDRESS, SignIn
from services.gateway.accounts.users import UserStore
from services.gateway.settings import GatewaySettings
from services.gateway.store.account_tables import failures
from services.gateway.store.db import Database

PASSWORD = "correct horse battery"


def guess(door: SignIn, password: str) -> str:
    try:
        return str(door.check("ann", password, "10.0.0.1")["name"])
    except HuashengError as e:
        return e.slug


def test_two_replicas_let_no_more_guesses_through_than_one(tmp_path: Path) -> None:
    replicas = [Database(GatewaySettings(data_dir=tmp_path)) for _ in range(2)]
    UserStore(replicas[0]).create("ann", "member", password_hash=hash_password(PASSWORD, "ann"))
    doors = [SignIn(db, UserStore(db)) for db in replicas]
    assert [guess(doors[0], PASSWORD) for _ in range(8)] == ["ann"] * 8, "right ones do not count"
    with ThreadPoolExecutor(8) as at_once:
        found = list(at_once.map(lambda n: guess(doors[n % 2], "wrong"), range(24)))
    assert found.count("wrong-password") == PER_NAME_AND_ADDRESS
    assert found.count("too-many-attempts") == 24 - PER_NAME_AND_ADDRESS
    assert guess(doors[1], PASSWORD) == "too-many-attempts", "the right one waits too"
    for db in replicas:
        db.close()


def test_a_right_password_forgets_the_wrong_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db = Database(GatewaySettings(data_dir=tmp_path))
    users = UserStore(db)
    users.create("ann", "member", password_hash="x")
    monkeypatch.setattr(sign_in, "is_password", lambda _kept, given: given == PASSWORD)
    door = SignIn(db, users)
    for _ in range(3):
        assert [guess(door, p) for p in ("a", "b", "c", PASSWORD)][-2:] == ["wrong-password", "ann"]
    with db.begin() as c:
        left = c.scalar(sa.select(sa.func.count()).select_from(failures))
    assert left == 3 * 3 * 2, "of the name and of the address they count on"
    db.close()
