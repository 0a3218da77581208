"""Writes H.264 + AAC: as a fragmented MP4 stream that plays while it is made, and as a plain MP4 loop.

PyAV muxes and libx264 encodes. Pictures are BGR (H, W, 3) or planar YUV 4:2:0 (H * 3 / 2, W), BT.709 limited range.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
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
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation, VideoReformatter
from av.video.stream import VideoStream

from services.render.engines.base import Image, Samples

AAC_RATES = (24000, 32000, 44100, 48000)
"""Rates that every browser plays; others are brought to 48 kHz."""
FRAGMENT_S, LIVE_FRAGMENT_S = 0.2, 0.06
"""Shortest length of a fragment: what a player waits for before it can show something new."""


LARGE = 1280 * 720
"""Pixels of a picture from which ``auto`` takes the faster preset."""


@dataclass(frozen=True)
class EncoderOptions:
    """How pictures are encoded."""

    preset: str = "auto"
    """A preset of x264; ``auto`` is ``veryfast``, and above ``LARGE`` ``superfast``."""
    crf: int = 20
    threads: int = 1
    live: bool = False
    """No look-ahead and a key frame every second, at a third more bytes."""


def _planar_frame(image: Image) -> VideoFrame:
    image = np.ascontiguousarray(image)
    if image.shape[0] % 6 == 0:
        return VideoFrame.from_numpy_buffer(image, "yuv420p")
    # from_numpy_buffer saves a copy, but takes a height that is not a multiple of 4 for a smaller one
    return VideoFrame.from_ndarray(image, "yuv420p")


def _x264(options: EncoderOptions, pixels: int) -> dict[str, str]:
    """Options of libx264 for pictures of so many pixels."""
    preset = ("superfast" if pixels > LARGE else "veryfast") if options.preset == "auto" else options.preset
    # no B-frames: the first picture has time 0 without edit lists, which players read differently
    out = {"preset": preset, "crf": str(options.crf), "bf": "0"}
    if preset == "veryfast":
        # a talking head moves little: a quarter less work for the same picture and a fiftieth more bytes
        out |= {"motion-est": "dia", "partitions": "i8x8", "weightp": "none"}
    if options.live:
        return out | {"tune": "zerolatency"}
    # superfast has no look-ahead of its own; with it the same picture takes half of the bytes for the same work
    return out | {"rc-lookahead": "10", "x264-params": "mbtree=1"}


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


class _Encoder:
    """One H.264 stream of a container; counts the frames."""

    def __init__(self, container: OutputContainer, size: tuple[int, int], fps: float, options: EncoderOptions) -> None:
        rate = Fraction(fps).limit_denominator(1001)
        x264 = _x264(options, size[0] * size[1])
        self.stream: VideoStream = container.add_stream("libx264", rate=rate, options=x264)
        self.stream.width, self.stream.height = size
        self.stream.pix_fmt = "yuv420p"
        context = self.stream.codec_context
        context.time_base = 1 / rate
        context.gop_size = round(fps * (1 if options.live else 2))
        context.thread_count = options.threads
        context.color_range = ColorRange.MPEG
        context.colorspace = Colorspace.ITU709
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        self.time_base = 1 / rate
        self.frames = 0
        self._convert = VideoReformatter()

    def add(self, image: Image) -> Iterable[Packet[Any]]:
        """Packets that are ready after one more picture."""
        frame = _yuv_frame(image, self._convert) if image.ndim == 3 else _planar_frame(image)
        frame.pts, frame.time_base = self.frames, self.time_base
        self.frames += 1
        return self.stream.encode(frame)


class _Fragments:
    """The file that the muxer writes to; hands out whole fragments and knows how many pictures they hold."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.pictures = 0

    def write(self, data: bytes) -> int:
        """Called by the muxer."""
        self.data += data
        return len(data)

    def take(self, everything: bool = False) -> bytes:
        """Bytes of the complete ``ftyp``, ``moov`` and ``moof`` + ``mdat`` boxes since the last call."""
        whole = 0
        for kind, start, end in _boxes(self.data, 0, len(self.data)):
            if kind == b"moof":
                self.pictures += _video_samples(self.data, start, end) if self._has_body(end) else 0
            elif kind != b"styp":
                whole = end
        whole = len(self.data) if everything else whole
        out = bytes(self.data[:whole])
        del self.data[:whole]
        return out

    def _has_body(self, at: int) -> bool:
        return any(kind == b"mdat" for kind, _, _ in _boxes(self.data, at, len(self.data)))


