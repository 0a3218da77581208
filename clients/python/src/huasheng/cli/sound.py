"""Microphone and loudspeaker, through the package ``sounddevice`` where it is installed."""

from __future__ import annotations

import asyncio
import importlib
import threading
from types import TracebackType
from typing import Any, Self

from huasheng.live import MICROPHONE_HZ

WAITING = 50
"""Pieces of 100 ms that may wait to be sent; older ones are dropped, as late speech helps nobody."""


class SoundError(Exception):
    """There is no sound on this machine; the text says what to do."""


def devices() -> Any:
    """The package. Raises ``SoundError``."""
    try:
        return importlib.import_module("sounddevice")
    except ModuleNotFoundError:
        raise SoundError("sound needs the package sounddevice: pip install 'huasheng-client[sound]'") from None
    except OSError as e:
        raise SoundError(f"sound needs PortAudio ({e}). On Debian: apt-get install libportaudio2") from None


class Microphone:
    """What the user says, 16 bits at 16 kHz, in pieces of 100 ms."""

    def __init__(self, package: Any) -> None:
        self._package, self._loop = package, asyncio.get_running_loop()
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue(WAITING)

    def __enter__(self) -> Self:
        try:
            self._stream = self._package.RawInputStream(
                samplerate=MICROPHONE_HZ,
                channels=1,
                dtype="int16",
                blocksize=MICROPHONE_HZ // 10,
                callback=lambda data, *_: self._loop.call_soon_threadsafe(self._put, bytes(data)),
            )
            self._stream.start()
        except self._package.PortAudioError as e:
            raise SoundError(f"the microphone cannot be used: {e}") from None
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def _put(self, piece: bytes) -> None:
        if self._pieces.full():
            self._pieces.get_nowait()
        self._pieces.put_nowait(piece)

    async def read(self) -> bytes:
        """The next piece."""
        return await self._pieces.get()


class Loudspeaker:
    """Plays answers, and knows where it is. What waits is bounded: the gateway sends no more than it is told fits."""

    def __init__(self, package: Any) -> None:
        self._package = package
        self._lock = threading.Lock()
        self._waiting = bytearray()
        self._stream: Any = None
        self._rate, self._added, self._played = 0, 0, 0
        self._is_held = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._stream:
            self._stream.close()

    def begin(self, rate: int) -> None:
        """An answer begins, at ``rate`` samples a second. Raises ``SoundError``."""
        with self._lock:
            self._waiting.clear()
            self._added = self._played = 0
            self._is_held = False
        if self._stream and rate == self._rate:
            return
        if self._stream:
            self._stream.close()
        self._rate = rate
        try:
            self._stream = self._package.RawOutputStream(
                samplerate=rate, channels=1, dtype="int16", callback=lambda out, *_: self._fill(out)
            )
            self._stream.start()
        except self._package.PortAudioError as e:
            raise SoundError(f"the loudspeaker cannot be used: {e}") from None

    def _fill(self, out: Any) -> None:
        with self._lock:
            ready = b"" if self._is_held else bytes(self._waiting[: len(out)])
            del self._waiting[: len(ready)]
            self._played += len(ready) // 2
        out[:] = ready + bytes(len(out) - len(ready))

    def add(self, pts_us: int, pcm: bytes) -> None:
        """Sound that is due at ``pts_us`` of the answer; silence stands where there is none before it."""
        with self._lock:
            gap = max(0, pts_us * self._rate // 1_000_000 - self._added)
            self._waiting += bytes(2 * gap) + pcm
            self._added += gap + len(pcm) // 2

    def hold(self, is_held: bool) -> None:
        """Be silent for now, or go on."""
        with self._lock:
            self._is_held = is_held

    def stop(self) -> None:
        """Forget what is left."""
        with self._lock:
            self._waiting.clear()

    @property
    def position_us(self) -> int:
        """What the device was given of the answer."""
        with self._lock:
            return self._played * 1_000_000 // self._rate if self._rate else 0
