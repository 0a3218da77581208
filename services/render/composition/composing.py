"""From the message ``Composition`` to what makes the pictures: opens the files that it names."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from huasheng.render.v1 import render_pb2 as pb

from services.common import weights
from services.common.errors import HuashengError
from services.common.storage import Storage
from services.render.avatars.derived import Pictures
from services.render.avatars.store import AvatarRecord, AvatarStore
from services.render.composition.blend import BLACK, GREY, flat
from services.render.composition.caption_fonts import GROUP
from services.render.composition.captions import Captions
from services.render.composition.checks import box
from services.render.composition.composer import Composer, CutOut
from services.render.composition.geometry import Geometry, Size, geometry
from services.render.composition.grounds import Bars, Blurred, Film, Ground, Still, read_ground
from services.render.composition.masks import MaskMaker
from services.render.composition.overlays import Overlay, read_overlay
from services.render.composition.rate import Rate
from services.render.media.mark import MarkOptions
from services.render.media.planes import planes
from services.render.media.write import EncoderOptions, to_yuv

DRAFT, HIGH = 6, -6
"""What the qualities add to the service's CRF; standard adds nothing."""
HIGH_PRESET = "veryfast"


def encoder_options(options: EncoderOptions, quality: pb.Quality) -> EncoderOptions:
    """How a composition of that quality is encoded."""
    if quality == pb.QUALITY_DRAFT:
        return replace(options, crf=options.crf + DRAFT)
    if quality == pb.QUALITY_HIGH:
        return replace(options, crf=options.crf + HIGH, preset=HIGH_PRESET)
    return options


@dataclass(frozen=True)
class Composing:
    """What a composition is made from: the message, the files that it names, and the avatar's masks."""

    asked: pb.Composition
    storage: Storage
    masks: MaskMaker

    def check_files(self) -> None:
        """Raises ``unknown-id`` for a file that is not in the storage."""
        ground = self.asked.background
        uris = [getattr(ground, kind)] if (kind := ground.WhichOneof("kind")) in ("picture_uri", "film_uri") else []
        for uri in (*uris, *(o.picture_uri for o in self.asked.overlays)):
            key = self.storage.key(uri)
            if not self.storage.exists(key):
                raise HuashengError("unknown-id", kind="file", id=key.rsplit("/", 1)[-1])

    def geometry(self, limit_px: int) -> Geometry:
        """Where the person goes; ``limit_px`` is the longest side that may be drawn, 0 for the source's own."""
        report = self.masks.record.report
        crop = box(self.asked.crop, "crop") if self.asked.HasField("crop") else None
        size = (self.asked.width, self.asked.height)
        return geometry((report.width, report.height), size, crop, report.face_box, limit_px)

    @contextlib.contextmanager
    def open(self, where: Geometry, drawn_fps: float, mark: MarkOptions | None, at: int) -> Iterator[Composer]:
        """The composer of one video, its files open while the block runs. ``at`` is the drawn picture that goes with
        the first sound.

        Raises ``no-key-colour``, ``captions-unavailable`` and what reading the files raises, which names the file
        within the storage.
        """
        asked, rate = self.asked, Rate(drawn_fps, self.asked.fps)
        with contextlib.ExitStack() as held:

            def local(uri: str) -> tuple[Path, str]:
                key = self.storage.key(uri)
                return held.enter_context(self.storage.local(key)), key.rsplit("/", 1)[-1]

            screen = None
            if asked.background.HasField("key"):
                screen = self.masks.screen(asked.background.key.colour)
            ground = _ground(asked, where, rate.fps, local)
            yield Composer(
                where,
                rate,
                ground=ground or Bars(where.size),
                cut_out=CutOut(self.masks, screen, held) if ground else None,
                overlays=[_overlay(o, where.size, local) for o in asked.overlays],
                mark=mark,
                captions=self._captions(where, ground is not None) if asked.captions.cues else None,
                is_transparent=asked.alpha,
                sound_us=round(at * 1e6 / drawn_fps),
            )

    def _captions(self, where: Geometry, is_cut_out: bool) -> Captions:
        face = self.masks.record.report.face_box
        width, height = where.size
        placed = where.box(face, at_bottom=is_cut_out) if face else None
        in_px = (placed[0] * width, placed[1] * height, placed[2] * width, placed[3] * height) if placed else None
        try:
            fonts = weights.folder(GROUP, self.masks.weights_dir)
        except weights.WeightsError as e:
            raise HuashengError("captions-unavailable", **e.cause) from e
        return Captions(self.asked.captions, width, height, in_px, fonts)


def composing_of(
    config: pb.RenderConfig, store: AvatarStore, record: AvatarRecord, pictures: Pictures, weights_dir: Path
) -> Composing | None:
    """What the composition that is asked for is made from; ``pictures`` are the avatar's own. None where none is.

    Raises ``unknown-id`` for a file that is not in the storage.
    """
    if not config.HasField("composition"):
        return None
    composing = Composing(config.composition, store.storage, MaskMaker(store, record, pictures, weights_dir))
    composing.check_files()
    return composing


def _ground(
    asked: pb.Composition, where: Geometry, fps: float, local: Callable[[str], tuple[Path, str]]
) -> Ground | None:
    ground = asked.background
    match ground.WhichOneof("kind"):
        case "blur":
            return Blurred(where, ground.blur) if ground.blur else None
        case "colour":
            rgb = ground.colour
            patch = to_yuv(np.tile(np.array([rgb & 255, rgb >> 8 & 255, rgb >> 16 & 255], np.uint8), (2, 2, 1)))
            luma, u, v = (int(plane[0, 0]) for plane in planes(patch))
            return Still(flat(*where.size, (luma, u, v)))
        case "picture_uri":
            return read_ground(*local(ground.picture_uri), where.size)
        case "film_uri":
            return Film(local(ground.film_uri)[0], where.size, fps)
        case _:
            return Still(flat(*where.size, (BLACK, GREY, GREY))) if asked.alpha else None


def _overlay(asked: pb.Overlay, size: Size, local: Callable[[str], tuple[Path, str]]) -> Overlay:
    path, name = local(asked.picture_uri)
    return read_overlay(
        path,
        name,
        size=size,
        box=box(asked.box, "box"),
        opacity=asked.opacity or 1.0,
        start_us=asked.start_us,
        end_us=asked.end_us,
    )
