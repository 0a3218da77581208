"""StreamRender over real gRPC with an engine that draws a dot."""

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from huasheng.common.v1 import common_pb2
from huasheng.render.v1 import render_pb2 as pb

from services.common.audio import to_pcm16
from services.render.intake import Intake
from tests.fakes.media import decoded, tone
from tests.fakes.render_engine import FakeEngine
from tests.fakes.render_rig import END, Rig, config, kinds, media, refused, rest, sound, whole
from tests.fakes.waiting import PATIENCE_S, until


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 48000])
@pytest.mark.parametrize("yuv", [False, True])
async def test_speech_becomes_a_video_as_long_as_the_speech(rig: Rig, rate: int, yuv: bool) -> None:
    FakeEngine.yuv = yuv
    answers = await whole(rig, [config(rate=rate, start_frame=7), *sound(tone(1.99, rate), rate=rate), END])
    order = kinds(answers)
    assert order[0] == "header"
    assert order[1] == "media"
    assert answers[1].media.end_us == 0
    assert order[-1] == "summary"
    header, summary = answers[0].header, answers[-1].summary
    assert header.mime_type.startswith('video/mp4; codecs="avc1.')
    assert (summary.frames, summary.duration_us, summary.end_frame) == (50, 2_000_000, 7)
    assert FakeEngine.last.config.audio_rate_hz == rate
    found = decoded(media(answers))
    assert (found["frames"], found["width"], found["height"], found["fps"]) == (50, 192, 128, 25)
    assert found["video_s"] == pytest.approx(2, abs=0.001)
    assert found["audio_s"] == pytest.approx(2, abs=0.03)
    ends = [a.media.end_us for a in answers if a.WhichOneof("payload") == "media"]
    assert ends == sorted(ends)
    assert ends[-1] == 2_000_000
    assert FakeEngine.last.closed


async def test_video_comes_before_all_speech_has_come(rig: Rig) -> None:
    call = rig.stub.StreamRender()
    await call.write(config(live=True))
    for message in sound(tone(1)):
        await call.write(message)
    seen = 0
    while seen < 600_000:
        answer = await asyncio.wait_for(call.read(), PATIENCE_S)
        seen = max(seen, answer.media.end_us)
    await call.write(END)
    await call.done_writing()
    assert (await rest(call))[-1].WhichOneof("payload") == "summary"


async def test_memory_stays_flat_over_a_long_speech(rig: Rig) -> None:
    def resident_mb() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

    def messages() -> Iterator[pb.StreamRenderRequest]:
        yield config()
        for i in range(12):
            yield from sound(tone(10), at_s=10 * i)
        yield END

    early = late = 0.0
    async for answer in rig.stub.StreamRender(messages()):
        if answer.media.end_us > 20_000_000:
            early = early or resident_mb()
            late = resident_mb()
    assert answer.summary.frames == 3000
    assert late - early < 20  # 100 s of sound and pictures would be 6 and 180 MB


async def test_no_speech_at_all_is_an_empty_video(rig: Rig) -> None:
    answers = await whole(rig, [config(), END])
    assert answers[-1].summary.frames == 0


async def test_phonemes_reach_the_engine(rig: Rig) -> None:
    span = common_pb2.PhonemeSpan(phoneme="ɑ", start_us=100_000, end_us=180_000)
    phonemes = pb.StreamRenderRequest(phonemes=pb.Phonemes(spans=[span]))
    await whole(rig, [config(has_phonemes=True), phonemes, *sound(tone(0.4)), END])
    assert [(s.phoneme, s.start_us, s.end_us) for s in FakeEngine.last.spans] == [("ɑ", 100_000, 180_000)]


