"""The WAV that ``POST /speech`` streams: its header cannot know its length, so lengths are read and written here."""

from __future__ import annotations

import io
import struct
import wave
from dataclasses import dataclass

from huasheng.errors import AnswerError


@dataclass(frozen=True)
class Header:
    """What stands before the samples; ``size`` in bytes."""

    sample_rate_hz: int
    size: int


def read_header(data: bytes) -> Header | None:
    """The header of 16-bit mono PCM; None while more bytes are needed. Raises ``AnswerError`` for anything else."""
    if len(data) < 12:
        return None
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise AnswerError("speech did not come as a WAV file")
    rate, at = 0, 12
    while len(data) >= at + 8:
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        if name == b"data":
            if not rate:
                raise AnswerError("speech came as a WAV file without a format")
            return Header(rate, at + 8)
        if name == b"fmt ":
            if len(data) < at + 24:
                return None
            kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, at + 8)
            if (kind, channels, bits) != (1, 1, 16):
                raise AnswerError("speech did not come as 16-bit mono PCM")
        at += 8 + size + size % 2
    return None


def whole(data: bytes) -> tuple[bytes, int, float]:
    """The same WAV with true lengths, its sample rate and its duration in seconds. Raises ``AnswerError``.

    The label that says that it was made by a machine (GB 45438-2025) stays in it.
    """
    header = read_header(data)
    if header is None:
        raise AnswerError("speech came without any sound")
    samples = (len(data) - header.size) // 2
    out = io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(header.sample_rate_hz)
        w.writeframes(data[header.size : header.size + 2 * samples])
    plain, label = out.getvalue(), _label(data[: header.size])
    riff = struct.pack("<4sI", b"RIFF", len(plain) + len(label) - 8)
    made = riff + plain[8:36] + label + plain[36:]
    return made, header.sample_rate_hz, samples / header.sample_rate_hz


def _label(head: bytes) -> bytes:
    """The chunk of the label before the samples; empty without one."""
    at = 12
    while len(head) >= at + 20:
        size = struct.unpack_from("<I", head, at + 4)[0]
        if (head[at : at + 4], head[at + 8 : at + 16]) == (b"LIST", b"INFOAIGC"):
            return head[at : at + 8 + size + size % 2]
        at += 8 + size + size % 2
    return b""
