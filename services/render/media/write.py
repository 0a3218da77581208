"""Writes H.264 + AAC: as a fragmented MP4 stream that plays while it is made, as single pictures, as a plain MP4 loop.

PyAV muxes and libx264 encodes. Pictures are BGR (H, W, 3) or planar YUV 4:2:0 (H * 3 / 2, W), BT.709 limited range.

A live stream begins and ends on the idle loop, so both are encoded alike: with the same quantiser whatever came before,
and with key pictures at the same places of the loop. From the next such place on, what stands still is the same in
both, to the bit. With rate control, or keys elsewhere, the coding noise differs all over the picture.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream

from services.common.media.fragments import AAC_BITS, AAC_OPTIONS, AacSound, FragmentTrack, aac_rate, fragment
from services.common.media.x264 import EncoderOptions as EncoderOptions
from services.common.media.x264 import set_up
from services.render.types import Image, Samples

FRAGMENT, LIVE_FRAGMENT = 5, 2
"""Pictures in a fragment: what a player waits for before it can show something new."""


def _planar_frame(image: Image) -> VideoFrame:
    image = np.ascontiguousarray(image)
    if image.shape[0] % 6 == 0:
        return VideoFrame.from_numpy_buffer(image, "yuv420p")
    # from_numpy_buffer saves a copy, but takes a height that is not a multiple of 4 for a smaller one
    return VideoFrame.from_ndarray(image, "yuv420p")


def to_bgr(image: Image) -> Image:
    """A picture in either form as BGR (H, W, 3)."""
    if image.ndim == 3:
        return image
    frame = _planar_frame(image)
    bgr: Image = frame.reformat(
        format="bgr24",
        src_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT,
        threads=1,
    ).to_ndarray()  # type: ignore[assignment]  # bgr24 is uint8
    return bgr


def _yuv_frame(bgr: Image, convert: VideoReformatter) -> VideoFrame:
    return convert.reformat(
        VideoFrame.from_numpy_buffer(np.ascontiguousarray(bgr), "bgr24"),
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        # without exact rounding every picture gets 1 % darker
        interpolation=Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP,
        threads=1,
    )


def to_yuv(bgr: Image) -> Image:
    """A BGR picture with even sides as planar YUV 4:2:0 (H * 3 / 2, W), BT.709 limited range."""
    return np.asarray(_yuv_frame(bgr, VideoReformatter()).to_ndarray(), np.uint8)


class Encoder:
    """Makes an encoder of pictures out of a fresh ``libx264`` context; counts the pictures."""

    def __init__(self, context: VideoCodecContext, size: tuple[int, int], fps: float, options: EncoderOptions) -> None:
        """``size`` is (width, height)."""
        self.time_base = set_up(context, size, fps, options)
        self.context, self.frames = context, 0
        self._convert = VideoReformatter()

    def add(self, image: Image, key: bool = False) -> list[Packet[Any]]:
        """Packets that are ready after one more picture; ``key``: it must be decodable by itself."""
        frame = _yuv_frame(image, self._convert) if image.ndim == 3 else _planar_frame(image)
        frame.pts, frame.time_base = self.frames, self.time_base
        frame.pict_type = PictureType.I if key else PictureType.NONE
        self.frames += 1
        return self.context.encode(frame)

    def finish(self) -> list[Packet[Any]]:
        """Packets held back."""
        return self.context.encode(None)

    @property
    def codec(self) -> str:
        """The stream's codec (RFC 6381), e.g. ``avc1.64001e``; after the context was opened."""
        return f"avc1.{self.description[1:4].hex()}"  # version, then profile and level

    @property
    def description(self) -> bytes:
        """AVCDecoderConfigurationRecord; after the context was opened."""
        return bytes(self.context.extradata or b"")


def _new_encoder(container: OutputContainer, size: tuple[int, int], fps: float, options: EncoderOptions) -> Encoder:
    stream: VideoStream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
    return Encoder(stream.codec_context, size, fps, options)


