"""One video being drawn: audio and phonemes in, frames out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from services.render.clip.frames import Reader
from services.render.clip.loop import LoopWalk
from services.render.engines.atlas.avatar import FRAMES, Avatar
from services.render.engines.atlas.mouth.clip import ClipAudioToMouth, ClipModel, Encoder, Estimator
from services.render.engines.atlas.mouth.correction import Correction
from services.render.engines.atlas.mouth.live import LiveAudioToMouth, LiveModel
from services.render.engines.atlas.mouth.track import LEAD_S, VISEME_REACH_S, labiodental_at, mouth_at, with_closures
from services.render.engines.atlas.mouth.visemes import TimedViseme, timed_visemes
from services.render.engines.atlas.painter import Painter
from services.render.engines.atlas.speaking_style import SpeakingStyle
from services.render.engines.atlas.still import StillPainter
from services.render.engines.base import RenderSession
from services.render.face.shape import Array
from services.render.media.planes import resized
from services.render.types import Frame, PhonemeSpan, Samples, SessionConfig

PHONEMES_AHEAD_S = 0.2
"""Phonemes, or sound, needed beyond the time that is drawn by phonemes."""
WARM_UP = 12
"""Pictures before a part of a video that are painted and not given out: which mouth picture is taken depends on the one
before."""
TAPER = 4
"""Frames over which the mouth comes to rest at the very end."""
SETTLE = (0.1, 0.28, 0.54)
"""Parts of the way that is left which the mouth goes in its first frames, where it comes from something else."""


class AtlasSession(RenderSession):
    """See ``RenderSession``."""

    def __init__(
        self,
        avatar: Avatar,
        config: SessionConfig,
        encoder: Encoder,
        model: Estimator | None = None,
        correction: Correction | None = None,
    ) -> None:
        """Without phonemes, or with a person's ``model``, the mouth follows the sound through the ``encoder``.

        Otherwise it follows the phonemes. A ``correction`` fits the mouth of phonemes or of live sound to the person.
        """
        self._model, self._correction = model, correction
        self._follows_sound = not config.has_phonemes or model is not None
        trained = model is not None or correction is not None
        self._style = SpeakingStyle.default(avatar.face) if trained else avatar.style
        plan = avatar.plan
        self._avatar, self._config, self._encoder = avatar, config, encoder
        self.width, self.height = plan.output_size(config.max_side_px)
        self.fps = plan.fps
        self.passthrough_frames = 0
        self._reader = Reader(avatar.folder / FRAMES)
        self._painter: Painter | StillPainter = (
            StillPainter(avatar.face, avatar.interior, plan.width, plan.height)
            if avatar.still
            else Painter(avatar.face, avatar.library, avatar.interior, plan.width, plan.height)
        )
        whole = not (config.live or config.idle or plan.cyclic)
        self._walk = LoopWalk(plan, config.start_frame, whole, config.at)
        # times are those of the whole video, so that a part of it is computed from the same numbers
        self._drawn = config.at
        self._received_s = self._start_s = config.at / self.fps
        self._visemes: list[TimedViseme] = []
        self._listener = self._new_listener()
        self._mouth = np.zeros(2, np.float32)
        # a conversation comes from the idle loop, with the mouth at rest
        self._settle = list(SETTLE) if config.live else []
        self._shapes: Array | None = None
        self.shape = np.zeros(2, np.float32)
        """Opening and width last drawn, in eye distances."""

    def retrace(self, first: int, apart: int, shapes: Array | None = None) -> None:
        """Draw the store's own frames in their order from ``first`` on, so that pictures can be compared with them.

        Mouth pictures from nearer than ``apart`` frames to the one that is drawn are not used. ``shapes`` (n, 2) are
        mouths to draw instead of the estimated ones, as in ``Face.mouths``.
        """
        plan, avatar = self._avatar.plan, self._avatar
        if isinstance(self._painter, Painter):
            self._painter = Painter(avatar.face, avatar.library, avatar.interior, plan.width, plan.height, apart)
        self._walk = LoopWalk(replace(plan, is_film=True), 0, whole=False, at=first)
        self._shapes = shapes

    @property
    def end_frame(self) -> int:
        """See ``RenderSession``."""
        return self._walk.end_frame

    def push(self, samples: Samples, spans: Sequence[PhonemeSpan] = ()) -> Iterator[Frame]:
        """See ``RenderSession``."""
        shift_us = round(self._start_s * 1e6)
        moved = (
            [PhonemeSpan(s.phoneme, s.start_us + shift_us, s.end_us + shift_us) for s in spans] if shift_us else spans
        )
        timed_visemes(moved, self._visemes)
        self._received_s += len(samples) / self._config.audio_rate_hz
        if self._follows_sound:
            self._listener.push(samples)
        return self._draw(last=False)

    def finish(self) -> Iterator[Frame]:
        """See ``RenderSession``."""
        if self._follows_sound:
            self._listener.push(np.zeros(0, np.float32), last=True)
        return self._draw(last=True)

    def clear(self) -> None:
        """See ``RenderSession``."""
        self._visemes.clear()
        self._received_s = self._drawn / self.fps
        self._listener = self._new_listener()
        self._settle = list(SETTLE)

    def close(self) -> None:
        """See ``RenderSession``."""
        self._reader.close()

    def _new_listener(self) -> LiveAudioToMouth | ClipAudioToMouth:
        rate = self._config.audio_rate_hz
        if self._config.live:
            return LiveAudioToMouth(self._encoder, LiveModel.builtin(), rate, self._received_s, self._correction)
        return ClipAudioToMouth(self._encoder, self._model or ClipModel.builtin(), rate, self._received_s)

    def _ready(self, time_s: float) -> bool:
        if self._received_s + 1e-6 < time_s + 1 / self.fps:
            return False
        if self._follows_sound:
            return self._listener.ready(time_s)
        known = self._received_s
        if self._visemes:
            known = max(known, self._visemes[-1].end_us / 1e6)
        return known >= time_s + PHONEMES_AHEAD_S

    def _draw(self, last: bool) -> Iterator[Frame]:
        total = math.ceil(self._received_s * self.fps - 1e-3)
        while (self._drawn < total) if last else self._ready(self._drawn / self.fps):
            wanted = self._wanted(self._drawn / self.fps)
            if last:
                wanted = wanted * min(1.0, (total - 1 - self._drawn) / TAPER)
            if self._settle:
                wanted = self._mouth + (wanted - self._mouth) * self._settle.pop(0)
            self._mouth = wanted
            first = self._config.at + self._config.skip
            if self._drawn < first - WARM_UP:
                self._walk.step()
                self._drawn += 1
                continue
            frame = self._frame(wanted)
            if self._drawn > first:
                self.passthrough_frames += int(self._avatar.face.strength[frame.source] <= 0)
                yield frame

    def _wanted(self, time_s: float) -> Array:
        if not self._config.has_phonemes:
            return self._listener.mouth_at(time_s)
        at = np.array([time_s])
        past = (time_s + LEAD_S - 2 * VISEME_REACH_S) * 1e6
        while self._visemes and self._visemes[0].end_us < past:
            self._visemes.pop(0)
        if self._follows_sound:
            return np.asarray(with_closures(self._listener.mouth_at(time_s)[None], self._visemes, at)[0])
        return np.asarray(mouth_at(self._visemes, at, self._correction)[0])

    def _frame(self, mouth: Array) -> Frame:
        step = self._walk.step()
        number = step.source
        self.shape = self._style.mouth(mouth) if self._shapes is None else self._shapes[self._drawn]
        stored, painter = self._reader.frame(number), self._painter
        if isinstance(painter, StillPainter):
            drawn = painter.paint(stored, number, self.shape, labiodental_at(self._visemes, self._drawn / self.fps))
        else:
            drawn = painter.paint(stored, number, self.shape)
        picture = resized(drawn, self.width, self.height)
        redrawn = float(self._avatar.face.strength[number])
        frame = Frame(round(self._drawn * 1e6 / self.fps), picture, step.position, number, redrawn)
        self._drawn += 1
        return frame
