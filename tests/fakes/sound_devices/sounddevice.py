"""Devices in place of those of the package ``sounddevice``: silence into the microphone, what is played into a file."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any


class PortAudioError(Exception):
    """As the package has it."""


class _Stream:
    """Calls back as often as a device would."""

    def __init__(self, *, samplerate: int, channels: int, dtype: str, callback: Callable[..., None], **_: Any) -> None:
        assert (channels, dtype) == (1, "int16")
        self.rate, self.callback = samplerate, callback
        self.samples = samplerate // 50
        self._is_open = True
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._is_open = False
        self._thread.join()

    def _run(self) -> None:
        while self._is_open:
            self.step()
            time.sleep(0.002)

    def step(self) -> None:
        raise NotImplementedError


class RawInputStream(_Stream):
    """Silence."""

    def step(self) -> None:
        self.callback(bytes(2 * self.samples), self.samples, None, None)
        time.sleep(0.02)


class RawOutputStream(_Stream):
    """Ten times as fast as a device: into a file."""

    def step(self) -> None:
        data = bytearray(2 * self.samples)
        self.callback(data, self.samples, None, None)
        with open(os.environ["FAKE_SOUND_FILE"], "ab") as file:  # noqa: PTH123
            file.write(data)
