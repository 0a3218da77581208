"""From a picture twice as high, the person above on black and the mask below, to one with straight alpha.

On black, every plane of the person is already multiplied by the mask: luma above its black, and both colour differences
around grey. So each is divided by the mask at its own size, and a block of four pixels at the person's edge keeps the
person's colour instead of a mean of it and black.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter

Plane = npt.NDArray[np.uint8]

BLACK, WHITE, GREY = 16, 235, 128
"""Of limited range."""
_CLEAR = 3
"""Mask values up to this are noise of the encoding."""


def _table(zero: int, low: int, high: int) -> Plane:
    """What a value becomes, by the mask at its place and itself: (256, 256)."""
    alpha = np.arange(256, dtype=np.float32)[:, None]
    value = np.arange(256, dtype=np.float32)[None, :] - zero
    out = np.clip(np.round(value * 255 / np.maximum(alpha, 1)) + zero, low, high)
    out[: _CLEAR + 1] = zero
    return out.astype(np.uint8)


_LUMA, _CHROMA = _table(BLACK, BLACK, WHITE), _table(GREY, 16, 240)
_ALPHA = np.clip(np.round((np.arange(256, dtype=np.float32) - BLACK) * 255 / (WHITE - BLACK)), 0, 255).astype(np.uint8)
_ALPHA[_ALPHA <= _CLEAR] = 0
_ALPHA[_ALPHA >= 255 - _CLEAR] = 255


_DEEP = np.round(np.arange(256) * (1023 / 255)).astype(np.uint16)


def straight(frame: VideoFrame) -> VideoFrame:
    """A YUV 4:2:0 picture (2 H, W) in limited range as one of YUVA 4:2:0 (H, W). Height a multiple of 4, width even."""
    y, u, v = (_plane(frame, i) for i in range(3))
    height, half = y.shape[0] // 2, y.shape[0] // 4
    alpha = _ALPHA.take(y[height:])
    wide = alpha.astype(np.uint16)
    small = (wide[::2, ::2] + wide[1::2, ::2] + wide[::2, 1::2] + wide[1::2, 1::2] + 2) >> 2
    out = VideoFrame(frame.width, height, "yuva420p")
    planes = (
        _LUMA.take((wide << 8) | y[:height]),
        _CHROMA.take((small << 8) | u[:half]),
        _CHROMA.take((small << 8) | v[:half]),
        alpha,
    )
    for i, plane in enumerate(planes):
        _plane(out, i)[:] = plane
    out.color_range, out.colorspace = ColorRange.MPEG, Colorspace.ITU709
    out.color_primaries, out.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    return out


def deepened(frame: VideoFrame, convert: VideoReformatter) -> VideoFrame:
    """A picture of ``straight`` in YUVA 4:4:4 with 10 bits."""
    out = convert.reformat(frame, format="yuva444p10le", threads=1)
    plane = out.planes[3]
    lines = np.frombuffer(memoryview(plane), np.uint16).reshape(-1, plane.line_size // 2)
    # shifted by two bits, as swscale does, 255 becomes 1020, which is not quite opaque
    lines[: plane.height, : plane.width] = _DEEP.take(_plane(frame, 3))
    return out


def _plane(frame: VideoFrame, index: int) -> Plane:
    """One plane (H, W), in place."""
    plane = frame.planes[index]
    lines = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return lines[: plane.height, : plane.width]
