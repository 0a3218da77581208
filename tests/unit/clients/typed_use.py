"""What a type checker makes of programs that use the client; ``make check`` reads this, nothing runs it."""

from typing import Any, assert_type

from huasheng import AsyncHuasheng, AvatarResult, DialogueResult, Huasheng, Job, TrainingResult, VideoResult
from huasheng.events import Event


def synchronous(hs: Huasheng) -> None:
    job = hs.videos.create(text="x", synthesis={"speed": 1.2})
    assert_type(job, Job[VideoResult])
    assert_type(hs.jobs.get(job), Job[VideoResult])
    assert_type(hs.jobs.wait(job).result, VideoResult | None)
    assert_type(hs.jobs.result(job), VideoResult)
    assert_type(hs.jobs.get("j_1"), Job[Any])
    assert_type(list(hs.jobs.watch("j_1")), list[Event])
    assert_type(hs.jobs.result(hs.avatars.create(asset_id="a", name="n")), AvatarResult)
    assert_type(hs.jobs.result(hs.trainings.create(video_asset_id="a")), TrainingResult)
    hs.videos.create(text="x", synthesis={"speed": "fast"})  # type: ignore[arg-type]


async def asynchronous(hs: AsyncHuasheng) -> None:
    job = await hs.dialogues.create(text="x")
    assert_type(await hs.jobs.result(job), DialogueResult)
    async for event in hs.jobs.watch(job):
        assert_type(event, Event)
