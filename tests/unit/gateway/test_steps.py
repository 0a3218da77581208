"""A durable step, a cancellation at every moment of it, and what is written of its progress."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from services.common.errors import HuashengError
from services.gateway.jobs import steps
from services.gateway.jobs.background import BackgroundTasks
from services.gateway.jobs.hub import Hub
from services.gateway.jobs.rate_book import RateBook
from services.gateway.jobs.run import JobRun
from tests.fakes.waiting import PATIENCE_S


class Table:
    """Keeps what a run saves; a writing takes until ``go_on`` is set."""

    def __init__(self) -> None:
        self.partial: dict[str, Any] = {}
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def save(self, _: str, __: str, *, partial: dict[str, Any], **___: object) -> None:
        is_first = not self.begun.is_set()
        self.begun.set()
        if is_first:
            self.go_on.wait(PATIENCE_S)
        self.partial = partial


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def run(tmp_path: Path, table: Table) -> JobRun:
    row = {
        "id": "j",
        "owner": "o",
        "kind": "video",
        "params": {},
        "created_at": 0.0,
        "partial": {},
        "key_id": "",
        "executor": "e",
    }
    return JobRun(
        {**row, "cancel_requested": False},
        store=table,  # type: ignore[arg-type]
        hub=Hub(),
        background=BackgroundTasks(),
        folder=tmp_path,
        retry_s=0.0,
        book=RateBook(tmp_path),
    )


@pytest.mark.parametrize("when", ["before", "while it is begun", "while it works"])
async def test_a_cancelled_step_ends(run: JobRun, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    begun = asyncio.Event()

    async def begin(_: dict[str, str], recorded: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        if when == "while it is begun":  # the workflow store is being asked whether the step has a result
            run.cancel()
        return await recorded()

    async def endless() -> dict[str, Any]:
        begun.set()
        await asyncio.Event().wait()
        return {}

    monkeypatch.setattr(steps.DBOS, "run_step_async", begin)
    if when == "before":
        run.cancel()
    step = asyncio.ensure_future(steps.durable_step(run, "render", endless))
    if when == "while it works":
        await asyncio.wait_for(begun.wait(), PATIENCE_S)
        run.cancel()
    with pytest.raises(HuashengError) as e:
        await asyncio.wait_for(step, PATIENCE_S)
    assert e.value.slug == "cancelled"
    assert begun.is_set() == (when == "while it works")


async def test_an_older_state_never_overwrites_a_newer_one(run: JobRun, table: Table) -> None:
    table.go_on.clear()
    older = asyncio.ensure_future(run.save())
    await asyncio.to_thread(table.begun.wait, PATIENCE_S)
    run.partial["reply_is_whole"] = True
    newer = asyncio.ensure_future(run.save())
    await asyncio.sleep(0.05)  # time in which the newer one could be written first
    table.go_on.set()
    await asyncio.gather(older, newer)
    assert table.partial == {"reply_is_whole": True}