def _boxes(data: bytearray, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Complete boxes of ISO/IEC 14496-12 in a range: type, start of the content, end."""
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        if size < 8 or start + size > end:
            return
        yield kind, start + 8, start + size
        start += size


def _video_samples(data: bytearray, start: int, end: int) -> int:
    """Pictures in one ``moof``: the sample counts of track 1."""
    count = 0
    for kind, a, b in _boxes(data, start, end):
        if kind == b"traf":
            track = 0
            for inner, c, _ in _boxes(data, a, b):
                if inner == b"tfhd":
                    track = struct.unpack_from(">I", data, c + 4)[0]
                elif inner == b"trun" and track == 1:
                    count += struct.unpack_from(">I", data, c + 4)[0]
    return count


class FragmentedMp4:
    """Video and speech as one stream of bytes for ``MediaSource`` or a file.

    Call ``head`` once, then for each picture ``add_audio`` with the sound that goes with it and ``add_frame``, then
    ``finish``. Both tracks start at 0; sound ends where it was given to end.
    """

    def __init__(
        self, width: int, height: int, fps: float, audio_rate_hz: int, options: EncoderOptions | None = None
    ) -> None:
        self._sink = _Fragments()
        movflags = "empty_moov+default_base_moof+negative_cts_offsets+skip_trailer"
        options = options or EncoderOptions()
        fragment_us = str(round((LIVE_FRAGMENT_S if options.live else FRAGMENT_S) * 1e6))
        self._container = av.open(
            self._sink, "w", format="mp4", container_options={"movflags": movflags, "frag_duration": fragment_us}
        )
        self._fps = fps
        self._video = _Encoder(self._container, (width, height), fps, options)
        # an AAC frame is 1024 samples whatever their rate, and the coder is two behind: at 48 kHz 43 ms instead of 85
        self._rate = audio_rate_hz if audio_rate_hz in AAC_RATES and not options.live else 48000
        self._resampler = None if self._rate == audio_rate_hz else soxr.ResampleStream(audio_rate_hz, self._rate, 1)
        # at this bit rate the fast coder is as good on a voice, for a third of the work
        coder = {"aac_coder": "fast"}
        self._audio: AudioStream = self._container.add_stream("aac", rate=self._rate, layout="mono", options=coder)
        self._audio.bit_rate = 96_000
        self._samples = 0
        self._closed = False
        self._container.start_encoding()

    @property
    def mime_type(self) -> str:
        """MIME type with codecs (RFC 6381), e.g. ``video/mp4; codecs="avc1.64001e, mp4a.40.2"``."""
        extradata = bytes(self._video.stream.codec_context.extradata or b"")
        sps = extradata.index(b"\x00\x00\x01\x67") + 4  # Annex B: start code, NAL type 7, then profile and level
        return f'video/mp4; codecs="avc1.{extradata[sps : sps + 3].hex()}, mp4a.40.2"'

    @property
    def end_us(self) -> int:
        """Media time up to which bytes have been handed out."""
        return round(self._sink.pictures / self._fps * 1e6)

    def head(self) -> bytes:
        """The initialisation segment."""
        return self._sink.take()

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
        self._mux_audio(self._audio.encode(frame))

    def _mux_audio(self, packets: Iterable[Packet[Any]]) -> None:
        for packet in packets:
            # the encoder's priming packet lies before 0; kept, it would push both tracks 1024 samples late
            if packet.pts is None or packet.pts >= 0:
                self._container.mux(packet)

    def add_frame(self, image: Image) -> bytes:
        """Add a picture; returns the fragments that are ready, often none."""
        for packet in self._video.add(image):
            self._container.mux(packet)
        return self._sink.take()

    def finish(self) -> bytes:
        """Everything that is left."""
        if self._resampler is not None:
            self._encode_audio(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
        for packet in self._video.stream.encode(None):
            self._container.mux(packet)
        self._mux_audio(self._audio.encode(None))
        self.close()
        return self._sink.take(everything=True)

    def close(self) -> None:
        """Free the encoders; what was not taken is lost unless ``finish`` was called."""
        if not self._closed:
            self._closed = True
            self._container.close()


def write_loop(path: Path, images: Iterable[Image], size: tuple[int, int], fps: float, options: EncoderOptions) -> int:
    """Write pictures as a silent MP4 with its index in front. ``size`` is (width, height). Returns how many came."""
    with av.open(str(path), "w", format="mp4", container_options={"movflags": "faststart"}) as container:
        video = _Encoder(container, size, fps, options)
        for image in images:
            for packet in video.add(image):
                container.mux(packet)
        for packet in video.stream.encode(None):
            container.mux(packet)
    return video.frames
