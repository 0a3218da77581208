"""Times the stages of a turn, for the page, the result JSON and the metrics."""

from __future__ import annotations

import time
from collections.abc import Callable

from services.common import metrics, tracing

_METRIC = {
    "asr": "asr_final",
    "llm_first_token": "llm_first_token",
    "tts_first_audio": "tts_first_audio",
    "render_first_frame": "render_first_frame",
    "first_video": "first_video",
    "total": "turn",
}


class Timings:
    """Milliseconds by stage, e.g. ``{"asr": 412.0, "llm_first_token": 38.2}``.

    ``age_s`` is how long ago the turn was accepted; ``on_mark`` is called with each figure as it becomes known.
    """

    def __init__(self, age_s: float = 0.0, on_mark: Callable[[str, float], None] | None = None) -> None:
        self._accepted = time.monotonic() - age_s
        self._began: dict[str, float] = {}
        self._on_mark = on_mark
        self.ms: dict[str, float] = {}

    def begin(self, stage: str) -> None:
        """The stage's first input is being sent. Beginning again (a repeat) drops the stage's earlier figures."""
        self._began[stage] = time.monotonic()
        for key in [k for k in self.ms if k == stage or k.startswith(stage + "_first")]:
            del self.ms[key]

    def begin_once(self, stage: str) -> None:
        """``begin`` unless the stage has begun."""
        if stage not in self._began:
            self.begin(stage)

    def mark(self, key: str, stage: str = "") -> None:
        """Set ``key`` to the time since ``stage`` began, or since the turn was accepted. Only the first call counts."""
        if key not in self.ms:
            self.set(key, (time.monotonic() - (self._began[stage] if stage else self._accepted)) * 1000)

    def set(self, key: str, ms: float) -> None:
        """Set a figure that was measured elsewhere (an earlier step of the same job)."""
        self.ms[key] = round(ms, 1)
        if key in _METRIC:
            metrics.STAGE_SECONDS.labels(_METRIC[key]).observe(ms / 1000, tracing.exemplar())
        tracing.event(key, ms=self.ms[key])
        if self._on_mark:
            self._on_mark(key, self.ms[key])

    def restart(self) -> None:
        """Drop the stages of an attempt that failed; the time it took stays in ``total``."""
        self._began.clear()
        for key in [k for k in self.ms if k not in ("queued", "asr")]:
            del self.ms[key]
