"""A film to dub, what is recognised in it, and a language model that translates its lines."""

from __future__ import annotations

import re
from collections.abc import Callable

import av
import numpy as np

from services.common.storage import Storage
from tests.fakes.media import blank, video
from tests.fakes.tiny_video import FPS

RATE = 16000
SECONDS = 12.0
VOICE_HZ, ROOM_HZ = 700, 300
SEGMENTS = [("大家好，我是画声。今天天气很好", 1.0, 5.0), ("我们出去走走吧。", 5.3, 7.0), ("再见。", 9.0, 10.2)]
"""Two stretches are three sentences, of which one goes from the first stretch into the second."""
SENTENCES = ["大家好，我是画声。", "今天天气很好我们出去走走吧。", "再见。"]
_LINE = re.compile(r"^(\d+)\|\[at most (\d+) characters\] (.*)$", re.MULTILINE)


def film(fps: int = 25) -> bytes:
    """Somebody who hums at ``VOICE_HZ`` where ``SEGMENTS`` are, in a room that hums softly at ``ROOM_HZ``."""
    t = np.arange(int(SECONDS * RATE)) / RATE
    sound = 0.05 * np.sin(2 * np.pi * ROOM_HZ * t)
    for _, a, b in SEGMENTS:
        sound += np.where((t >= a) & (t < b), 0.3 * np.sin(2 * np.pi * VOICE_HZ * t), 0)
    return video([blank(64)] * int(SECONDS * fps), fps, sound.astype(np.float32))


def pictures_of(storage: Storage, uri: str) -> int:
    """Of a stored film, at the rate of what the fake renderer draws."""
    with storage.local(storage.key(uri)) as path, av.open(str(path)) as opened:
        rate = opened.streams.video[0].average_rate
        return round(sum(1 for _ in opened.decode(video=0)) * FPS / float(rate or FPS))


def lines_in(question: str) -> list[tuple[int, int, str]]:
    """The lines of a question: number, most characters, text."""
    return [(int(n), int(most), text) for n, most, text in _LINE.findall(question)]


def translator(say: Callable[[str, int], str]) -> Callable[[str], str]:
    """A language model that answers each line with ``say(text, most characters)``."""
    return lambda question: "".join(f"{n}|{say(text, most)}\n" for n, most, text in lines_in(question))
