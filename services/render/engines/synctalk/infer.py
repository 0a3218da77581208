"""One run of ``main.py --test``: renders frames of a person with the mouth in sync with a piece of sound.

The result is decoded and counted before any picture is returned: the program also exits with 0 when it drew nothing.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from services.common.audio import wav_bytes
from services.common.errors import HuashengError
from services.render.engines.synctalk.child import NAME, Child
from services.render.engines.synctalk.data import Person
from services.render.engines.synctalk.setup import SyncTalk
from services.render.engines.synctalk.watch import RANDOM, UNFIT, bar
from services.render.media.read import read_frames
from services.render.types import Image, Samples, Working

FPS = 25
SAMPLE_RATE_HZ = 16000
TAIL_S = 0.4
"""Silence added after the sound: the window of the last frame reaches 0.2 s beyond it."""
MIN_SOUND_S = 1.0
"""Sound shorter than its window of 0.2 s makes its loader fail; ours is never shorter than this."""
MARGIN_FRAMES = 8
"""Extra frames at the end of the list, so that the program's loader never reverses its order."""


@dataclass(frozen=True)
class RenderRequest:
    """The sound and the frames to render."""

    person: Person
    size: tuple[int, int]
    """Width and height of the avatar."""
    model: Path
    """Checkpoint of a training."""
    samples: Samples
    """Mono at ``SAMPLE_RATE_HZ``; the first frame begins with it."""
    order: list[int]
    """Source frame of each picture."""


def render(setup: SyncTalk, request: RenderRequest) -> Generator[Image | Working]:
    """Signs of life with the number of pictures drawn, then all pictures, BGR of ``request.size``.

    Closing the iterator ends the program. Raises ``program-failed``, ``program-hung``, ``program-memory``,
    ``program-no-result`` and ``bad-model``.
    """
    count = len(request.order)
    with tempfile.TemporaryDirectory(prefix="huasheng-synctalk-") as temporary:
        folder = Path(temporary)
        request.person.arrange([*request.order, *[request.order[-1]] * MARGIN_FRAMES], folder / "person")
        seconds = max(MIN_SOUND_S, count / FPS + TAIL_S)
        sound = np.pad(request.samples, (0, max(0, round(seconds * SAMPLE_RATE_HZ) - len(request.samples))))
        (folder / "speech.wav").write_bytes(wav_bytes(sound, SAMPLE_RATE_HZ))
        (folder / "model.pth").symlink_to(request.model.absolute())
        arguments = [
            "main.py",
            str(folder / "person"),
            "--workspace",
            str(folder / "work"),
            "-O",
            "--test",
            "--test_train",
            "--asr_model",
            "ave",
            "--portrait",
            "--aud",
            str(folder / "speech.wav"),
            "--ckpt",
            str(folder / "model.pth"),
        ]
        with setup.start(arguments, "drawing", setup.settings.render_s) as child:
            yield from _follow(child, count)
            result = _result(child, folder / "work" / "results", request, count)
            for i, (_, picture) in enumerate(read_frames(result, FPS)):
                if i == count:
                    break
                yield picture


def _follow(child: Child, count: int) -> Iterator[Working]:
    drawn, bad_model = 0, False
    for line in child.lines():
        bad_model = bad_model or line.startswith(UNFIT) or RANDOM in line
        if (progress := bar(line)) and "Loading" not in line:
            drawn = max(drawn, min(progress[0], count))
        yield Working(drawn)
    child.check()
    if bad_model:
        raise HuashengError("bad-model", id=NAME)


def _result(child: Child, folder: Path, request: RenderRequest, count: int) -> Path:
    """The silent video, checked by decoding all of it. ``_audio`` and ``_depth`` videos lie beside it."""
    videos = [p for p in folder.glob("ngp_ep*.mp4") if not p.stem.endswith(("_audio", "_depth"))]
    if len(videos) != 1:
        raise child.useless("it ended without a video")
    decoded, size = 0, (0, 0)
    with contextlib.suppress(HuashengError):  # not a video: nothing of it is counted
        for _, picture in read_frames(videos[0], FPS):
            decoded, size = decoded + 1, (picture.shape[1], picture.shape[0])
    if decoded < count:
        raise child.useless(f"its video has {decoded} pictures instead of {count}")
    if size != request.size:
        raise child.useless(
            f"its video is {size[0]} × {size[1]} pixels instead of {request.size[0]} × {request.size[1]}"
        )
    return videos[0]
