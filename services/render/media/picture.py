"""One decoded frame as an avatar needs it: upright, in BT.709 colours, see-through parts on white, sides even."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from services.render.media.colour import ColourMap, needs_mapping, side_data

Bgr = npt.NDArray[np.uint8]
"""Shape (H, W, 3), uint8, BGR, sides even."""


@dataclass(frozen=True)
class Orientation:
    """How a stored picture is turned for display: first counter-clockwise, then left and right are swapped."""

    rotation: int = 0
    """0, 90, 180 or 270 degrees."""
    mirrored: bool = False

    @classmethod
    def of(cls, frame: VideoFrame) -> Orientation:
        """By the frame's display matrix."""
        matrix = side_data(frame, "DISPLAYMATRIX")
        if len(matrix) < 36:
            return cls()
        a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].astype(float).tolist()
        mirrored = a * d - b * c < 0
        if mirrored:  # what is left after the swap is a rotation
            a = -a
        angle = -np.degrees(np.arctan2(b, a))
        return cls(int(round(angle / 90) * 90) % 360, mirrored)

    @property
    def is_sideways(self) -> bool:
        """Whether width and height change places."""
        return self.rotation in (90, 270)

    def apply(self, picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The picture (H, W, 3) as it is displayed."""
        turned = np.rot90(picture, self.rotation // 90) if self.rotation else picture
        return turned[:, ::-1] if self.mirrored else turned


class Converter:
    """Converts the frames of one film; not thread-safe."""

    def __init__(self, width: int, height: int, orientation: Orientation, max_side: int | None) -> None:
        """``width`` and ``height`` are as displayed."""
        self._whole, self._orientation = (width, height), orientation
        size = fitted(width, height, max_side)
        # an odd side loses a line instead of being blurred
        self._size = self._whole if size[0] + 1 >= width and size[1] + 1 >= height else size
        self._colours = ColourMap()

    def to_bgr(self, frame: VideoFrame) -> Bgr:
        """The frame, upright, as a new array."""
        picture = self._reformatted(frame, "bgr24")
        if any(part.is_alpha for part in frame.format.components) or frame.format.name == "pal8":
            alpha = self._reformatted(frame, "bgra")
            if (alpha[..., 3] < 255).any():
                picture = on_white(alpha)
        return even(self._orientation.apply(picture))

    def _reformatted(self, frame: VideoFrame, pixels: str) -> npt.NDArray[Any]:
        width, height = self._size[::-1] if self._orientation.is_sideways else self._size
        # without exact rounding swscale darkens every picture by 1 %
        scaling = Interpolation.AREA if self._size != self._whole else Interpolation.BICUBIC
        interpolation = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | scaling
        if pixels == "bgr24" and needs_mapping(frame):
            return self._colours.to_bgr(frame, width, height, interpolation)
        space = Colorspace(frame.colorspace) if frame.colorspace in list(Colorspace) else None
        if space is None:  # untagged: players take HD as BT.709 and the rest as BT.601
            space = Colorspace.ITU709 if max(self._whole) >= 1280 else Colorspace.ITU601
        full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
        return frame.reformat(
            width=width,
            height=height,
            format=pixels,
            src_colorspace=space,
            src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            interpolation=interpolation,
            threads=1,
        ).to_ndarray()


def on_white(bgra: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """A picture (H, W, 4) of 8 or 16 bits with its see-through parts on white, as 8-bit BGR."""
    full = float(np.iinfo(bgra.dtype).max)
    alpha = bgra[..., 3:].astype(np.float32) / full
    return np.asarray((bgra[..., :3] * (255 / full) * alpha + 255 * (1 - alpha)).round(), np.uint8)


def turned(picture: npt.NDArray[np.uint8], turn: int) -> Bgr:
    """The picture turned counter-clockwise by 0, 90, 180 or 270 degrees."""
    return np.ascontiguousarray(np.rot90(picture, turn // 90)) if turn else picture


def fitted(width: int, height: int, max_side: int | None) -> tuple[int, int]:
    """Size with even sides, scaled down so that the longest is at most ``max_side``."""
    scale = min(1.0, max_side / max(width, height)) if max_side else 1.0
    return max(2, int(width * scale) // 2 * 2), max(2, int(height * scale) // 2 * 2)


def even(picture: npt.NDArray[Any]) -> Bgr:
    """The picture without a last odd line or column, its rows one after another in memory."""
    h, w = picture.shape[:2]
    return np.ascontiguousarray(picture[: h // 2 * 2, : w // 2 * 2])
