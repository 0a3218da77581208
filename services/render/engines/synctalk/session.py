"""One video: sound is gathered, SyncTalk draws it in stretches, and its pictures are given out."""

from __future__ import annotations

import math
import threading
from collections.abc import Generator, Sequence
from pathlib import Path

import cv2
import numpy as np

from services.common.audio import resample
from services.common.errors import HuashengError
from services.render.clip.loop import LoopWalk
from services.render.clip.plan import PLAN, Plan
from services.render.engines.base import RenderSession
from services.render.engines.synctalk.child import NAME, TICK_S
from services.render.engines.synctalk.data import PERSON, Person
from services.render.engines.synctalk.infer import SAMPLE_RATE_HZ, RenderRequest, render
from services.render.engines.synctalk.prepare import pictures_of
from services.render.engines.synctalk.setup import SyncTalk
from services.render.types import Frame, Image, PhonemeSpan, Samples, SessionConfig, Working

Drawing = Generator[Image | Working]


class SyncSession(RenderSession):
    """See ``RenderSession``. ``turns`` lets so many programs draw at once; others wait, and say so.

    Without a model only silence can be drawn: the person's own pictures, for the idle loop.
    """

    def __init__(self, avatar: Path, config: SessionConfig, setup: SyncTalk, turns: threading.Semaphore) -> None:
        plan = Plan.load(avatar / PLAN)
        self._person, self._plan, self._config = Person.load(avatar / PERSON), plan, config
        self._setup, self._turns = setup, turns
        self.width, self.height = plan.output_size(config.max_side_px)
        self.fps = plan.fps
        # a talk walks over the whole clip, which is long; what is shown in silence must be the loop
        self._walk = LoopWalk(plan, config.start_frame, whole=config.model is not None)
        self._drawn = 0
        self._sound = np.zeros(0, np.float32)
        self._working: Drawing | None = None

    @property
    def end_frame(self) -> int:
        """See ``RenderSession``."""
        return self._walk.end_frame

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
        whole = max(1, round(self._setup.settings.segment_s * self.fps))
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
        drawing = self._pictures(sound, self._walk.upcoming(count))
        self._working = drawing
        try:
            for item in drawing:
                if isinstance(item, Working):
                    yield item
                    continue
                step = self._walk.step()
                frame = Frame(round(self._drawn * 1e6 / self.fps), self._scaled(item), step.position, step.source)
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
            speech = resample(sound, self._config.audio_rate_hz, SAMPLE_RATE_HZ)
            size = (self._plan.width, self._plan.height)
            yield from render(self._setup, RenderRequest(self._person, size, model, speech, order))
        finally:
            self._turns.release()

    def _scaled(self, picture: Image) -> Image:
        if (self.width, self.height) == (self._plan.width, self._plan.height):
            return picture
        small = cv2.resize(picture, (self.width, self.height), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8)
