"""Pictures as single H.264 access units, for players that decode them themselves (WebCodecs)."""

from __future__ import annotations

from av.codec import CodecContext
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from services.render.media.write import Encoder, EncoderOptions
from services.render.types import Image


class AccessUnits:
    """Encodes pictures of one size, each as soon as it is added. Frees itself when it is forgotten."""

    def __init__(self, width: int, height: int, fps: float, options: EncoderOptions) -> None:
        """``options`` must be live ones: others hold pictures back."""
        context = CodecContext.create("libx264", "w")
        assert isinstance(context, VideoCodecContext)
        self._video = Encoder(context, (width, height), fps, options)
        context.flags |= Flags.global_header  # the stream's parameters stand in ``description``, not in the pictures
        context.open()
        self.codec, self.description = self._video.codec, self._video.description

    def add(self, image: Image, key: bool = False) -> tuple[bytes, bool]:
        """The picture's access unit, its NAL units behind 4-byte lengths, and whether it is decodable by itself."""
        (packet,) = self._video.add(image, key)
        return bytes(packet), packet.is_keyframe
