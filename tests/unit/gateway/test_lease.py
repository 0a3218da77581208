"""The leases of replicas: who is alive is told by counts alone, and nobody works without one."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from services.common.errors import HuashengError
from services.gateway.jobs import lease as leases
from services.gateway.jobs.lease import Lease
from services.gateway.settings import GatewaySettings
from services.gateway.store.db import Database
from services.gateway.store.replicas import ReplicaStore
from tests.fakes.waiting import until


@pytest.fixture
def store(tmp_path: Path) -> ReplicaStore:
    return ReplicaStore(Database(GatewaySettings(data_dir=tmp_path)))


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "BEAT_S", 0.02)
    monkeypatch.setattr(leases, "DEAD_AFTER", 100)  # a busy machine stops a test for a while too


class Keeper:
    """A replica that keeps its lease; ``lost`` counts how often it stopped its work."""

    def __init__(self, store: ReplicaStore, name: str) -> None:
        self.lease, self.lost = Lease(store, name, lambda: 1), 0
        self.taken: list[str] = []
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> "Keeper":
        self.taken += await self.lease.join()
        self.task = asyncio.create_task(self.lease.keep(self._lose, self._take))
        return self

    async def _lose(self) -> None:
        self.lost += 1

    async def _take(self, executors: Sequence[str]) -> None:
        self.taken += executors

    def die(self) -> None:
        assert self.task
        self.task.cancel()


async def test_the_dead_are_taken_over_once_and_the_living_never(store: ReplicaStore) -> None:
    one, two, three = [await Keeper(store, n).start() for n in ("one", "two", "three")]
    await until(lambda: all(len(k.lease.others) == 2 for k in (one, two, three)))
    assert sum(k.lease.leads for k in (one, two, three)) == 1
    await until(lambda: one.lease.live_slots == 3)
    gone = one.lease.id
    one.die()
    await until(lambda: gone in two.taken + three.taken)
    await asyncio.sleep(0.3)
    assert (two.taken + three.taken).count(gone) == 1
    assert two.lost == three.lost == 0
    assert {two.lease.id, three.lease.id}.isdisjoint(two.taken + three.taken)
    left = two.lease.id
    await two.lease.leave()
    await until(lambda: left in three.taken)
    three.die()


async def test_one_that_was_given_up_goes_on_under_another_id(store: ReplicaStore) -> None:
    one = await Keeper(store, "one").start()
    before = one.lease.id
    store.forget(before)
    await until(lambda: before in one.taken)
    assert one.lost == 1 and one.lease.is_held and one.lease.id != before
    one.die()


async def test_a_restart_under_the_same_name_has_its_work_at_once(store: ReplicaStore) -> None:
    one = await Keeper(store, "one").start()
    one.die()
    again = await Keeper(store, "one").start()
    assert again.taken == ["one", one.lease.id]
    again.die()


async def test_two_of_one_name_do_not_drive_each_other_out(store: ReplicaStore) -> None:
    one, two = await Keeper(store, "local").start(), await Keeper(store, "local").start()
    await until(lambda: one.lost == 1)
    await until(lambda: len(one.lease.others) == len(two.lease.others) == 1)
    await asyncio.sleep(0.3)
    assert (one.lost, two.lost) == (1, 0)
    one.die()
    two.die()


async def test_who_cannot_beat_stops_working_if_there_are_others(
    store: ReplicaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = await Keeper(store, "one").start(), await Keeper(store, "two").start()
    await until(lambda: bool(one.lease.others))
    two.die()
    beat = store.beat
    monkeypatch.setattr(leases, "FENCE_S", 0.1)

    def fails(*_: object) -> None:
        raise HuashengError("database-down")

    monkeypatch.setattr(store, "beat", fails)
    await until(lambda: one.lost == 1)
    assert not one.lease.is_held and not one.lease.leads
    monkeypatch.setattr(store, "beat", beat)
    await until(lambda: one.lease.is_held)
    one.die()


async def test_work_of_nobody_is_found_by_the_one_that_leads(store: ReplicaStore) -> None:
    """As a replica leaves it that removed a dead one and died before it had taken its work over."""
    one, two = await Keeper(store, "one").start(), await Keeper(store, "two").start()
    await until(lambda: len(one.lease.others) == len(two.lease.others) == 1)
    leader, other = (one, two) if one.lease.leads else (two, one)
    at_work = ["gone", one.lease.id, two.lease.id]
    looks = [leader.lease.unknown(at_work) for _ in range(leases.UNKNOWN_AFTER)]
    assert looks == [[]] * (leases.UNKNOWN_AFTER - 1) + [["gone"]]
    assert not any(other.lease.unknown(at_work) for _ in range(leases.UNKNOWN_AFTER))
    assert leader.lease.unknown([]) == leader.lease.unknown(at_work) == [], "seen again, it is counted anew"
    one.die()
    two.die()
