"""A text, said by the built-in avatar: python video.py "大家好，我是画声。" hello.mp4."""

import sys
from pathlib import Path

from huasheng import Huasheng, HuashengError
from huasheng.events import Event, Polling, Progress, Reconnecting


def show(event: Event) -> None:
    """One line for each step forward."""
    match event:
        case Progress():
            print(f"{event.progress:4.0%} {event.stage}")
        case Reconnecting() | Polling():
            print(f"     {event.why}")


def main(text: str, path: Path) -> int:
    """Make the video and save it."""
    try:
        with Huasheng() as hs:
            job = hs.videos.create(text=text, subtitles=True)
            result = hs.jobs.result(job, on_event=show)
            hs.download(result.video_url, path)
            if result.subtitles_url:
                hs.download(result.subtitles_url, path.with_suffix(".vtt"))
    except HuashengError as e:
        print(e)
        return 1
    print(f"{path}: {result.duration_s} s, {result.width}×{result.height}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], Path(sys.argv[2])))
