"""How pictures become H.264: the same wherever they are encoded, since the parts of a video are joined as they are."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

CONSTANT_CRF = 4
"""How much lower the number is that gives the same picture and size of a talking head without rate control."""
KEY_RATIO = 1.4
"""x264's own ratio of the quantisers of other pictures and key pictures."""


@dataclass(frozen=True)
class EncoderOptions:
    """How pictures are encoded."""

    preset: str = "auto"
    """A preset of x264; ``auto`` is ``superfast`` without what a talking head does not need."""
    crf: int = 20
    threads: int = 1
    live: bool = False
    """No look-ahead, constant quantiser and a key frame every second at least, at more bytes."""

    def key_interval(self, fps: float) -> int:
        """Pictures from a key frame to the next, at most; live, keys stand at its multiples in the idle loop."""
        return round(fps * (1 if self.live else 2))


def _x264(options: EncoderOptions) -> dict[str, str]:
    """Options of libx264."""
    preset = "superfast" if options.preset == "auto" else options.preset
    # MP4 holds lengths instead of start codes (annexb=0)
    # no B-frames: the first picture has time 0 without edit lists, which players read differently
    out = {"preset": preset, "bf": "0"}
    if options.preset == "auto":
        out |= {"partitions": "i8x8", "weightp": "none"}  # a talking head moves little: the same picture, less work
    if options.live:
        # qcomp=1: quality does not depend on the pictures before; the zone gives the first key that of later ones
        constant = f"annexb=0:qcomp=1:ipratio={KEY_RATIO}:zones=0,0,b={KEY_RATIO}"
        out |= {"tune": "zerolatency", "forced-idr": "1", "sc_threshold": "0", "x264-params": constant}
        return out | {"crf": str(options.crf - CONSTANT_CRF)}
    # superfast has no look-ahead of its own; with it the same picture takes half of the bytes for the same work
    return out | {"crf": str(options.crf), "rc-lookahead": "10", "x264-params": "mbtree=1:annexb=0"}


def set_up(context: VideoCodecContext, size: tuple[int, int], fps: float, options: EncoderOptions) -> Fraction:
    """Prepare a fresh ``libx264`` context for pictures of ``size`` (width, height), YUV 4:2:0, BT.709 limited range.

    Returns its time base: the length of a picture in seconds.
    """
    rate = Fraction(fps).limit_denominator(1001)
    context.options = _x264(options)
    context.width, context.height = size
    context.pix_fmt = "yuv420p"
    context.framerate = rate
    context.time_base = 1 / rate
    context.gop_size = options.key_interval(fps)
    context.thread_count = options.threads
    context.color_range = ColorRange.MPEG
    context.colorspace = Colorspace.ITU709
    context.color_primaries = ColorPrimaries.BT709
    context.color_trc = ColorTrc.BT709
    return 1 / rate