class FragmentedMp4:
    """Video and speech as one stream of bytes for ``MediaSource`` or a file.

    Call ``head`` once, then for each picture ``add_audio`` with the sound that goes with it and ``add_frame``, then
    ``finish``. Both tracks start at 0; sound ends where it was given to end.
    """

    def __init__(
        self, width: int, height: int, fps: float, audio_rate_hz: int, options: EncoderOptions | None = None
    ) -> None:
        options = options or EncoderOptions()
        head = io.BytesIO()
        self._container = av.open(
            head, "w", format="mp4", container_options={"movflags": "empty_moov+default_base_moof+skip_trailer"}
        )
        self._fps = fps
        self._video = _new_encoder(self._container, (width, height), fps, options)
        # an AAC frame is 1024 samples whatever their rate, and the coder is two behind: at 48 kHz 43 ms instead of 85
        rate = 48000 if options.live else aac_rate(audio_rate_hz)
        audio: AudioStream = self._container.add_stream("aac", rate=rate, layout="mono", options=dict(AAC_OPTIONS))
        audio.bit_rate = AAC_BITS
        self._closed = False
        self._container.start_encoding()
        self._head = head.getvalue()
        scale = self._container.streams.video[0].time_base  # the muxer's own, finer than that of the pictures
        assert scale is not None
        self._pictures, self._sound = FragmentTrack(1, scale.denominator), FragmentTrack(2, rate)
        self._aac = AacSound(audio.codec_context, self._sound, audio_rate_hz)
        self._least = LIVE_FRAGMENT if options.live else FRAGMENT
        self._fragments = self._sent = 0

    @property
    def mime_type(self) -> str:
        """MIME type with codecs (RFC 6381), e.g. ``video/mp4; codecs="avc1.64001e, mp4a.40.2"``."""
        return f'video/mp4; codecs="{self._video.codec}, mp4a.40.2"'

    @property
    def end_us(self) -> int:
        """Media time up to which what was handed out can be played: sound comes up to three of its frames late."""
        pictures = round(self._sent / self._fps * 1e6)
        return pictures if self._closed else min(pictures, round(self._sound.start / self._sound.timescale * 1e6))

    def head(self) -> bytes:
        """The initialisation segment."""
        return self._head

    def add_audio(self, samples: Samples) -> None:
        """Sound that follows what was added before."""
        self._aac.add(samples)

    def _keep_pictures(self, packets: Iterable[Packet[Any]]) -> None:
        for packet in packets:
            n = self._sent + len(self._pictures.samples)
            a, b = (round(k * self._pictures.timescale * self._video.time_base) for k in (n, n + 1))
            self._pictures.add(bytes(packet), b - a, packet.is_keyframe)

    def _fragment(self) -> bytes:
        self._fragments += 1
        self._sent += len(self._pictures.samples)
        return fragment(self._fragments, [self._pictures, self._sound])

    def add_frame(self, image: Image, key: bool = False) -> bytes:
        """Add a picture; returns the fragment that is ready, often none."""
        self._keep_pictures(self._video.add(image, key))
        # pictures without any sound would be of no use: a player waits for both
        is_ready = len(self._pictures.samples) >= self._least and self._sound.samples
        return self._fragment() if is_ready else b""

    def finish(self) -> bytes:
        """Everything that is left."""
        self._keep_pictures(self._video.finish())
        self._aac.finish()
        self.close()
        return self._fragment()

    def close(self) -> None:
        """Free the encoders; what was not taken is lost unless ``finish`` was called."""
        if not self._closed:
            self._closed = True
            self._container.close()


def write_loop(path: Path, images: Iterable[Image], size: tuple[int, int], fps: float, options: EncoderOptions) -> int:
    """Write pictures as a silent MP4 with its index in front. ``size`` is (width, height). Returns how many came."""
    with av.open(str(path), "w", format="mp4", container_options={"movflags": "faststart"}) as container:
        video = _new_encoder(container, size, fps, options)
        every = options.key_interval(fps)

        def mux(packets: list[Packet[Any]]) -> None:
            for packet in packets:
                packet.stream = container.streams.video[0]
                container.mux(packet)

        for image in images:
            mux(video.add(image, key=video.frames % every == 0))
        mux(video.finish())
    return video.frames
