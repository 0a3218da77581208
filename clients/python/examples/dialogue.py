"""A recorded question, its answer saved while it is made: python dialogue.py question.wav answer.mp4."""

import asyncio
import sys
from pathlib import Path

from huasheng import AsyncHuasheng
from huasheng.events import Reply, Transcript


async def main(question: Path, answer: Path) -> None:
    """Ask, print what is heard and said as it comes, save the video."""
    async with AsyncHuasheng() as hs:
        asset = await hs.assets.upload(question)
        job = await hs.dialogues.create(audio_asset_id=asset.id)
        saving = asyncio.create_task(hs.jobs.download_video(job, answer))
        async for event in hs.jobs.watch(job):
            match event:
                case Transcript():
                    print(f"? {event.text}")
                case Reply():
                    print(event.delta, end="", flush=True)
        result = await hs.jobs.result(job)
        await saving
    print(f"\n{answer}: first picture after {result.timings_ms['first_video']:.0f} ms")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
