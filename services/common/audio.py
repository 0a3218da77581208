"""Audio helpers: decode anything PyAV can, resample with soxr, measure loudness.

Samples are mono, float32, in [-1, 1].
"""

from __future__ import annotations

import io
import wave
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soxr

from services.common.errors import HuashengError
from services.common.media.containers import opened
from services.common.media.sound import mono_pieces

Samples = npt.NDArray[np.float32]
"""Shape (n,), float32, -1 to 1."""

SILENCE_DBFS = -55.0
"""Audio whose loudest 50 ms stay under this is taken as silence."""


def decode(
    source: Path | bytes, rate: int, name: str = "audio", limit_s: float | None = None, zero_s: float | None = None
) -> Samples:
    """Decode the first audio stream of a file to mono at ``rate`` Hz; ``zero_s`` as for ``sound.mono_pieces``.

    Raises what that raises and, when more than ``limit_s`` seconds come out, ``too-long`` (found while decoding, so a
    false header cannot fill the memory).
    """
    parts: list[Samples] = []
    count = 0
    for piece in mono_pieces(source, rate, name, zero_s):
        parts.append(piece)
        count += piece.size
        if limit_s is not None and count > limit_s * rate:
            raise HuashengError(
                "too-long", name=name, seconds=_declared_s(source, name) or round(count / rate), limit=round(limit_s)
            )
    if not count:
        raise HuashengError("corrupt-media", name=name)
    return np.concatenate(parts).astype(np.float32, copy=False)


def _declared_s(source: Path | bytes, name: str) -> int:
    """Length that the file's header gives, in seconds; 0 when it gives none."""
    with opened(source, name) as container:
        return round((container.duration or 0) / av.time_base)


def resample(x: Samples, rate: int, to: int) -> Samples:
    """Resample a whole clip (soxr, high quality)."""
    return x if rate == to else np.asarray(soxr.resample(x, rate, to), dtype=np.float32)


def to_pcm16(x: Samples) -> bytes:
    """Samples as signed 16-bit little-endian PCM, clipped."""
    return (np.clip(x, -1, 1) * 32767).round().astype("<i2").tobytes()


def from_pcm16(data: bytes) -> Samples:
    """Signed 16-bit little-endian PCM as samples."""
    return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)


def peak_dbfs(x: Samples, rate: int) -> float:
    """Level of the loudest 50 ms in dB below full scale; -120 for digital silence or nothing."""
    n = max(1, rate // 20)
    if x.size == 0:
        return -120.0
    padded = np.pad(x, (0, -x.size % n)).reshape(-1, n)
    return float(20 * np.log10(max(1e-6, float(np.sqrt((padded.astype(np.float64) ** 2).mean(axis=1)).max()))))


def require_sound(x: Samples, rate: int, name: str = "audio") -> None:
    """Raises ``silent-audio`` for audio under ``SILENCE_DBFS``."""
    if peak_dbfs(x, rate) < SILENCE_DBFS:
        raise HuashengError("silent-audio", name=name)


def wav_bytes(x: Samples, rate: int) -> bytes:
    """A complete 16-bit mono WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(rate)
        w.writeframes(to_pcm16(x))
    return out.getvalue()
