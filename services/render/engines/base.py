"""What every rendering engine is: synchronous, without gRPC; weights in the engine, one session per caller.

Audio is mono float32 in [-1, 1]. Times are microseconds from the start of a session's audio. Pictures are uint8, either
BGR of shape (H, W, 3), or planar YUV 4:2:0 of shape (H * 3 / 2, W) in BT.709 limited range (what the encoder wants).
Width and height are even.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from services.common.engines import Engine
from services.render.devices import DeviceInfo
from services.render.engines.synctalk.setup import SyncTalk

Image = npt.NDArray[np.uint8]
"""One picture; see the head of this file for its two forms."""
Samples = npt.NDArray[np.float32]
"""Shape (n,), float32, -1 to 1."""
Kind = Literal["video", "portrait"]


@dataclass(frozen=True)
class EngineOptions:
    """What the service tells an engine when it makes one."""

    weights_dir: Path
    """Root of the weights; ``services.common.weights.folder(group, weights_dir)`` gives a checked group."""
    threads: int = 1
    """CPU threads for one request."""
    max_side_px: int = 1920
    """Longest side of a prepared avatar; larger sources are scaled down while they are read."""
    max_avatar_s: float = 60.0
    """Seconds of a source video that are used; the rest is left out with the warning ``only-first-part``."""
    models_dir: Path = Path("models")
    """Root of checkpoints that the operator supplies: ``<models_dir>/joygen``, ``<models_dir>/musetalk``."""
    device: str = "auto"
    """Where networks run: ``cpu``, ``cuda:0``, ...; ``auto`` is the first GPU if there is one."""
    dtype: str = "auto"
    """``fp32``, ``fp16`` or ``bf16``; ``auto`` is fp16 on a GPU and fp32 on a CPU."""
    max_batch: int = 8
    """Frames drawn in one go."""
    first_batch: int = 2
    """Frames of the batch that opens a video."""
    batch_wait_s: float = 0.01
    """Longest that a frame waits for others to share a batch with."""
    synctalk: SyncTalk | None = None
    """The checkout that ``synctalk`` drives; None where the operator has none."""


@dataclass(frozen=True)
class AvatarReport:
    """What an engine made of a source, and what it found in it."""

    width: int
    height: int
    fps: float
    frames: int
    """Frames kept from the source; 1 for a portrait."""
    idle_frames: int
    """Length of the idle loop: in silence, from ``start_frame`` 0, picture ``idle_frames`` is picture 0 again.

    ``SessionConfig.start_frame`` and ``RenderSession.end_frame`` are positions in this loop. 5 to 10 s long.
    """
    face_fraction: float
    """Frames with a usable face, 0 to 1."""
    face_width_px: float
    """Median width of the face."""
    mouth_coverage: float
    """Part of the mouth shapes of speech seen in the source, 0 to 1; 0 for a portrait."""
    warnings: tuple[str, ...] = ()
    """Codes, e.g. ``face-missing-in-part``, ``mouth-covered-in-part``, ``only-first-part``, ``scaled-down``."""
    missing_shapes: tuple[str, ...] = ()
    """Mouth shapes of speech that the source does not show: ``open``, ``rounded``, ``spread``, ``closed``."""
    mouth_pictures: int = 0
    """Pictures of the mouth kept to draw from."""
    covered_frames: int = 0
    """Frames left as they are since something is in front of the mouth."""
    blurred_frames: int = 0
    """Frames whose mouth is too blurred to draw from."""


@dataclass(frozen=True)
class PhonemeSpan:
    """One phoneme (IPA, empty for silence) and when it sounds."""

    phoneme: str
    start_us: int
    end_us: int


@dataclass(frozen=True)
class SessionConfig:
    """How one caller wants to be served."""

    audio_rate_hz: int
    """Rate of the samples pushed, 8000 to 48000."""
    has_phonemes: bool = False
    """Whether spans come with the audio, each before the audio it covers."""
    start_frame: int = 0
    """Frame of the idle loop on which the video starts; taken modulo the loop's length."""
    max_side_px: int = 0
    """Longest side of the video; 0 for the avatar's own size."""
    live: bool = False
    """True in a conversation: look ahead as little as possible. False: an engine may wait for the whole sound."""
    model: Path | None = None
    """File of a trained model; None for the built-in one. A live session of ``atlas`` does without."""


