"""What every rendering engine is: synchronous, without gRPC; weights in the engine, one session per caller."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from services.common.engines import Engine
from services.common.settings import SharedSettings
from services.render.devices import DeviceInfo
from services.render.types import (
    AvatarReport,
    Cancelled,
    ClipLimits,
    Frame,
    Image,
    Kind,
    PhonemeSpan,
    Progress,
    Samples,
    SessionConfig,
    TrainingClip,
    Working,
)

if TYPE_CHECKING:  # the settings know the engines' names, so they import the registry, which imports this module
    from services.render.settings import RenderSettings


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
    """Draws avatars speaking. Made once, loaded once, shared by all sessions (thread-safe)."""

    version: str
    """Changes when prepared avatars of before can no longer be used; they are prepared again from their source."""
    trainer: str = ""
    """``module:function`` that trains a model of one person (see ``train.job.TrainingJob``), run in a process of its
    own since it needs torch; empty for an engine that cannot be trained."""
    model_files: tuple[str, ...] = ("model.npz",)
    """Files of a trained model, the weights last: when that one is there, all are. Sessions get the file, or the folder
    where there are several."""
    trains_with_torch: bool = True
    """Whether that needs torch in this environment."""
    default_steps: int = 5000
    """Steps of a training that asks for none."""
    training_clip: ClassVar[TrainingClip] = TrainingClip()
    """Clips that it is trained on."""
    is_live: bool = True
    """Whether it can draw a conversation; one that cannot draws videos only."""
    draws_parts: bool = False
    """Whether a session can begin in the middle of a video (``SessionConfig.at``) as if it had drawn what is before."""
    draws_films: bool = True
    """Whether it can keep a whole film in its own order (``Kind``)."""
    needs_model: bool = False
    """Whether a video takes a trained model. Without one, sessions draw silence only."""
    speech_only: bool = True
    """Whether a recording's music and noise are kept from it, since any sound would move its mouths."""
    device: str = "cpu"
    """What it draws on."""

    def __init__(self, settings: Any, shared: SharedSettings, service: RenderSettings) -> None:
        """``settings`` are the engine's own (None for an engine without), ``service`` those of the service."""
        super().__init__(settings, shared, service)
        self.limits = ClipLimits(service.max_side, service.max_avatar_s)
        self.film_limits = ClipLimits(service.max_side, service.max_film_s)

    def limits_of(self, kind: Kind) -> ClipLimits:
        """How much of such a source is used."""
        return self.film_limits if kind == "film" else self.limits

    @abstractmethod
    def load(self) -> None:
        """Load weights. Raises ``engine-unavailable`` with the reason when that is not possible here."""

    @abstractmethod
    def prepare(
        self,
        source: Path,
        kind: Kind,
        out: Path,
        progress: Progress,
        cancelled: Cancelled,
    ) -> AvatarReport:
        """Do once what every rendering of this person needs, and write it into the existing empty folder ``out``.

        ``progress`` is called at each step, ``cancelled`` at least twice a second. The source is not needed afterwards.

        Raises ``no-face``, ``two-faces``, ``small-face``, ``few-faces``, ``mouth-outside``, ``mouth-covered``,
        ``too-short``, ``too-small-picture``, ``too-big-picture``, ``corrupt-media`` and ``cancelled``.
        """

    def check_training(self, source: Path, steps: int) -> None:
        """Raises what makes a training of so many steps on a video pointless, before the long work begins."""

    def devices(self) -> list[DeviceInfo]:
        """What it uses beside the processor."""
        return []

    @abstractmethod
    def source_pictures(self, avatar: Path) -> Iterator[Image]:
        """The person's own pictures in the order of ``Frame.source``, all of the avatar's size; not to be changed."""

    @abstractmethod
    def open_session(self, avatar: Path, config: SessionConfig) -> RenderSession:
        """Start a video of the avatar prepared in folder ``avatar``."""
