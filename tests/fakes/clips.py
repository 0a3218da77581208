"""Video files with the properties that trip up readers: odd sizes, uneven times, rotation, 10 bit, other codecs."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import Interpolation

COLOURS = {"red": (40, 40, 200), "green": (40, 180, 40), "blue": (200, 60, 40), "grey": (120, 120, 120)}
"""BGR of the quarters of ``quarters``."""


def quarters(width: int, height: int) -> npt.NDArray[np.uint8]:
    """A picture whose corners tell how it was turned: red, green / blue, grey."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = COLOURS["red"]
    picture[: height // 2, width // 2 :] = COLOURS["green"]
    picture[height // 2 :, : width // 2] = COLOURS["blue"]
    picture[height // 2 :, width // 2 :] = COLOURS["grey"]
    return picture


def numbered(count: int, width: int = 160, height: int = 128) -> list[npt.NDArray[np.uint8]]:
    """Pictures that tell their number by their brightness: 5 levels apart, from 20."""
    return [np.full((height, width, 3), 20 + 5 * i, np.uint8) for i in range(count)]


def clip(
    path: Path,
    pictures: Sequence[npt.NDArray[np.uint8]],
    fps: float = 25,
    times: Sequence[float] | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    rotation: int = 0,
    aspect: Fraction | None = None,
) -> Path:
    """Write pictures; ``times`` in seconds makes the rate variable. Rotation in degrees counter-clockwise."""
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w") as container:
        options = {"crf": "12", "preset": "ultrafast"} | (
            {"x265-params": "log-level=none"} if codec == "libx265" else {}
        )
        rate = Fraction(fps).limit_denominator(1001)
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.codec_context.time_base = Fraction(1, 12000)
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        for i, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(
                format=pix_fmt, interpolation=Interpolation.BILINEAR | Interpolation.ACCURATE_RND
            )
            frame.time_base = Fraction(1, 12000)
            frame.pts = round((times[i] if times else i / fps) * 12000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
