"""Writes H.264 + AAC: as a fragmented MP4 stream that plays while it is made, as single pictures, as a plain MP4 loop.

PyAV muxes and libx264 encodes. Pictures are BGR (H, W, 3) or planar YUV 4:2:0 (H * 3 / 2, W), BT.709 limited range.

A live stream begins and ends on the idle loop, so both are encoded alike: with the same quantiser whatever came before,
and with key pictures at the same places of the loop. From the next such place on, what stands still is the same in
both, to the bit. With rate control, or keys elsewhere, the coding noise differs all over the picture.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import soxr
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation, VideoReformatter
from av.video.stream import VideoStream

from services.render.media.fragments import FragmentTrack, fragment
from services.render.types import Image, Samples

AAC_RATES = (24000, 32000, 44100, 48000)
"""Rates that every browser plays; others are brought to the next higher one."""
FRAGMENT, LIVE_FRAGMENT = 5, 2
"""Pictures in a fragment: what a player waits for before it can show something new."""
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


def _planar_frame(image: Image) -> VideoFrame:
    image = np.ascontiguousarray(image)
    if image.shape[0] % 6 == 0:
        return VideoFrame.from_numpy_buffer(image, "yuv420p")
    # from_numpy_buffer saves a copy, but takes a height that is not a multiple of 4 for a smaller one
    return VideoFrame.from_ndarray(image, "yuv420p")


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
        rate = Fraction(fps).limit_denominator(1001)
        context.options = _x264(options)
        context.width, context.height = size
        context.pix_fmt = "yuv420p"
        context.framerate = rate
        context.time_base = self.time_base = 1 / rate
        context.gop_size = options.key_interval(fps)
        context.thread_count = options.threads
        context.color_range = ColorRange.MPEG
        context.colorspace = Colorspace.ITU709
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
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
        self._rate = 48000 if options.live else next((r for r in AAC_RATES if r >= audio_rate_hz), 48000)
        # medium quality is exact to 16 bits, and holds back 7 ms of sound instead of 10
        self._resampler = (
            None if self._rate == audio_rate_hz else soxr.ResampleStream(audio_rate_hz, self._rate, 1, quality="MQ")
        )
        # at this bit rate the fast coder is as good on a voice, for a third of the work
        coder = {"aac_coder": "fast"}
        self._audio: AudioStream = self._container.add_stream("aac", rate=self._rate, layout="mono", options=coder)
        self._audio.bit_rate = 96_000
        self._samples = 0
        self._closed = False
        self._container.start_encoding()
        self._head = head.getvalue()
        scale = self._container.streams.video[0].time_base  # the muxer's own, finer than that of the pictures
        assert scale is not None
        self._pictures, self._sound = FragmentTrack(1, scale.denominator), FragmentTrack(2, self._rate)
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
        return pictures if self._closed else min(pictures, round(self._sound.start / self._rate * 1e6))

    def head(self) -> bytes:
        """The initialisation segment."""
        return self._head

    def add_audio(self, samples: Samples) -> None:
        """Sound that follows what was added before."""
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples)
        self._encode_audio(samples)

    def _encode_audio(self, samples: Samples) -> None:
        if not samples.size:
            return
        frame = AudioFrame.from_ndarray(samples.astype(np.float32)[None, :], "fltp", "mono")
        frame.rate, frame.pts, frame.time_base = self._rate, self._samples, Fraction(1, self._rate)
        self._samples += samples.size
        self._keep_sound(self._audio.encode(frame))

    def _keep_sound(self, packets: Iterable[Packet[Any]]) -> None:
        for packet in packets:
            # the encoder's priming packet lies before 0; kept, it would push both tracks 1024 samples late
            if packet.pts is None or packet.pts >= 0:
                self._sound.add(bytes(packet), packet.duration or 1024, True)

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
        if self._resampler is not None:
            self._encode_audio(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
        self._keep_pictures(self._video.finish())
        self._keep_sound(self._audio.encode(None))
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
