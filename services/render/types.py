"""What the parts of the render service hand to each other: pictures, sound, phonemes, and what is known of an avatar.

Audio is mono float32 in [-1, 1]. Times are microseconds from the start of a session's audio. Pictures are uint8, either
BGR of shape (H, W, 3), or planar YUV 4:2:0 of shape (H * 3 / 2, W) in BT.709 limited range (what the encoder wants).
Width and height are even.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from services.common.errors import HuashengError

Image = npt.NDArray[np.uint8]
"""One picture; see the head of this file for its two forms."""
Samples = npt.NDArray[np.float32]
"""Shape (n,), float32, -1 to 1."""
Kind = Literal["video", "portrait", "film"]
"""What an avatar is made of. A film is a video that keeps its own order: its mouth is drawn anew from its first frame
to its last."""
Progress = Callable[[str, float], None]
"""Takes a stage's name and the part of the whole that is done, 0 to 1; the part never falls."""
Cancelled = Callable[[], bool]
"""Whether the caller has gone; cheap to ask."""


@dataclass(frozen=True)
class ClipLimits:
    """How much of a source is used."""

    max_side_px: int = 1920
    """Longest side of a prepared avatar; larger sources are scaled down while they are read."""
    max_s: float = 60.0
    """Seconds of a source video that are used; the rest is left out with the warning ``only-first-part``. A longer film
    is refused before it is prepared."""


@dataclass(frozen=True)
class TrainingClip:
    """How long a clip must and should be for a training."""

    least_s: float = 4.0
    """Seconds under which it teaches nothing."""
    short_s: float = 12.0
    """Seconds under which a warning is due; three quarters of a minute are good."""


@dataclass(frozen=True, kw_only=True)
class PrepareJob:
    """One preparation of an avatar: its source, and who waits for it."""

    source: Path
    kind: Kind
    mesh_weights: Path
    """Folder of the face mesh."""
    limits: ClipLimits
    progress: Progress
    cancelled: Cancelled
    turn: int = 0
    """Degrees counter-clockwise, 0, 90, 180 or 270, by which pictures are turned once they are read."""
    warnings: tuple[str, ...] = ()
    """What was found before the work began, see ``AvatarReport``."""

    def check(self) -> None:
        """Raises ``cancelled`` when the caller has gone."""
        if self.cancelled():
            raise HuashengError("cancelled")


@dataclass(frozen=True)
class AvatarReport:
    """What an engine made of a source, and what it found in it."""

    width: int
    height: int
    fps: float
    frames: int
    """Frames kept from the source; 1 for a portrait."""
    idle_frames: int
    """Length of the idle loop; 0 for a film, which has none. In silence, from ``start_frame`` 0, picture
    ``idle_frames`` is picture 0 again.

    ``SessionConfig.start_frame`` and ``RenderSession.end_frame`` are positions in this loop. 5 to 10 s long.
    """
    face_fraction: float
    """Frames with a usable face, 0 to 1."""
    face_width_px: float
    """Median width of the face."""
    mouth_coverage: float
    """Part of the mouth shapes of speech seen in the source, 0 to 1; 0 for a portrait."""
    warnings: tuple[str, ...] = ()
    """Codes: ``only-first-part``, ``only-first-picture`` (of an animated one), ``scaled-down``, ``turned-upright``,
    ``still-film``, ``chin-cut``, ``other-person``, ``person-leaves``, ``face-missing-in-part``,
    ``mouth-covered-in-part``, and those of one engine only."""
    missing_shapes: tuple[str, ...] = ()
    """Mouth shapes of speech that the source does not show: ``open``, ``rounded``, ``spread``, ``closed``."""
    mouth_pictures: int = 0
    """Pictures of the mouth kept to draw from."""
    covered_frames: int = 0
    """Frames left as they are since something is in front of the mouth."""
    blurred_frames: int = 0
    """Frames whose mouth is too blurred to draw from."""
    face_box: tuple[float, float, float, float] | None = None
    """Left, top, right and bottom of the face, forehead to chin, in nearly all frames, as shares of the picture."""


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
    idle: bool = False
    """True to draw the idle loop itself, in its own order; the sound is silence."""
    at: int = 0
    """Number, in the whole video, of the first picture of this session's sound: the video is drawn in parts."""
    skip: int = 0
    """Pictures from there on that the part before has, and this session does not give out."""
    model: Path | None = None
    """File of a trained model; None for the built-in one. A live session of ``atlas`` does without."""


@dataclass(frozen=True)
class Frame:
    """One drawn picture."""

    pts_us: int
    image: Image
    frame_index: int
    """Position in the avatar's idle loop; 0 for a film."""
    source: int = 0
    """Number of the source picture that it was drawn from, see ``RenderEngine.source_pictures``."""
    redrawn: float = 1.0
    """How much of the face is drawn, 0 to 1; 0 where the source picture is left as it is."""


@dataclass(frozen=True)
class Working:
    """A sign of life of an engine that draws many pictures before it gives out the first."""

    frames: int
    """Pictures drawn and not given out yet."""