@dataclass(frozen=True)
class Frame:
    """One drawn picture."""

    pts_us: int
    image: Image
    frame_index: int
    """Position in the avatar's idle loop."""


@dataclass(frozen=True)
class Working:
    """A sign of life of an engine that draws many pictures before it gives out the first."""

    frames: int
    """Pictures drawn and not given out yet."""


class RenderSession(ABC):
    """One video being drawn: audio is pushed, frames come out at a constant rate, nothing else is shared.

    Used from one thread at a time. After ``clear`` audio time goes on right after the last frame that was yielded: the
    next sample pushed belongs to the next frame, and spans are given on that same clock.
    """

    width: int
    height: int
    fps: float
    passthrough_frames: int = 0
    """Frames left as they were since they show no usable face."""

    @property
    @abstractmethod
    def end_frame(self) -> int:
        """Frame of the idle loop that would follow the last one yielded; in [0, idle_frames)."""

    @abstractmethod
    def push(self, samples: Samples, spans: Sequence[PhonemeSpan] = ()) -> Iterator[Frame | Working]:
        """Take audio and draw the frames that it completes. The caller may stop iterating (then calls ``clear``).

        Where the next frame takes more than half a second, there is ``Working`` in between.
        """

    @abstractmethod
    def finish(self) -> Iterator[Frame | Working]:
        """Draw what is left, up to the end of the audio (a last part of a frame becomes a whole frame)."""

    @abstractmethod
    def clear(self) -> None:
        """Barge-in: forget audio and spans that are not drawn yet; the session stays usable."""

    @abstractmethod
    def close(self) -> None:
        """Free what the session holds; may be called twice."""


class RenderEngine(Engine):
    """Draws avatars speaking. Made once with ``EngineOptions``, loaded once, shared by all sessions (thread-safe)."""

    version: str
    """Changes when prepared avatars of before can no longer be used; they are prepared again from their source."""
    trainer: str = ""
    """``module:function`` that trains a model of one person (see ``train.job.Job``), run in a process of its own since
    it needs torch; empty for an engine that cannot be trained."""
    trains_with_torch: bool = True
    """Whether that needs torch in this environment."""
    default_steps: int = 5000
    """Steps of a training that asks for none."""
    is_live: bool = True
    """Whether it can draw a conversation; one that cannot draws videos only."""
    needs_model: bool = False
    """Whether a video takes a trained model. Without one, sessions draw silence only."""
    device: str = "cpu"
    """What it draws on."""

    def __init__(self, options: EngineOptions) -> None:
        self.options = options

    @abstractmethod
    def load(self) -> None:
        """Load weights. Raises ``engine-unavailable`` with the reason when that is not possible here."""

    @abstractmethod
    def prepare(
        self,
        source: Path,
        kind: Kind,
        out: Path,
        progress: Callable[[str, float], None],
        cancelled: Callable[[], bool],
    ) -> AvatarReport:
        """Do once what every rendering of this person needs, and write it into the existing empty folder ``out``.

        ``progress(stage, fraction)`` is told of each step (fraction 0 to 1 of the whole, never falling). ``cancelled``
        is asked at least twice a second. The source is not needed afterwards.

        Raises ``no-face``, ``two-faces``, ``small-face``, ``few-faces``, ``too-short``, ``too-small-picture``,
        ``too-big-picture``, ``corrupt-media`` and ``cancelled``.
        """

    def check_training(self, source: Path, steps: int) -> None:
        """Raises what makes a training of so many steps on a video pointless, before the long work begins."""

    def devices(self) -> list[DeviceInfo]:
        """What it uses beside the processor."""
        return []

    @abstractmethod
    def open_session(self, avatar: Path, config: SessionConfig) -> RenderSession:
        """Start a video of the avatar prepared in folder ``avatar``."""
