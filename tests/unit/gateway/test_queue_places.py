"""Places in the queues: the same one by one, for a page of jobs, and for all jobs of those who watch."""

import itertools
from pathlib import Path
from types import SimpleNamespace

import pytest

from services.gateway.jobs.hub import Hub
from services.gateway.jobs.runner import Runner
from services.gateway.settings import GatewaySettings
from services.gateway.store.db import Database
from services.gateway.store.jobs import JobStore

OWNERS = ("ann", "bob", "cai")


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    store = JobStore(Database(GatewaySettings(data_dir=tmp_path)), max_queued=100)
    for n, (owner, kind) in enumerate(itertools.product(("ann", "ann", "bob", "cai"), ("video", "dialogue", "video"))):
        store.create(owner, f"j_{n:02}", kind, {})
    store.begin("j_00", "x")
    return store


def test_all_ways_to_ask_for_a_place_agree(store: JobStore) -> None:
    rows = [row for owner in OWNERS for row in store.search(owner)]
    one_by_one = {row["id"]: place for row in rows if (place := store.position(row))}
    assert len(one_by_one) == 11, "one of twelve is at work"
    assert store.positions(rows) == one_by_one
    told = {r["id"]: place for queue in ("render", "dialogue") for place, r in store.places(queue, OWNERS)}
    assert told == one_by_one
    assert sorted(place for place, _ in store.places("render", OWNERS)) == list(range(1, 8))
    of_bob = store.places("render", ["bob"])
    assert [r["owner"] for _, r in of_bob] == ["bob"] * 2
    assert [p for p, _ in of_bob] == [one_by_one[r["id"]] for _, r in of_bob], "others wait before them"


def test_unfinished_jobs_of_those_who_watch(store: JobStore) -> None:
    store.finish("j_00", "x", "succeeded")
    store.begin("j_01", "x")
    found = store.active(["ann"])
    assert len(found) == 5 and found["j_01"] == ("ann", "running") and "j_00" not in found
    assert not store.active([])


def test_what_is_asked_again_and_again_reads_unfinished_jobs_alone(tmp_path: Path) -> None:
    db = Database(GatewaySettings(data_dir=tmp_path))
    for condition in ("state = ?", "state IN (?, ?)", "state = ? AND queue = ?"):
        values = ("queued", "render")[: condition.count("?")]
        with db.begin() as c:
            plan = c.exec_driver_sql(f"EXPLAIN QUERY PLAN SELECT count(*) FROM jobs WHERE {condition}", values).all()
        assert "USING COVERING INDEX jobs_state" in str(plan)


async def test_places_are_told_to_those_who_watch_and_once_for_several_moves(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.jobs.runner.POSITIONS_S", 0.05)
    hub, asked = Hub(), list[str]()
    lease = SimpleNamespace()
    settings = GatewaySettings()
    runner = Runner(settings, store, lease, SimpleNamespace(), hub, lambda *_: None)  # type: ignore[arg-type]
    places = store.places
    monkeypatch.setattr(store, "places", lambda queue, owners: (asked.append(queue), places(queue, owners))[1])
    runner._has_moved("render")
    with hub.subscribe("bob") as bob, hub.subscribe("ann", "j_02") as one:
        for _ in range(5):
            runner._has_moved("render")
        events = [await bob.get(5), await bob.get(5)]
        assert [e and e[1]["queue_position"] for e in events] == [p for p, _ in places("render", ["bob"])]
        told = await one.get(5)
        assert told and told[1]["id"] == "j_02"
        assert await one.get(0.1) is None and await bob.get(0.1) is None
    assert asked == ["render"]
    assert not hub.owners
    runner._has_moved("render")
    await runner._publish_positions("render")
    assert asked == ["render"], "nobody watches: nothing is asked"
