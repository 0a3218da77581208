"""A recognition engine for tests: "hears" how long the speech was, can be slow, and counts its runs."""

from __future__ import annotations

import threading
import time
from typing import ClassVar

from services.asr.engines.base import SAMPLE_RATE_HZ, AsrEngine, Recognition, primary
from services.asr.settings import AsrSettings
from services.common.audio import Samples
from services.common.errors import HuashengError
from services.common.settings import SharedSettings

REGISTRY = {"ruler": "tests.fakes.asr_engine:RulerEngine", "gone": "tests.fakes.asr_engine:GoneEngine"}


class RulerEngine(AsrEngine):
    """The text is the length of the window in tenths of a second."""

    name: ClassVar[str] = "ruler"
    languages: ClassVar[tuple[str, ...]] = ("en",)
    license: ClassVar[str] = "none"
    description = "for tests"
    window_s: ClassVar[float] = 20.0
    takes_s: ClassVar[float] = 0.0
    runs: ClassVar[list[float]] = []
    deaf: ClassVar[bool] = False
    failing: ClassVar[bool] = False
    at_work: ClassVar[threading.Event] = threading.Event()

    def recognise(
        self, samples: Samples, language: str | None, cancelled: threading.Event | None = None
    ) -> Recognition:
        self.at_work.set()
        if self.failing:
            raise HuashengError("asr-unreachable", engine="ruler")
        time.sleep(self.takes_s)
        self.runs.append(samples.size / SAMPLE_RATE_HZ)
        return Recognition("" if self.deaf else f"{samples.size / SAMPLE_RATE_HZ:.1f}", primary(language or "en"), 0.9)


class GoneEngine(RulerEngine):
    name: ClassVar[str] = "gone"

    @classmethod
    def unavailable(cls, settings: None, shared: SharedSettings, service: AsrSettings) -> HuashengError | None:
        return HuashengError("engine-unavailable", engine="gone", why="it was taken away")


class ScriptedVad:
    """Takes loudness for speech, so that tests can write speech as noise; same windows as the real one."""

    def run(self, windows: Samples, state: object) -> tuple[Samples, object]:
        loud = (windows[:, -512:] ** 2).mean(axis=1) > 1e-4
        return loud.astype("float32"), state
