"""One video being drawn: audio and phonemes in, frames out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from services.render.clip.frames import Reader
from services.render.clip.loop import Path as FramePath
from services.render.engines.atlas.avatar import FRAMES, Avatar
from services.render.engines.atlas.mouth.clip import ClipAudioToMouth, ClipModel, Encoder, Estimator
from services.render.engines.atlas.mouth.correction import Correction
from services.render.engines.atlas.mouth.hear import LOOK_AHEAD_S, AcousticModel, Listener
from services.render.engines.atlas.mouth.live import LiveAudioToMouth, LiveModel
from services.render.engines.atlas.mouth.track import LEAD_S, VISEME_REACH_S, labiodental_at, mouth_at, with_closures
from services.render.engines.atlas.mouth.visemes import TimedViseme, timed_visemes
from services.render.engines.atlas.painter import Painter
from services.render.engines.atlas.speaking_style import SpeakingStyle
from services.render.engines.atlas.still import StillPainter
from services.render.engines.base import Frame, Image, PhonemeSpan, RenderSession, Samples, SessionConfig
from services.render.face.shape import Array
from services.render.media.planes import planes

TAPER = 4
"""Frames over which the mouth comes to rest at the very end, and finds its way after a clear."""


class AtlasSession(RenderSession):
    """See ``RenderSession``."""

    def __init__(
        self,
        avatar: Avatar,
        config: SessionConfig,
        acoustic: AcousticModel,
        encoder: Encoder | None = None,
        model: Estimator | None = None,
        correction: Correction | None = None,
    ) -> None:
        """With an ``encoder`` recordings (by a person's ``model``) are heard in long windows, live speech in short.

        Without a ``model`` phonemes, where there are any, tell the mouth; what tells it then has a ``correction``.
        """
        self._model, self._correction = model, correction
        self._hears = not config.has_phonemes or model is not None
        trained = model is not None or correction is not None
        self._style = SpeakingStyle.default(avatar.face) if trained else avatar.style
        plan = avatar.plan
        self._avatar, self._config, self._acoustic, self._encoder = avatar, config, acoustic, encoder
        scale = min(1.0, config.max_side_px / max(plan.width, plan.height)) if config.max_side_px else 1.0
        self.width, self.height = (max(2, int(side * scale) // 2 * 2) for side in (plan.width, plan.height))
        self.fps = plan.fps
        self.passthrough_frames = 0
        self._reader = Reader(avatar.folder / FRAMES)
        self._painter: Painter | StillPainter = (
            StillPainter(avatar.face, avatar.interior, plan.width, plan.height)
            if avatar.still
            else Painter(avatar.face, avatar.library, avatar.interior, plan.width, plan.height)
        )
        whole = not config.live and not plan.cyclic
        self._path = FramePath(plan.loop, plan.frames, config.start_frame, whole)
        self._whole = whole
        self._end = config.start_frame % len(plan.loop)
        self._drawn = 0
        self._heard_s = 0.0
        self._visemes: list[TimedViseme] = []
        self._listener = self._new_listener()
        self._mouth = np.zeros(2, np.float32)
        self._settle = 0
        self._shapes: Array | None = None
        self.shape = np.zeros(2, np.float32)
        """Opening and width last drawn, in eye distances."""

    def retrace(self, first: int, apart: int, shapes: Array | None = None) -> None:
        """Draw the store's own frames in their order from ``first`` on, so that pictures can be compared with them.

        Mouth pictures from nearer than ``apart`` frames to the one that is drawn are not used. ``shapes`` (n, 2) are
        mouths to draw instead of what is heard, as in ``Face.mouths``.
        """
        plan, avatar = self._avatar.plan, self._avatar
        if isinstance(self._painter, Painter):
            self._painter = Painter(avatar.face, avatar.library, avatar.interior, plan.width, plan.height, apart)
        self._path = FramePath(list(range(first, plan.frames)), plan.frames, 0, whole=False)
        self._shapes = shapes

    @property
    def end_frame(self) -> int:
        """See ``RenderSession``."""
        return self._end

    def push(self, samples: Samples, spans: Sequence[PhonemeSpan] = ()) -> Iterator[Frame]:
        """See ``RenderSession``."""
        timed_visemes(spans, self._visemes)
        self._heard_s += len(samples) / self._config.audio_rate_hz
        if self._hears:
            self._listener.push(samples)
        return self._draw(last=False)

    def finish(self) -> Iterator[Frame]:
        """See ``RenderSession``."""
        if self._hears:
            self._listener.push(np.zeros(0, np.float32), last=True)
        return self._draw(last=True)

    def clear(self) -> None:
        """See ``RenderSession``."""
        self._visemes.clear()
        self._heard_s = self._drawn / self.fps
        self._listener = self._new_listener()
        self._settle = TAPER

    def close(self) -> None:
        """See ``RenderSession``."""
        self._reader.close()

    def _new_listener(self) -> Listener | LiveAudioToMouth | ClipAudioToMouth:
        rate = self._config.audio_rate_hz
        if self._encoder is None:
            return Listener(self._acoustic, rate, self._heard_s)
        if self._config.live:
            return LiveAudioToMouth(self._encoder, LiveModel.builtin(), rate, self._heard_s, self._correction)
        return ClipAudioToMouth(self._encoder, self._model or ClipModel.builtin(), rate, self._heard_s)

    def _ready(self, time_s: float) -> bool:
        if self._heard_s + 1e-6 < time_s + 1 / self.fps:
            return False
        if not isinstance(self._listener, Listener):
            return self._listener.ready(time_s)
        known = self._heard_s
        if self._config.has_phonemes and self._visemes:
            known = max(known, self._visemes[-1].end_us / 1e6)
        return known >= time_s + LOOK_AHEAD_S

    def _draw(self, last: bool) -> Iterator[Frame]:
        total = math.ceil(self._heard_s * self.fps - 1e-3)
        while (self._drawn < total) if last else self._ready(self._drawn / self.fps):
            wanted = self._wanted(self._drawn / self.fps)
            if last:
                wanted = wanted * min(1.0, (total - 1 - self._drawn) / TAPER)
            if self._settle:
                wanted = self._mouth + (wanted - self._mouth) / self._settle
                self._settle -= 1
            self._mouth = wanted
            yield self._frame(wanted)

    def _wanted(self, time_s: float) -> Array:
        if not self._config.has_phonemes:
            return self._listener.mouth_at(time_s)
        at = np.array([time_s])
        past = (time_s + LEAD_S - 2 * VISEME_REACH_S) * 1e6
        while self._visemes and self._visemes[0].end_us < past:
            self._visemes.pop(0)
        if self._hears:
            return np.asarray(with_closures(self._listener.mouth_at(time_s)[None], self._visemes, at)[0])
        return np.asarray(mouth_at(self._visemes, at, self._correction)[0])

    def _frame(self, mouth: Array) -> Frame:
        plan, face = self._avatar.plan, self._avatar.face
        number = self._path.next()
        if face.strength[number] <= 0:
            self.passthrough_frames += 1
        self.shape = self._style.mouth(mouth) if self._shapes is None else self._shapes[self._drawn]
        stored, painter = self._reader.frame(number), self._painter
        if isinstance(painter, StillPainter):
            drawn = painter.paint(stored, number, self.shape, labiodental_at(self._visemes, self._drawn / self.fps))
        else:
            drawn = painter.paint(stored, number, self.shape)
        image = self._fitted(drawn)
        index = plan.positions[number] if self._whole else self._end
        self._end = (index + 1) % len(plan.loop)
        frame = Frame(round(self._drawn * 1e6 / self.fps), image, index)
        self._drawn += 1
        return frame

    def _fitted(self, picture: Image) -> Image:
        plan = self._avatar.plan
        if (self.width, self.height) == (plan.width, plan.height):
            return picture
        parts = zip(planes(picture), (1, 2, 2), strict=True)
        small = [cv2.resize(p, (self.width // k, self.height // k), interpolation=cv2.INTER_AREA) for p, k in parts]
        return np.concatenate([p.reshape(-1) for p in small]).reshape(self.height * 3 // 2, self.width)
