"""Late speech in a live answer: silence between stretches, and what comes after it moves."""

import asyncio
import itertools
from collections.abc import AsyncIterator

from huasheng.common.v1 import common_pb2
from huasheng.tts.v1 import tts_pb2

from services.gateway.live.filling import FILLED, filled
from services.gateway.turn.messages import pcm_format
from services.gateway.turn.stages import Synthesised

RATE = 24_000
LENGTH_US = 600_000


def header(has_phonemes: bool) -> Synthesised:
    return Synthesised(header=tts_pb2.SynthesisHeader(format=pcm_format(RATE), has_phonemes=has_phonemes))


def stretch(start_us: int, has_phonemes: bool = True, parts: int = 1) -> list[Synthesised]:
    end = start_us + LENGTH_US
    out = [Synthesised(clause=tts_pb2.ClauseMark(text="嗯，", start_us=start_us, end_us=end))]
    if has_phonemes:
        span = common_pb2.PhonemeSpan(phoneme="a", start_us=start_us, end_us=end)
        out.append(Synthesised(phonemes=tts_pb2.Phonemes(spans=[span])))
    step = LENGTH_US // parts
    for at in range(start_us, end, step):
        data = b"\1\0" * (step * RATE // 1_000_000)
        out.append(Synthesised(audio=common_pb2.AudioChunk(data=data, pts_us=at)))
    return out


class Speech:
    """A tts stream whose second part waits."""

    def __init__(self, first: list[Synthesised], second: list[Synthesised]) -> None:
        self.first, self.second, self.late = first, second, asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[Synthesised]:
        for item in self.first:
            yield item
        await self.late.wait()
        for item in self.second:
            yield item


def is_silence(item: Synthesised) -> bool:
    return item.WhichOneof("payload") == "audio" and not any(item.audio.data)


async def run(speech: Speech, silences: int, ahead: int | None = 0) -> list[Synthesised]:
    """Everything, the second part released after so many silences."""
    out = []
    if not silences:
        asyncio.get_running_loop().call_later(0.3, speech.late.set)
    async for item in filled(aiter(speech), lambda end: ahead):
        out.append(item)
        if silences and sum(map(is_silence, out)) == silences:
            speech.late.set()
    return out


def audio_of(items: list[Synthesised]) -> list[common_pb2.AudioChunk]:
    return [i.audio for i in items if i.WhichOneof("payload") == "audio"]


async def test_a_late_stretch_is_preceded_by_silence_and_moved() -> None:
    before = FILLED._value.get()
    finished = Synthesised(finished=tts_pb2.SynthesisFinished(duration_us=2 * LENGTH_US))
    items = await run(Speech([header(True), *stretch(0)], [*stretch(LENGTH_US), finished]), silences=3)
    silent = sum(map(is_silence, items))
    assert silent >= 3
    at = 0
    for chunk in audio_of(items):
        assert chunk.pts_us == at
        at += len(chunk.data) * 500_000 // RATE
    assert at == items[-1].finished.duration_us == 2 * LENGTH_US + silent * 100_000
    spans = [s for i in items if i.WhichOneof("payload") == "phonemes" for s in i.phonemes.spans]
    assert [s.phoneme for s in spans] == ["a", *[""] * silent, "a"]
    assert all(a.end_us == b.start_us for a, b in itertools.pairwise(spans))
    marks = [i.clause for i in items if i.WhichOneof("payload") == "clause"]
    assert marks[1].start_us == LENGTH_US + silent * 100_000
    assert FILLED._value.get() - before >= 0.29


async def test_nothing_is_put_in_where_enough_lies_ahead_or_nothing_is_played() -> None:
    for ahead in (2_000_000, None):
        items = await run(Speech([header(True), *stretch(0)], stretch(LENGTH_US)), silences=0, ahead=ahead)
        assert not any(map(is_silence, items))


async def test_a_stretch_is_never_torn_apart() -> None:
    whole = stretch(0, has_phonemes=False, parts=2)
    items = await run(Speech([header(False), *whole[:2]], whole[2:]), silences=0)
    assert not any(map(is_silence, items))
    assert [i.WhichOneof("payload") for i in items] == ["header", "clause", "audio", "audio"]
