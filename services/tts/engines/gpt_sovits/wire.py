"""What ``api_v2.py`` sends: sound in four containers, streamed or whole, and failures dressed as success.

The API answers 200 also when its inference has failed: with one second of digital silence at 16 kHz, with a body that
breaks off, or with none. Only sound at a rate that its models have is taken as speech.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
import soxr

from services.common.audio import Samples, from_pcm16
from services.tts.engines.gpt_sovits.failures import Failure

RATES = {"v1": 32000, "v2": 32000, "v2Pro": 32000, "v2ProPlus": 32000, "v3": 24000, "v4": 48000}
"""Of the models, in Hz."""
SUPER_RATE = 48000
"""Of v3 with super-sampling."""
FAILED_SAMPLES = 16000
"""Digital silence that a failed inference ends with; the longest rest between segments is shorter."""
ZERO = 2e-5
"""Under the smallest step of 16-bit sound: silence that was encoded and decoded need not be exactly zero."""
SHORTEST_S = 0.1
"""Less sound than this is no speech."""


class Decoder:
    """Bytes of one answer to mono samples at ``to`` Hz, given out as they come when ``streamed``.

    ``rates`` are those that the model may have; ``media`` is ``wav``, ``raw``, ``ogg`` or ``aac``. Digital silence is
    held back until sound follows. Raises ``Failure``.
    """

    def __init__(self, media: str, streamed: bool, rates: frozenset[int], to: int) -> None:
        self._rates, self._to, self._streamed = rates, to, streamed
        self._source: _Wav | _Raw | _Ogg | _Aac
        if media == "raw":
            self._source = _Raw(next(iter(rates)))
        else:
            self._source = _Wav() if media == "wav" else _Ogg() if media == "ogg" else _Aac()
        self._waiting: list[Samples] = []
        self._quiet = 0  # samples of digital silence at the end of what waits
        self._sounding = 0  # samples up to the last that is not silent
        self._rate = 0
        self._stream: soxr.ResampleStream | None = None

    def feed(self, data: bytes) -> Samples:
        """Take the next bytes; returns the sound that is complete by now (none unless streamed)."""
        for block in self._source.feed(data):
            self._take(block)
        if not self._streamed or not self._waiting or self._quiet == sum(b.size for b in self._waiting):
            return np.zeros(0, np.float32)
        joined = np.concatenate(self._waiting)
        ready = joined[: joined.size - self._quiet]
        self._waiting = [joined[ready.size :]] if self._quiet else []
        return self._resampled(ready, last=False)

    def finish(self) -> Samples:
        """The rest, after the last byte."""
        for block in self._source.finish():
            self._take(block)
        if not self._rate:
            raise Failure("the answer was empty")
        if not self._sounding:
            raise Failure("only digital silence came, as after a failure inside")
        if self._quiet >= FAILED_SAMPLES:
            raise Failure("the answer ended with a second of digital silence, as after a failure inside")
        if self._sounding < SHORTEST_S * self._rate:
            raise Failure(f"only {self._sounding / self._rate:.2f} s of sound came")
        rest = np.concatenate(self._waiting) if self._waiting else np.zeros(0, np.float32)
        return self._resampled(rest, last=True)

    def _take(self, block: Samples) -> None:
        rate = self._source.rate
        if rate not in self._rates:
            wanted = " or ".join(str(r) for r in sorted(self._rates))
            raise Failure(f"sound at {rate} Hz came, where the model makes {wanted} Hz, as after a failure inside")
        if self._rate and rate != self._rate:
            raise Failure(f"the rate changed from {self._rate} to {rate} Hz")
        self._rate = rate
        if not block.size:
            return
        if not np.isfinite(block).all():
            raise Failure("the sound is not a number")
        self._waiting.append(block)
        loud = np.flatnonzero(np.abs(block) > ZERO)
        if loud.size:
            self._quiet = block.size - 1 - int(loud[-1])
            self._sounding += int(loud[-1]) + 1
        else:
            self._quiet += block.size

    def _resampled(self, x: Samples, last: bool) -> Samples:
        if self._rate == self._to:
            return x
        if self._stream is None:
            self._stream = soxr.ResampleStream(self._rate, self._to, 1, dtype="float32")
        out: Samples = np.asarray(self._stream.resample_chunk(x, last=last), np.float32)
        return out


class _Raw:
    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._odd = b""

    def feed(self, data: bytes) -> Iterator[Samples]:
        data = self._odd + data
        whole = len(data) // 2 * 2
        self._odd = data[whole:]
        if whole:
            yield from_pcm16(data[:whole])

    def finish(self) -> Iterator[Samples]:
        if self._odd:
            raise Failure("the sound broke off within a sample")
        return iter(())


class _Wav:
    """A whole file, or a header that promises nothing followed by PCM for as long as it comes."""

    rate = 0

    def __init__(self) -> None:
        self._head = b""
        self._pcm: _Raw | None = None
        self._promised = 0
        self._came = 0

    def feed(self, data: bytes) -> Iterator[Samples]:
        if self._pcm is None:
            self._head += data
            found = _wav_start(self._head)
            if found is None:
                if len(self._head) > 65536:
                    raise Failure("no wav header came")
                return
            start, self.rate, self._promised = found
            self._pcm, data, self._head = _Raw(self.rate), self._head[start:], b""
            yield np.zeros(0, np.float32)
        self._came += len(data)
        yield from self._pcm.feed(data)

    def finish(self) -> Iterator[Samples]:
        if self._pcm is None:
            if self._head:
                raise Failure("the answer is no wav file")
            return iter(())
        if self._came < self._promised:
            raise Failure(f"the sound broke off: {self._came} of {self._promised} bytes came")
        return self._pcm.finish()


def _wav_start(head: bytes) -> tuple[int, int, int] | None:
    """Place of the first sample, rate and length of the data in bytes (0 if unknown); None while more is needed."""
    if len(head) >= 12 and (head[:4] != b"RIFF" or head[8:12] != b"WAVE"):
        raise Failure("the answer is no wav file")
    place, rate = 12, 0
    while len(head) >= place + 8:
        name, size = struct.unpack_from("<4sI", head, place)
        if name == b"data":
            if not rate:
                raise Failure("the wav header lacks its format")
            return place + 8, rate, 0 if size >= 0xFFFFFF00 else size
        if name == b"fmt ":
            if len(head) < place + 24:
                return None
            kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", head, place + 8)
            if (kind, channels, bits) != (1, 1, 16):
                raise Failure(f"the wav file is not 16-bit mono PCM but format {kind}, {channels} channels, {bits} bit")
        place += 8 + size + size % 2
    return None


class _Ogg:
    """One file after the other, each complete; a file ends with the page that says so."""

    rate = 0

    def __init__(self) -> None:
        self._left = b""
        self._file = b""

    def feed(self, data: bytes) -> Iterator[Samples]:
        self._left += data
        while len(self._left) >= 27:
            if self._left[:4] != b"OggS":
                raise Failure("the answer is no ogg file")
            table = 27 + self._left[26]
            size = table + sum(self._left[27:table])
            if len(self._left) < max(table, size):
                return
            self._file += self._left[:size]
            is_last = self._left[5] & 4
            self._left = self._left[size:]
            if is_last:
                done, self._file = self._file, b""
                yield self._decoded(done)

    def _decoded(self, data: bytes) -> Samples:
        try:
            with av.open(io.BytesIO(data), "r", format="ogg") as container:
                frames = [_mono(f) for f in container.decode(audio=0)]
                self.rate = container.streams.audio[0].rate
        except (av.error.FFmpegError, IndexError) as e:
            raise Failure("an ogg file that came cannot be decoded") from e
        return np.concatenate(frames) if frames else np.zeros(0, np.float32)

    def finish(self) -> Iterator[Samples]:
        if self._left or self._file:
            raise Failure("the sound broke off within an ogg file")
        return iter(())


class _Aac:
    """ADTS frames. Each chunk of a stream is encoded by itself and begins with its encoder's short silence."""

    rate = 0

    def __init__(self) -> None:
        self._left = b""
        self._codec: av.AudioCodecContext = av.CodecContext.create("aac", "r")

    def feed(self, data: bytes) -> Iterator[Samples]:
        self._left += data
        while len(self._left) >= 7:
            if self._left[0] != 0xFF or self._left[1] & 0xF6 != 0xF0:
                raise Failure("the answer is no aac stream")
            size = (self._left[3] & 3) << 11 | self._left[4] << 3 | self._left[5] >> 5
            if size < 7:
                raise Failure("the answer is no aac stream")
            if len(self._left) < size:
                return
            frame, self._left = self._left[:size], self._left[size:]
            yield from self._decoded(av.Packet(frame))

    def _decoded(self, packet: Any) -> Iterator[Samples]:
        try:
            frames = self._codec.decode(packet)
        except av.error.FFmpegError as e:
            raise Failure("an aac frame that came cannot be decoded") from e
        for frame in frames:
            self.rate = frame.sample_rate
            yield _mono(frame)

    def finish(self) -> Iterator[Samples]:
        if self._left:
            raise Failure("the sound broke off within an aac frame")
        return self._decoded(None) if self.rate else iter(())


def _mono(frame: av.AudioFrame) -> Samples:
    if frame.layout.nb_channels != 1:
        raise Failure(f"the sound is not mono but has {frame.layout.nb_channels} channels")
    x: Any = frame.to_ndarray()
    return from_pcm16(x.tobytes()) if x.dtype == np.int16 else np.asarray(x[0], np.float32)
