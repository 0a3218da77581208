"""Masks of an avatar's own pictures: made once, kept with the avatar, read by number while it is drawn.

They lie in storage beside the avatar's record as ``mask-<digest>.mp4``, grey pictures in the form of the frame store.
The digest says which preparation they belong to and how they were made.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from services.render.avatars.derived import Derived, Pictures
from services.render.avatars.store import AvatarRecord, AvatarStore
from services.render.clip.frames import Reader, Writer
from services.render.composition import person
from services.render.composition.geometry import NO_FACE
from services.render.composition.keying import Screen, find_screen, key_masks
from services.render.media.planes import Bytes, planes
from services.render.media.write import to_bgr, to_yuv
from services.render.types import Image

KEY_VERSION = 1
"""Changes when keying makes other masks."""
LOOKED_AT = 5
"""Pictures that the ground's colour is taken from."""
NOISE = 6
"""Values at both ends of a mask's range that the store's coding may change: they count as none and as all."""
_CLEAN = np.clip((np.arange(256) - NOISE) * 255 / (255 - 2 * NOISE), 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class MaskMaker:
    """Makes, keeps and opens the masks of one avatar."""

    store: AvatarStore
    record: AvatarRecord
    pictures: Pictures
    weights_dir: Path

    def screen(self, colour: int) -> Screen:
        """The ground's colour, see ``find_screen``. Raises ``no-key-colour``."""
        frames = self.record.report.idle_frames if self.record.kind == "portrait" else self.record.report.frames
        every = max(1, frames // LOOKED_AT)
        return find_screen((_yuv(p) for p in islice(self.pictures(), 0, every * LOOKED_AT, every)), colour)

    def make(self, screen: Screen | None) -> Iterator[None]:
        """Make the masks where there are none: by the ``screen`` or by the network; yields now and then.

        Raises ``person-mask-unavailable`` and ``disk-full``.
        """
        return self._derived.make(self._key(screen), lambda path: self._write(path, screen))

    def _write(self, path: Path, screen: Screen | None) -> Iterator[None]:
        found = self._masks(screen)
        writer: Writer | None = None
        with contextlib.ExitStack() as held:
            for mask in found:
                if writer is None:
                    height, width = mask.shape
                    writer = held.enter_context(Writer(path, width, height, self.record.report.fps))
                    grey = np.full((height * 3 // 2, width), 128, np.uint8)
                grey[: mask.shape[0]] = mask
                writer.add(grey)
                yield

    def _masks(self, screen: Screen | None) -> Iterable[Bytes]:
        if screen:
            return key_masks((_yuv(p) for p in self.pictures()), screen)
        segmenter = person.Segmenter(self.weights_dir)
        face = self.record.report.face_box or NO_FACE
        return person.person_masks((to_bgr(p) for p in self.pictures()), segmenter, face)

    @contextlib.contextmanager
    def opened(self, screen: Screen | None) -> Iterator[Masks]:
        """The masks, which ``make`` made. Raises ``FileNotFoundError``."""
        with self.store.storage.local(self._key(screen)) as path, contextlib.closing(Reader(path)) as reader:
            yield Masks(reader)

    def _key(self, screen: Screen | None) -> str:
        made = f"key {KEY_VERSION} {screen}" if screen else f"person {person.VERSION}"
        return self._derived.key("mask", ".mp4", made)

    @property
    def _derived(self) -> Derived:
        return Derived(self.store, self.record)


class Masks:
    """Masks by the number of the picture that they belong to. Not thread-safe."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def mask(self, number: int) -> Bytes:
        """The mask (H, W) of source picture ``number``; 255 where the person is."""
        return np.asarray(_CLEAN[planes(self._reader.frame(number))[0]])


def _yuv(picture: Image) -> Bytes:
    return to_yuv(picture) if picture.ndim == 3 else picture