async def test_an_interrupt_cuts_sound_and_picture_and_the_stream_goes_on(rig: Rig) -> None:
    FakeEngine.frame_s = 0.01
    call = rig.stub.StreamRender()
    await call.write(config(live=True))
    big = common_pb2.AudioChunk(data=to_pcm16(tone(20)), pts_us=0)
    await call.write(pb.StreamRenderRequest(audio=big))
    answers = []
    while not answers or answers[-1].media.end_us == 0:
        answers.append(await asyncio.wait_for(call.read(), PATIENCE_S))
    await call.write(pb.StreamRenderRequest(interrupt=common_pb2.Interrupt(generation=3)))
    while answers[-1].WhichOneof("payload") != "interrupted":
        answers.append(await asyncio.wait_for(call.read(), PATIENCE_S))
    cut = answers[-1].interrupted
    assert cut.generation == 3
    assert cut.sent_us == max(a.media.end_us for a in answers)
    drawn = FakeEngine.last.drawn
    assert drawn < 400  # far from the 500 of 20 seconds
    assert FakeEngine.last.cleared == 1
    # the caller's clock goes on after the 20 seconds; the video's after what was drawn
    span = common_pb2.PhonemeSpan(phoneme="m", start_us=20_100_000, end_us=20_200_000)
    await call.write(pb.StreamRenderRequest(phonemes=pb.Phonemes(spans=[span])))
    for message in sound(tone(0.4), at_s=20):
        await call.write(message)
    await call.write(END)
    await call.done_writing()
    answers += await rest(call)
    assert answers[-1].summary.frames == drawn + 10
    found = decoded(media(answers))
    assert found["frames"] == drawn + 10
    assert found["audio_s"] == pytest.approx(found["video_s"], abs=0.03)
    at = round(drawn / 25 * 1e6)
    assert [(s.start_us, s.end_us) for s in FakeEngine.last.spans] == [(at + 100_000, at + 200_000)]


@pytest.mark.parametrize("piece_s", [0.02, 0.2])
async def test_an_interrupt_is_seen_behind_sound_that_nobody_has_drawn(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, piece_s: float
) -> None:
    FakeEngine.hold_at = 3
    intakes: list[Intake] = []

    class Watched(Intake):
        def __init__(self) -> None:
            super().__init__()
            intakes.append(self)

    monkeypatch.setattr("services.render.server.Intake", Watched)
    call = rig.stub.StreamRender()
    await call.write(config(live=True, access_units=True))
    for number in range(round(12.9 / piece_s)):
        chunk = common_pb2.AudioChunk(data=to_pcm16(tone(piece_s)), pts_us=round(number * piece_s * 1e6))
        await call.write(pb.StreamRenderRequest(audio=chunk))
    await until(lambda: FakeEngine.last is not None and FakeEngine.last.drawn == 3)
    await call.write(pb.StreamRenderRequest(interrupt=common_pb2.Interrupt(generation=9)))
    for message in sound(tone(0.2), at_s=12.9):
        await call.write(message)
    await call.write(END)
    await until(lambda: intakes[0].interrupts == 1)  # while the fourth picture is being drawn
    FakeEngine.released.set()
    answers = [a.WhichOneof("payload") for a in await rest(call)]
    order = [kind for kind in answers if kind != "progress"]
    assert order == ["header", *["picture"] * 4, "interrupted", *["picture"] * 5, "summary"]
    assert FakeEngine.last.cleared == 1


async def test_interrupts_in_a_row_are_answered_by_the_last(rig: Rig) -> None:
    messages = [config(), *sound(tone(0.4))]
    messages += [pb.StreamRenderRequest(interrupt=common_pb2.Interrupt(generation=g)) for g in (1, 2, 3)]
    answers = await whole(rig, [*messages, *sound(tone(0.4), at_s=0.4), END])
    generations = [a.interrupted.generation for a in answers if a.WhichOneof("payload") == "interrupted"]
    assert generations[-1] == 3
    assert generations == sorted(generations)
    assert answers[-1].summary.frames >= 10


async def test_a_cancelled_call_frees_the_engine(rig: Rig) -> None:
    FakeEngine.frame_s = 0.02
    call = rig.stub.StreamRender()
    await call.write(config())
    await call.write(pb.StreamRenderRequest(audio=common_pb2.AudioChunk(data=to_pcm16(tone(30)))))
    await call.read()
    await until(lambda: FakeEngine.last is not None and FakeEngine.last.drawn > 3)
    call.cancel()
    await until(lambda: FakeEngine.last.closed)
    assert FakeEngine.last.drawn < 300
    assert (await whole(rig, [config(), *sound(tone(0.2)), END]))[-1].summary.frames == 5


async def test_input_that_ends_without_its_end_frees_the_engine(rig: Rig) -> None:
    error = await refused(rig.stub.StreamRender(iter([config(), *sound(tone(0.4))])))
    assert error.slug == "cancelled"
    assert FakeEngine.last is None or FakeEngine.last.closed
    assert FakeEngine.open_sessions == 0


