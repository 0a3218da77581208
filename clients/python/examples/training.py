"""A model of the person in a clip, then a video with it: python training.py me.mp4 "你好" me_says.mp4."""

import sys
from pathlib import Path

from huasheng import Huasheng
from huasheng.events import Event, Training

DAY_S = 86_400


def show(event: Event) -> None:
    """Step and loss."""
    if isinstance(event, Training) and event.loss is not None:
        print(f"step {event.step} of {event.steps}: loss {event.loss:.3f}")


def main(clip: Path, text: str, path: Path) -> None:
    """Train for 3000 steps; interrupted, the same call goes on from the last checkpoint."""
    with Huasheng() as hs:
        asset = hs.assets.upload(clip, progress=lambda sent, total: print(f"{sent}/{total} bytes", end="\r"))
        trained = hs.jobs.result(hs.trainings.create(video_asset_id=asset.id, steps=3000), timeout=DAY_S, on_event=show)
        print(f"{trained.model_id}: {trained.before} → {trained.after}")
        job = hs.videos.create(text=text, model=trained.model_id)
        hs.jobs.download_video(job, path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
