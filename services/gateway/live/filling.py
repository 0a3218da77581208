"""Silence where speech is late: the avatar waits with its mouth at rest instead of freezing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from huasheng.common.v1 import common_pb2
from huasheng.tts.v1 import tts_pb2
from prometheus_client import Counter

from services.gateway.turn.stages import Synthesised

STEP_S = 0.1
"""Length of a piece of silence."""
SHORT_US = 450_000
"""Speech that must lie before the client: drawing, which looks ahead, and the way to the screen take most of it."""
ROUNDING_US = 1000
FILLED = Counter("huasheng_live_filled_seconds_total", "Silence put into live answers because speech was late")


async def filled(
    responses: AsyncIterator[Synthesised], ahead_us: Callable[[int], int | None]
) -> AsyncIterator[Synthesised]:
    """The responses of tts, with silence between two stretches when the next one is late; times move accordingly.

    ``ahead_us(end)``: how far the end of the speech so far, in microseconds, lies before what is heard; None while
    nothing is heard.
    """
    shift = end = stretch_end = rate_hz = 0
    has_phonemes = False
    coming: asyncio.Task[Synthesised | None] | None = None
    try:
        while True:
            coming = coming or asyncio.create_task(_next(responses))
            await asyncio.wait({coming}, timeout=STEP_S / 2)
            if not coming.done():
                is_between = end > 0 and abs(end - stretch_end) <= ROUNDING_US
                ahead = ahead_us(end) if is_between else None
                if ahead is not None and ahead < SHORT_US:
                    step = round(STEP_S * 1e6)
                    for response in _silence(end, step, rate_hz, has_phonemes):
                        yield response
                    FILLED.inc(STEP_S)
                    shift, end, stretch_end = shift + step, end + step, stretch_end + step
                continue
            item, coming = coming.result(), None
            if item is None:
                return
            payload = item.WhichOneof("payload")
            _move(item, shift)
            if payload == "header":
                rate_hz, has_phonemes = item.header.format.sample_rate_hertz, item.header.has_phonemes
            elif payload == "clause":
                stretch_end = item.clause.end_us
            elif payload == "audio":
                end = item.audio.pts_us + len(item.audio.data) * 500_000 // rate_hz
            yield item
    finally:
        if coming:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)


async def _next(responses: AsyncIterator[Synthesised]) -> Synthesised | None:
    return await anext(responses, None)


def _move(item: Synthesised, shift: int) -> None:
    """Add the silence before it to its times."""
    payload = item.WhichOneof("payload")
    if payload == "clause":
        item.clause.start_us += shift
        item.clause.end_us += shift
    elif payload == "phonemes":
        for span in item.phonemes.spans:
            span.start_us += shift
            span.end_us += shift
    elif payload == "audio":
        item.audio.pts_us += shift
    elif payload == "finished":
        item.finished.duration_us += shift


def _silence(at_us: int, length_us: int, rate_hz: int, has_phonemes: bool) -> list[Synthesised]:
    span = common_pb2.PhonemeSpan(phoneme="", start_us=at_us, end_us=at_us + length_us)
    samples = bytes(2 * (length_us * rate_hz // 1_000_000))
    audio = Synthesised(audio=common_pb2.AudioChunk(data=samples, pts_us=at_us))
    return [Synthesised(phonemes=tts_pb2.Phonemes(spans=[span])), audio] if has_phonemes else [audio]
