"""A rendering engine that draws a dot as large as the sound is loud: small, quick and easy to check."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.render.engines.base import RenderEngine, RenderSession
from services.render.settings import RenderSettings
from services.render.types import AvatarReport, Frame, Image, Kind, PhonemeSpan, Samples, SessionConfig

FPS = 25
IDLE = 50


class FakeEngine(RenderEngine):
    """Class attributes are switches for tests; ``last`` is the newest session."""

    name = "fake"
    description = "draws a dot"
    license = "none"
    version = "1"
    trainer = "tests.fakes.trainer:train"
    speech_only = False  # its dot is as large as any sound is loud
    frame_s = 0.0
    prepare_s = 0.0
    fail_at: int | None = None
    hold_at: int | None = None
    """Picture that is not drawn before ``released`` is set."""
    released = threading.Event()
    last: FakeSession | None = None
    prepared = 0
    open_sessions = 0
    yuv = False

    def __init__(self, settings: None, shared: SharedSettings, service: RenderSettings) -> None:
        super().__init__(settings, shared, service)
        self.lock = threading.Lock()

    def load(self) -> None:
        pass

    def check_training(self, source: Path, steps: int) -> None:
        if b"wordless" in source.read_bytes()[-64:]:
            raise HuashengError("clip-without-speech", name=source.name)

    def prepare(
        self, source: Path, kind: Kind, out: Path, progress: Callable[[str, float], None], cancelled: Callable[[], bool]
    ) -> AvatarReport:
        FakeEngine.prepared += 1
        (out / "face.json").write_text(json.dumps({"bytes": source.stat().st_size}))
        for i in range(10):
            if cancelled():
                raise HuashengError("cancelled")
            until = time.monotonic() + self.prepare_s / 10
            while self.prepare_s and time.monotonic() < until:  # a test that sets it to 0 is not kept waiting
                time.sleep(min(self.prepare_s / 10, 0.02))
            progress("landmarks", (i + 1) / 10)
        if b"no face" in source.read_bytes()[-64:]:
            raise HuashengError("no-face", name=source.name)
        return AvatarReport(192, 128, FPS, 1 if kind == "portrait" else 30, IDLE, 1.0, 64.0, 0.5, ("side-view",))

    def source_pictures(self, avatar: Path) -> Iterator[Image]:
        return (np.full((128, 192, 3), 40 + n, np.uint8) for n in range(IDLE))

    def open_session(self, avatar: Path, config: SessionConfig) -> RenderSession:
        assert (avatar / "face.json").is_file()
        FakeEngine.last = FakeSession(self, config)
        return FakeEngine.last


class BrokenEngine(FakeEngine):
    """Cannot be loaded."""

    name = "broken"

    def load(self) -> None:
        raise HuashengError("engine-unavailable", engine=self.name, why="it has no wheels")


class FakeSession(RenderSession):
    """Picture n is grey 40 + position in the loop, with a dot by the sound's level."""

    width, height, fps = 192, 128, float(FPS)

    def __init__(self, engine: FakeEngine, config: SessionConfig) -> None:
        self.engine, self.config = engine, config
        self.pending = np.zeros(0, np.float32)
        self.spans: list[PhonemeSpan] = []
        self.drawn = 0
        self.closed = False
        self.cleared = 0
        FakeEngine.open_sessions += 1

    @property
    def end_frame(self) -> int:
        return (self.config.start_frame + self.drawn) % IDLE

    def push(self, samples: Samples, spans: Sequence[PhonemeSpan] = ()) -> Iterator[Frame]:
        self.spans += spans
        self.pending = np.concatenate([self.pending, samples])
        yield from self._draw(last=False)

    def finish(self) -> Iterator[Frame]:
        yield from self._draw(last=True)

    def _draw(self, last: bool) -> Iterator[Frame]:
        while True:
            count = round((self.drawn + 1) * self.config.audio_rate_hz / FPS) - round(
                self.drawn * self.config.audio_rate_hz / FPS
            )
            if self.pending.size < count and not (last and self.pending.size):
                return
            sound, self.pending = self.pending[:count], self.pending[count:]
            time.sleep(self.engine.frame_s)
            if self.drawn == self.engine.hold_at:
                assert self.engine.released.wait(60)
            if self.drawn == self.engine.fail_at:
                raise RuntimeError("the dot fell off")
            yield self._picture(sound)

    def _picture(self, sound: Samples) -> Frame:
        index = self.end_frame
        shape = (self.height * 3 // 2, self.width) if self.engine.yuv else (self.height, self.width, 3)
        picture = np.full(shape, 40 + index, np.uint8)
        size = int(40 * float(np.abs(sound).max()))
        picture[64 - size : 64 + size, 96 - size : 96 + size] = 220
        frame = Frame(round(self.drawn / FPS * 1e6), picture, index, index)
        self.drawn += 1
        return frame

    def clear(self) -> None:
        self.pending = np.zeros(0, np.float32)
        self.spans = []
        self.cleared += 1

    def close(self) -> None:
        if not self.closed:
            FakeEngine.open_sessions -= 1
        self.closed = True
