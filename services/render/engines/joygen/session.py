"""One video being drawn: sound in, frames out, with a bounded number of frames on their way through the device."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from services.render.clip.frames import Reader
from services.render.clip.loop import LoopWalk
from services.render.engines.base import RenderSession
from services.render.engines.joygen.batching import DrawFuture, Slot
from services.render.engines.joygen.bfm import EXPRESSION
from services.render.engines.joygen.draw import DrawRequest
from services.render.engines.joygen.hearing import FrameAudio
from services.render.engines.joygen.paste import paste_face
from services.render.engines.joygen.store import FRAMES, Avatar
from services.render.media.planes import resized
from services.render.types import Frame, PhonemeSpan, Samples, SessionConfig

TAPER = 3
"""Frames over which the mouth comes to rest at the very end."""
URGENT = 2
"""Frames that open a video, or follow a barge-in, and do not wait for company."""
TIMEOUT_S = 300.0
"""Longest wait for one frame, of the slowest machine; a device that takes longer has hung."""

Faces = npt.NDArray[np.uint8]


class Hearing(Protocol):
    """Sound of one stretch of speech, from its first sample."""

    def push(self, samples: Samples, last: bool = False) -> None:
        """Take samples; ``last`` says that silence follows."""

    def ready(self, frame: int) -> bool:
        """Whether frame ``frame`` of this stretch can be drawn."""

    def frame_audio(self, frame: int, rest: float) -> FrameAudio:
        """The frame's sound; ``rest`` (0 to 1) is how far the mouth may move at most."""


@dataclass(frozen=True)
class _Requested:
    number: int
    """Source frame."""
    ticket: DrawFuture[Faces] | None
    """None: the frame passes as it is."""


class JoySession(RenderSession):
    """See ``RenderSession``. ``deep`` draws with the lips' depth, for which the avatar and ``hearing`` must have it."""

    def __init__(
        self,
        avatar: Avatar,
        config: SessionConfig,
        hearing: Callable[[], Hearing],
        seat: Slot[DrawRequest, Faces],
        ahead: int,
        deep: bool,
    ) -> None:
        plan = avatar.plan
        self._avatar, self._config, self._new_hearing, self._seat = avatar, config, hearing, seat
        self._ahead, self._deep = ahead, deep
        self.width, self.height = plan.output_size(config.max_side_px)
        self.fps = plan.fps
        self.passthrough_frames = 0
        self._reader = Reader(avatar.folder / FRAMES)
        self._walk = LoopWalk(plan, config.start_frame, whole=not (config.live or config.idle or plan.cyclic))
        self._requested: deque[_Requested] = deque()
        self._drawn = 0
        self._since = 0
        """Number of the first frame of the current stretch of sound."""
        self._samples = 0
        """Samples pushed in this stretch."""
        self._hearing = hearing()

    @property
    def end_frame(self) -> int:
        """See ``RenderSession``."""
        return self._walk.end_frame

    def push(self, samples: Samples, spans: Sequence[PhonemeSpan] = ()) -> Iterator[Frame]:  # noqa: ARG002  it listens
        """See ``RenderSession``."""
        self._samples += len(samples)
        self._hearing.push(samples)
        return self._draw(last=False)

    def finish(self) -> Iterator[Frame]:
        """See ``RenderSession``."""
        self._hearing.push(np.zeros(0, np.float32), last=True)
        return self._draw(last=True)

    def clear(self) -> None:
        """See ``RenderSession``; what waits for the device leaves the queue at once."""
        self._seat.discard()
        self._requested.clear()
        self._since, self._samples = self._drawn, 0
        self._hearing = self._new_hearing()

    def close(self) -> None:
        """See ``RenderSession``."""
        self._seat.release()
        self._requested.clear()
        self._reader.close()

    def _draw(self, last: bool) -> Iterator[Frame]:
        total = math.ceil(self._samples * self.fps / self._config.audio_rate_hz - 1e-3)
        while True:
            while len(self._requested) < self._ahead and self._ask(last, total):
                pass
            if not self._requested:
                return
            yield self._next_drawn()

    def _ask(self, last: bool, total: int) -> bool:
        """Send the next frame on its way, if its sound is known."""
        frame = self._drawn - self._since + len(self._requested)
        if frame >= total and last:
            return False
        if not last and ((frame + 1) * self._config.audio_rate_hz > self._samples * self.fps):
            return False
        if not self._hearing.ready(frame):
            return False
        number = self._walk.upcoming(len(self._requested) + 1)[-1]  # after those that are asked for
        if self._avatar.face.strength[number] <= 0:
            self._requested.append(_Requested(number, None))
            return True
        heard = self._hearing.frame_audio(frame, min(1.0, (total - 1 - frame) / TAPER) if last else 1.0)
        self._requested.append(_Requested(number, self._seat.submit(self._wanted(number, heard), frame < URGENT)))
        return True

    def _wanted(self, number: int, heard: FrameAudio) -> DrawRequest:
        latents = np.asarray(self._avatar.latents[number])
        if not self._deep or heard.expression is None:
            return DrawRequest(latents, heard.sound)
        face = self._avatar.face
        coefficients = face.coefficients[number].copy()
        coefficients[EXPRESSION] = face.rest + heard.speaking * (heard.expression - face.rest)
        return DrawRequest(latents, heard.sound, coefficients, self._avatar.placement(number))

    def _next_drawn(self) -> Frame:
        """Wait for the oldest frame and make the picture."""
        requested = self._requested[0]
        picture = self._reader.frame(requested.number)
        if requested.ticket is None:
            self.passthrough_frames += 1
        else:
            face, number = requested.ticket.result(TIMEOUT_S), requested.number
            box, strength = self._avatar.placement(number).box, float(self._avatar.face.strength[number])
            picture = paste_face(picture, face, box, np.asarray(self._avatar.masks[number]), strength)
        self._requested.popleft()
        position = self._walk.step().position
        scaled = resized(picture, self.width, self.height)
        redrawn = float(self._avatar.face.strength[requested.number])
        frame = Frame(round(self._drawn * 1e6 / self.fps), scaled, position, requested.number, redrawn)
        self._drawn += 1
        return frame
