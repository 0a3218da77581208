"""One video: sound is gathered, SyncTalk draws it in stretches, and its pictures are given out."""

from __future__ import annotations

import itertools
import json
import math
import threading
from collections import deque
from collections.abc import Generator, Sequence
from pathlib import Path

import cv2
import numpy as np

from services.common.audio import resample
from services.common.errors import HuashengError
from services.render.clip.loop import Path as FramePath
from services.render.engines.atlas.avatar import Plan
from services.render.engines.base import Frame, Image, PhonemeSpan, RenderSession, Samples, SessionConfig, Working
from services.render.engines.synctalk.child import NAME, TICK_S
from services.render.engines.synctalk.data import PERSON, PLAN, Person
from services.render.engines.synctalk.infer import SAMPLE_RATE_HZ, RenderRequest, render
from services.render.engines.synctalk.prepare import pictures_of
from services.render.engines.synctalk.setup import SyncTalk

Drawing = Generator[Image | Working]


class SyncSession(RenderSession):
    """See ``RenderSession``. ``turns`` lets so many programs draw at once; others wait, and say so.

    Without a model only silence can be drawn: the person's own pictures, for the idle loop.
    """

    def __init__(self, avatar: Path, config: SessionConfig, setup: SyncTalk, turns: threading.Semaphore) -> None:
        plan = Plan(**json.loads((avatar / PLAN).read_text(encoding="utf-8")))
        self._person, self._plan, self._config, self._setup, self._turns = (
            Person.load(avatar / PERSON),
            plan,
            config,
            setup,
            turns,
        )
        scale = min(1.0, config.max_side_px / max(plan.width, plan.height)) if config.max_side_px else 1.0
        self.width, self.height = (max(2, int(side * scale) // 2 * 2) for side in (plan.width, plan.height))
        self.fps = plan.fps
        # a talk walks over the whole clip, which is long; what is shown in silence must be the loop
        self._whole = config.model is not None
        self._path = FramePath(plan.loop, plan.frames, config.start_frame, self._whole)
        self._planned: deque[int] = deque()
        """Source frames taken from the path and not given out yet."""
        self._end = config.start_frame % len(plan.loop)
        self._drawn = 0
        self._sound = np.zeros(0, np.float32)
        self._working: Drawing | None = None

    @property
    def end_frame(self) -> int:
        """See ``RenderSession``."""
        return self._end

    def push(self, samples: Samples, spans: Sequence[PhonemeSpan] = ()) -> Generator[Frame | Working]:  # noqa: ARG002  it listens
        """See ``RenderSession``; pictures come when a stretch of ``segment_s`` is complete."""
        self._sound = np.concatenate([self._sound, samples])
        return self._stretches(last=False)

    def finish(self) -> Generator[Frame | Working]:
        """See ``RenderSession``."""
        return self._stretches(last=True)

    def clear(self) -> None:
        """See ``RenderSession``; a program at work is ended."""
        self._stop()
        self._sound = np.zeros(0, np.float32)

    def close(self) -> None:
        """See ``RenderSession``."""
        self._stop()

    def _stop(self) -> None:
        if self._working is not None:
            self._working.close()
            self._working = None

    def _stretches(self, last: bool) -> Generator[Frame | Working]:
        rate = self._config.audio_rate_hz
        whole = max(1, round(self._setup.segment_s * self.fps))
        while True:
            ready = math.ceil(len(self._sound) * self.fps / rate - 1e-3)
            if not ready or (ready < whole and not last):
                return
            count = min(ready, whole)
            # frames begin where the encoder of the service lets them begin: on the media clock
            size = round((self._drawn + count) * rate / self.fps) - round(self._drawn * rate / self.fps)
            if not last and len(self._sound) < size:
                return
            sound, self._sound = self._sound[:size], self._sound[size:]
            yield from self._stretch(sound, count)

    def _stretch(self, sound: Samples, count: int) -> Generator[Frame | Working]:
        while len(self._planned) < count:
            self._planned.append(self._path.next())
        drawing = self._pictures(sound, list(itertools.islice(self._planned, count)))
        self._working = drawing
        try:
            for item in drawing:
                if isinstance(item, Working):
                    yield item
                    continue
                number = self._planned.popleft()
                index = self._plan.positions[number] if self._whole else self._end
                self._end = (index + 1) % len(self._plan.loop)
                frame = Frame(round(self._drawn * 1e6 / self.fps), self._scaled(item), index)
                self._drawn += 1
                yield frame
        finally:
            drawing.close()

    def _pictures(self, sound: Samples, order: list[int]) -> Drawing:
        model = self._config.model
        if model is None:
            if np.abs(sound).max(initial=0) > 0:
                raise HuashengError("model-needed", engine=NAME)
            yield from pictures_of(self._person.folder, order)
            return
        while not self._turns.acquire(timeout=TICK_S):
            yield Working(0)
        try:
            heard = resample(sound, self._config.audio_rate_hz, SAMPLE_RATE_HZ)
            size = (self._plan.width, self._plan.height)
            yield from render(self._setup, RenderRequest(self._person, size, model, heard, order))
        finally:
            self._turns.release()

    def _scaled(self, picture: Image) -> Image:
        if (self.width, self.height) == (self._plan.width, self._plan.height):
            return picture
        small = cv2.resize(picture, (self.width, self.height), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8)