async def test_a_caller_that_says_nothing_can_be_cancelled(rig: Rig) -> None:
    call = rig.stub.StreamRender()
    await call.write(config())
    await call.read()
    assert FakeEngine.open_sessions == 1
    call.cancel()
    await until(lambda: FakeEngine.open_sessions == 0)


async def test_more_sessions_than_allowed_are_refused_and_come_through_later(rig: Rig) -> None:
    calls = [rig.stub.StreamRender() for _ in range(3)]
    for call in calls:
        await call.write(config())
        await call.read()
    error = await refused(rig.stub.StreamRender(iter([config(), END])))
    assert error.slug == "busy"
    assert error.retryable
    for call in calls:
        await call.write(END)
        assert (await rest(call))[-1].WhichOneof("payload") == "summary"
    assert (await whole(rig, [config(), END]))[-1].WhichOneof("payload") == "summary"


async def test_a_replica_tells_how_much_it_has_to_do(rig: Rig) -> None:
    capacity = (await rig.stub.GetCapacity(pb.GetCapacityRequest())).capacity
    assert (capacity.used, capacity.frames_per_second) == (0, 0)
    assert 1 <= capacity.slots <= 3
    call = rig.stub.StreamRender()
    await call.write(config())
    await call.read()
    assert (await rig.stub.GetCapacity(pb.GetCapacityRequest())).capacity.used == 1
    await call.write(END)
    await rest(call)
    await whole(rig, [config(), *sound(tone(1.5)), END])
    assert (await rig.stub.GetCapacity(pb.GetCapacityRequest())).capacity.used == 0


async def test_sessions_side_by_side_do_not_mix(rig: Rig) -> None:
    async def one(seconds: float, start: int) -> tuple[int, int]:
        answers = await whole(rig, [config(start_frame=start), *sound(tone(seconds)), END])
        return answers[-1].summary.frames, decoded(media(answers))["frames"]

    lengths = await asyncio.gather(one(0.4, 0), one(0.8, 5), one(1.2, 9))
    assert lengths == [(10, 10), (20, 20), (30, 30)]


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([END], "bad-order"),
        ([config(rate=4000), END], "bad-request"),
        ([config(start_frame=-1), END], "bad-request"),
        ([config(), config(), END], "bad-order"),
        ([config(avatar_id="nobody"), END], "unknown-id"),
        ([config(engine="none"), END], "unknown-engine"),
        ([config(engine="broken"), END], "engine-unavailable"),
        ([config(device="cuda:7"), END], "unknown-id"),
        ([config(model_id="nobody_steps5"), END], "unknown-id"),
        ([config(), pb.StreamRenderRequest(audio=common_pb2.AudioChunk(data=b"odd")), END], "bad-request"),
    ],
)
async def test_wrong_input_is_refused_with_the_reason(rig: Rig, messages: list[object], reason: str) -> None:
    assert (await refused(rig.stub.StreamRender(iter(messages)))).slug == reason
    assert FakeEngine.open_sessions == 0


async def test_an_engine_that_fails_says_so_and_the_service_goes_on(rig: Rig) -> None:
    FakeEngine.fail_at = 3
    error = await refused(rig.stub.StreamRender(iter([config(), *sound(tone(1)), END])))
    assert (error.slug, error.params["engine"]) == ("engine-failed", "fake")
    FakeEngine.fail_at = None
    assert (await whole(rig, [config(), *sound(tone(0.2)), END]))[-1].summary.frames == 5


@pytest.mark.parametrize("yuv", [False, True])
async def test_the_words_of_the_mark_are_in_the_pictures(rig: Rig, yuv: bool) -> None:
    """Whatever the engine draws in, and only where they are asked for."""
    FakeEngine.yuv = yuv
    mark = pb.VisibleMark(language="zh")
    films = []
    for more in ({}, {"mark": mark}):
        answers = await whole(rig, [config(**more), *sound(tone(4)), END])
        with av.open(io.BytesIO(media(answers))) as film:
            films.append([f.to_ndarray(format="gray").astype(int)[:20, :60] for f in film.decode(video=0)])
    differences = [np.abs(a - b).mean() for a, b in zip(*films, strict=True)]
    assert min(differences[:63]) > 10 and max(differences[66:]) < 4
