"""What a telephone, a voice message or a bad line does to speech: narrow-band codecs, low levels, noise on the line."""

from __future__ import annotations

import io

import av
import numpy as np
import soxr

from services.common.audio import Samples, decode

RATE_HZ = 8_000
"""Of a telephone line."""

CODECS: dict[str, tuple[str, str, int | None]] = {
    "mulaw": ("wav", "pcm_mulaw", None),
    "alaw": ("wav", "pcm_alaw", None),
    "ima": ("wav", "adpcm_ima_wav", None),
    "adpcm": ("wav", "adpcm_ms", None),
    "g726": ("wav", "adpcm_g726", 16_000),
    "amr": ("amr", "libopencore_amrnb", 12_200),
    "amr-low": ("amr", "libopencore_amrnb", 4_750),
    "opus": ("ogg", "libopus", 8_000),
    "opus-low": ("ogg", "libopus", 6_000),
    "mp3": ("mp3", "libmp3lame", 8_000),
}
"""Container, encoder and bits a second (None: fixed by the codec)."""


def file(samples: Samples, codec: str, level_db: float = 0.0, noise_db: float | None = None) -> bytes:
    """16 kHz speech as a file of 8 kHz in one of ``CODECS``.

    ``level_db`` changes the level before coding. ``noise_db``: line noise (white, with hum of 50 Hz) this far below the
    speech; None for none.
    """
    x = np.asarray(soxr.resample(samples, 16_000, RATE_HZ), np.float64)
    if noise_db is not None:
        power = np.sqrt(np.mean(x[np.abs(x) > 0.01 * np.abs(x).max()] ** 2)) * 10 ** (-noise_db / 20)
        hum = np.sin(2 * np.pi * 50 * np.arange(x.size) / RATE_HZ)
        x = x + power * (np.random.default_rng(x.size).normal(0, 0.9, x.size) + 0.6 * hum)
    return encoded(np.asarray(x * 10 ** (level_db / 20), np.float32), codec)


def encoded(samples: Samples, codec: str) -> bytes:
    """8 kHz samples as a file in one of ``CODECS``."""
    form, name, bits = CODECS[codec]
    out = io.BytesIO()
    with av.open(out, "w", format=form) as container:
        stream = container.add_stream(
            name, rate=RATE_HZ, layout="mono", options={"code_size": "2"} if name == "adpcm_g726" else {}
        )
        if bits:
            stream.bit_rate = bits
        pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE_HZ, 0
        resampler = av.AudioResampler(stream.format.name, "mono", RATE_HZ, frame_size=stream.frame_size or 0)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return out.getvalue()


def heard(samples: Samples, codec: str, level_db: float = 0.0, noise_db: float | None = None) -> Samples:
    """The same at 16 kHz, as the recogniser gets it."""
    return decode(file(samples, codec, level_db, noise_db), 16_000)
