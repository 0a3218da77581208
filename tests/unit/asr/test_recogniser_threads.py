"""Two threads of one live stream ask for words at the same time: a draft, and the end of the utterance before."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from types import SimpleNamespace
from typing import Any

from services.asr.recogniser import Recogniser


async def test_two_threads_may_ask_at_once() -> None:
    began = threading.Barrier(2, timeout=60)
    recogniser: Any = Recogniser.__new__(Recogniser)
    recogniser._loop, recogniser._language = asyncio.get_running_loop(), ""
    recogniser._context = contextvars.copy_context()

    async def recognise(_samples: object, _draft: bool) -> str:
        return "words"

    recogniser.recognise = recognise
    entered = recogniser._context

    def ask() -> object:
        began.wait()
        return recogniser.transcribe(SimpleNamespace())

    def ask_from_within() -> object:
        return entered.run(ask)  # as long as one thread is inside, the other cannot enter the same context

    assert await asyncio.gather(asyncio.to_thread(ask_from_within), asyncio.to_thread(ask)) == ["words", "words"]
