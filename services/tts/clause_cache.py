"""Stretches of speech that were made before: bounded, least recently used first out, for engines that repeat exactly.

Engines look here themselves, stretch by stretch, since only they know all that shapes a stretch: its own language, what
stands at its end, the voice that a text without one gets. So a hit is what the engine would make.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.common import metrics
from services.common.audio import to_pcm16
from services.tts.engines.base import Piece, Span, Stop

LONGEST = 60
"""Characters of the longest stretch that is kept: longer ones hardly come again."""
PREPARED_SHARE = 0.75
"""Share of the memory for what was prepared; a long text that is spoken must not push it out."""
_SPAN_BYTES, _ENTRY_BYTES = 250, 1000
"""About what Python takes for a span, and for the rest of an entry."""


@dataclass(frozen=True)
class _Kept:
    """A piece as it is kept; half the size of float samples, and the same bytes when sent."""

    text: str
    voice_id: str
    pcm: npt.NDArray[np.int16]
    spans: tuple[Span, ...]

    def piece(self, index: int) -> Piece:
        samples = self.pcm.astype(np.float32) / np.float32(32767)  # the factor of to_pcm16
        return Piece(index, self.text, self.voice_id, samples, [*self.spans], cached=True)


def _keep(piece: Piece) -> _Kept:
    pcm = np.frombuffer(to_pcm16(piece.samples), "<i2")
    return _Kept(piece.text, piece.voice_id, pcm, tuple(piece.spans))


def _size(pieces: list[_Kept]) -> int:
    return _ENTRY_BYTES + sum(p.pcm.nbytes + len(p.spans) * _SPAN_BYTES for p in pieces)


class _Part:
    """Entries up to a number of bytes; the caller holds the lock."""

    def __init__(self, limit: int) -> None:
        self.limit, self.size = limit, 0
        self.entries: OrderedDict[Hashable, list[_Kept]] = OrderedDict()

    def get(self, key: Hashable) -> list[_Kept] | None:
        if key in self.entries:
            self.entries.move_to_end(key)
        return self.entries.get(key)

    def put(self, key: Hashable, pieces: list[_Kept]) -> None:
        self.drop(key)
        if _size(pieces) > self.limit:
            return
        self.entries[key] = pieces
        self.size += _size(pieces)
        while self.size > self.limit:
            self.drop(next(iter(self.entries)))

    def drop(self, key: Hashable) -> None:
        if gone := self.entries.pop(key, None):
            self.size -= _size(gone)


class ClauseCache:
    """Shared by all calls. ``limit`` is in bytes; 0 keeps nothing.

    What was prepared serves everybody. What was spoken serves its owner only: whether a sentence is at hand would tell
    others that somebody has had it said.
    """

    def __init__(self, limit: int) -> None:
        self._prepared = _Part(round(limit * PREPARED_SHARE))
        self._spoken = _Part(limit - self._prepared.limit)
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes in use."""
        return self._prepared.size + self._spoken.size

    @property
    def keeps(self) -> bool:
        """Whether anything is ever kept."""
        return self._prepared.limit > 0

    def has_prepared(self, key: Hashable) -> bool:
        """Whether it is at hand for everybody."""
        with self._lock:
            return key in self._prepared.entries

    def prepared(self, key: Hashable) -> list[_Kept] | None:
        """The pieces of a stretch that is at hand for everybody; not counted, since nobody waits for it."""
        with self._lock:
            return self._prepared.get(key)

    def find(self, key: Hashable, owner: str) -> list[_Kept] | None:
        """The pieces of a stretch, for its owner; counted as a hit or a miss."""
        with self._lock:
            found = self._prepared.get(key) or self._spoken.get((owner, key))
        metrics.TTS_CACHE.labels("hit" if found else "miss").inc()
        return found

    def put(self, key: Hashable, owner: str | None, pieces: list[Piece]) -> None:
        """Keep a stretch for its owner, or as prepared for all (None)."""
        kept = [_keep(p) for p in pieces]
        with self._lock:
            if owner is None:
                self._prepared.put(key, kept)
            else:
                self._spoken.put((owner, key), kept)
            metrics.TTS_CACHE_BYTES.set(self.size)

    def forget_owner(self, owner: str) -> None:
        """Drop all that was spoken for an owner."""
        with self._lock:
            for key in [k for k in self._spoken.entries if isinstance(k, tuple) and k[0] == owner]:
                self._spoken.drop(key)
            metrics.TTS_CACHE_BYTES.set(self.size)

    def forget(self, voice_id: str) -> None:
        """Drop all that a voice has said; it is deleted."""
        with self._lock:
            for part in (self._prepared, self._spoken):
                for key in [k for k, pieces in part.entries.items() if any(p.voice_id == voice_id for p in pieces)]:
                    part.drop(key)
            metrics.TTS_CACHE_BYTES.set(self.size)


class Spoken:
    """The cache as a call of one owner sees it; a ``Memory`` for engines."""

    def __init__(self, cache: ClauseCache, owner: str) -> None:
        self._cache, self._owner = cache, owner

    def recall(self, key: Hashable, index: int, make: Callable[[], Iterator[Piece]], stop: Stop) -> Iterator[Piece]:
        """See ``Memory``."""
        if found := self._cache.find(key, self._owner):
            yield from (k.piece(index) for k in found)
            return
        made = []
        for piece in make():
            made.append(piece)
            yield piece
        if made and not stop.is_set() and sum(len(p.text) for p in made) <= LONGEST:
            self._cache.put(key, self._owner, made)


class Preparing:
    """The cache while a text is prepared; ``keys`` are those of its stretches. A ``Memory`` for engines."""

    def __init__(self, cache: ClauseCache) -> None:
        self._cache = cache
        self.keys: list[Hashable] = []

    def recall(self, key: Hashable, index: int, make: Callable[[], Iterator[Piece]], stop: Stop) -> Iterator[Piece]:
        """See ``Memory``."""
        self.keys.append(key)
        if kept := self._cache.prepared(key):
            yield from (k.piece(index) for k in kept)
            return
        made = [*make()]
        if made and not stop.is_set():
            self._cache.put(key, None, made)
        yield from made
