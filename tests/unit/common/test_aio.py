import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from services.common.aio import Inbox, iterate_in_thread


async def test_items_arrive_in_order() -> None:
    assert [i async for i in iterate_in_thread(lambda: iter(range(100)), maxsize=2)] == list(range(100))


async def test_errors_reach_the_consumer_after_the_items() -> None:
    def work() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    seen = []
    with pytest.raises(ValueError, match="broken"):
        async for i in iterate_in_thread(work):
            seen.append(i)
    assert seen == [1]


async def test_a_slow_consumer_holds_the_producer_back() -> None:
    made = []

    def work() -> Iterator[int]:
        for i in range(50):
            made.append(i)
            yield i

    stream = iterate_in_thread(work, maxsize=3)
    await anext(stream)
    await asyncio.sleep(0.1)
    assert len(made) <= 6
    await stream.aclose()


async def test_leaving_early_closes_the_engine_in_its_thread() -> None:
    closed: list[int] = []

    def work() -> Iterator[int]:
        try:
            while True:
                yield threading.get_ident()
        finally:
            closed.append(threading.get_ident())

    stream = iterate_in_thread(work)
    worker = await anext(stream)
    await stream.aclose()
    assert closed == [worker]


async def test_more_streams_than_asyncio_has_pool_threads() -> None:
    inboxes = [Inbox[int]() for _ in range(40)]

    async def consume(inbox: Inbox[int]) -> list[int]:
        return [i async for i in iterate_in_thread(lambda: inbox)]

    tasks = [asyncio.create_task(consume(inbox)) for inbox in inboxes]
    for inbox in inboxes:
        await inbox.put(7)
        inbox.close()
    assert await asyncio.wait_for(asyncio.gather(*tasks), 10) == [[7]] * 40


def test_inbox_is_bounded_and_can_be_cleared_and_abandoned() -> None:
    inbox = Inbox[int](maxsize=2)
    assert inbox.try_put(1)
    assert inbox.try_put(2)
    assert not inbox.try_put(3)
    inbox.clear()
    assert inbox.try_put(4)
    inbox.close(abandoned=True)
    assert list(inbox) == []
    assert inbox.abandoned


def test_inbox_wakes_a_waiting_reader() -> None:
    inbox = Inbox[int]()
    got: list[int] = []
    reader = threading.Thread(target=lambda: got.extend(inbox))
    reader.start()
    time.sleep(0.02)
    inbox.try_put(5)
    inbox.close()
    reader.join(5)
    assert got == [5]
