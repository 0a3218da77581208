"""Decodes single pictures as a player with WebCodecs does."""

from collections.abc import Iterable

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from huasheng.render.v1 import render_pb2 as pb


def pictures(answers: Iterable[pb.StreamRenderResponse]) -> list[pb.Picture]:
    return [a.picture for a in answers if a.WhichOneof("payload") == "picture"]


def decoded_units(description: bytes, units: Iterable[bytes]) -> list[np.ndarray]:
    """Luma (H, W) of each unit, by a fresh decoder; fails where a unit does not give exactly one picture at once."""
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.extradata = description
    decoder.flags |= av.codec.context.Flags.low_delay
    decoder.thread_count = 1
    shown = []
    for unit in units:
        (frame,) = decoder.decode(av.Packet(unit))
        assert (frame.colorspace, frame.color_range) == (1, 1)
        shown.append(frame.to_ndarray()[: frame.height, : frame.width])
    return shown
