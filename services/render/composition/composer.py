"""Makes the pictures of a composed video out of drawn ones, in the order that the proto's ``Composition`` gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import numpy as np

from services.render.composition.blend import BLACK, GREY, Cover, flat, put_over, without_ground
from services.render.composition.captions import Captions
from services.render.composition.geometry import Geometry, Size
from services.render.composition.grounds import Blurred, Ground
from services.render.composition.keying import Screen, without_spill
from services.render.composition.masks import MaskMaker, Masks
from services.render.composition.overlays import Overlay
from services.render.composition.rate import Rate
from services.render.media.mark import MarkOptions, VisibleMark
from services.render.media.planes import Bytes, planes
from services.render.media.write import to_yuv
from services.render.types import Frame, Image

WHITE = 235
"""Luma of all person in the mask below a transparent picture, as in any video; ``BLACK`` is none."""
_TO_LUMA = np.round(BLACK + np.arange(256) * (WHITE - BLACK) / 255).astype(np.uint8)


class CutOut:
    """Tells the person from the ground in an avatar's pictures."""

    def __init__(self, maker: MaskMaker, screen: Screen | None, held: ExitStack) -> None:
        """``screen`` for a ground of one colour; what is opened closes with ``held``."""
        self._maker, self._screen, self._held = maker, screen, held
        self._masks: Masks | None = None

    def prepare(self) -> Iterator[None]:
        """Make the masks where they are not kept yet, which may take minutes; yields now and then.

        Raises ``person-mask-unavailable``.
        """
        yield from self._maker.make(self._screen)
        self._masks = self._held.enter_context(self._maker.opened(self._screen))

    def mask(self, source: int) -> Bytes:
        """Of a source picture, at its own size; after ``prepare``."""
        assert self._masks is not None
        return self._masks.mask(source)

    def clean(self, picture: Bytes, cover: Cover) -> None:
        """Take the ground's colours off the person in a planar picture, in place."""
        if self._screen:
            without_spill(picture, self._screen)
        without_ground(picture, cover)


class Composer:
    """Composes the pictures of one video; not thread-safe."""

    def __init__(
        self,
        where: Geometry,
        rate: Rate,
        *,
        ground: Ground,
        cut_out: CutOut | None,
        overlays: Sequence[Overlay],
        captions: Captions | None,
        mark: MarkOptions | None,
        is_transparent: bool,
        sound_us: int,
    ) -> None:
        """Without ``cut_out`` the source's own ground stays, and ``ground`` is only beside it.

        ``sound_us`` is the time of the first sound in the whole video: captions are on its clock.
        """
        self._where, self._rate, self._ground, self._cut_out = where, rate, ground, cut_out
        self._overlays, self._captions, self._is_transparent = overlays, captions, is_transparent
        self._sound_us = sound_us
        self._mark = VisibleMark(mark, *where.size, rate.fps) if mark else None
        self._place = where.place(at_bottom=cut_out is not None)
        self._uncut = isinstance(ground, Blurred) and not where.fills

    @property
    def size(self) -> Size:
        """Width and height of the video: a transparent one is twice as high as its picture."""
        width, height = self._where.size
        return width, height * 2 if self._is_transparent else height

    @property
    def fps(self) -> float:
        """Pictures a second."""
        return self._rate.fps

    def prepare(self) -> Iterator[None]:
        """What has to be done before the first picture; yields now and then. Raises ``person-mask-unavailable``."""
        if self._cut_out:
            yield from self._cut_out.prepare()

    def pictures(self, frame: Frame, number: int) -> Iterator[Image]:
        """The pictures that show drawn picture ``number`` of the whole video; none or several where rates differ."""
        numbers = self._rate.numbers(number)
        if not numbers:
            return
        drawn = to_yuv(frame.image) if frame.image.ndim == 3 else frame.image
        person, cover, behind = self._person(drawn, frame.source)
        for shown in numbers:
            yield self._composed(shown, person, cover, behind)

    def _person(self, drawn: Bytes, source: int) -> tuple[Bytes, Cover | None, tuple[Bytes, Bytes | None]]:
        """The fitted part, what of it is the person, and what the ground is made from: a picture with its mask."""
        person = self._where.cut(drawn)
        if self._cut_out is None:
            return person, None, (drawn, None)
        whole = self._cut_out.mask(source)
        cover = Cover(self._where.cut_mask(whole, (drawn.shape[1], drawn.shape[0] * 2 // 3)))
        behind = (drawn, whole) if self._uncut else (person.copy(), cover.mask)
        self._cut_out.clean(person, cover)
        return person, cover, behind

    def _composed(self, number: int, person: Bytes, cover: Cover | None, behind: tuple[Bytes, Bytes | None]) -> Image:
        if cover is None and self._where.fills:
            out = person.copy()
        else:
            out = self._ground.picture(number, *behind)
            put_over(out, person, cover, self._place)
        opaque = self._opaque(cover.mask) if self._is_transparent and cover else None
        time_us = round(number * 1e6 / self._rate.fps)
        for overlay in self._overlays:
            if overlay.is_shown(time_us):
                overlay.put(out, opaque)
        if self._captions:
            captions, said_us = self._captions, time_us - self._sound_us
            out, opaque = _with_words(out, opaque, lambda image: captions.on(image, said_us))
        if self._mark:
            mark = self._mark
            out, opaque = _with_words(out, opaque, lambda image: mark.on(image, number))
        return out if opaque is None else _above(out, opaque)

    def _opaque(self, mask: Bytes) -> Bytes:
        """How much of each pixel of the whole picture hides any ground; at first that is the person."""
        width, height = self._where.size
        out = np.zeros((height, width), np.uint8)
        x, y = self._place
        out[y : y + mask.shape[0], x : x + mask.shape[1]] = mask
        return out


def _with_words(picture: Bytes, opaque: Bytes | None, put: Callable[[Image], Image]) -> tuple[Bytes, Bytes | None]:
    """What ``put`` makes of a picture, and of what is opaque in it: what it hides of any ground is opaque."""
    out = put(picture)
    if opaque is None or out is picture:
        return out, opaque
    size = (opaque.shape[1], opaque.shape[0])
    light, dark = (planes(put(flat(*size, (luma, GREY, GREY))))[0] for luma in (WHITE, BLACK))
    left = (light.astype(np.int16) - dark) / np.float32(WHITE - BLACK)
    return out, np.asarray(255 - (255 - opaque) * np.clip(left, 0, 1) + 0.5, np.uint8)


def _above(picture: Bytes, opaque: Bytes) -> Bytes:
    """A picture with what is opaque in it below, as grey."""
    height, width = opaque.shape
    out = flat(width, 2 * height, (BLACK, GREY, GREY))
    for plane, to in zip(planes(picture), planes(out), strict=True):
        to[: plane.shape[0]] = plane
    planes(out)[0][height:] = _TO_LUMA[opaque]
    return out
