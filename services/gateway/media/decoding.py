"""Decodes the speech of any media file piece by piece, so that a long file is never in memory as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from services.common.audio import to_pcm16
from services.common.media.sound import mono_pieces

PIECE_S = 0.5


def pcm_chunks(path: Path, rate: int, name: str) -> Iterator[bytes]:
    """16-bit mono PCM at ``rate`` Hz in pieces of about half a second. Raises what ``mono_pieces`` raises."""
    piece = bytearray()
    limit = int(rate * PIECE_S) * 2
    for samples in mono_pieces(path, rate, name):
        piece += to_pcm16(samples)
        while len(piece) >= limit:
            yield bytes(piece[:limit])
            del piece[:limit]
    if piece:
        yield bytes(piece)
