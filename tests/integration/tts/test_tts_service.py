"""TtsService over real gRPC, with a fake engine (the real one: tests/contract/test_tts_engine.py)."""

import asyncio
import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import grpc
import pytest
from huasheng.common.v1 import common_pb2
from huasheng.tts.v1 import tts_pb2, tts_pb2_grpc

from services.common import errors
from services.common.settings import SharedSettings
from services.common.storage import Storage
from services.tts.engines import registry as engines
from services.tts.engines.gpt_sovits.settings import Settings as GptSovitsSettings
from services.tts.engines.registry import make_engines
from services.tts.server import TtsServicer, make_service
from services.tts.settings import TtsSettings
from services.tts.voices import VoiceStore
from tests.fakes.serving import Serve
from tests.fakes.tts_engine import PER_CHARACTER, RATE, FakeTts
from tests.fakes.waiting import PATIENCE_S, until

Request = tts_pb2.StreamSynthesizeRequest
Answer = tts_pb2.StreamSynthesizeResponse


def store(folder: Path) -> VoiceStore:
    return VoiceStore(Storage(f"file://{folder}/storage"), folder / "clips")


class Running:
    def __init__(self, stub: tts_pb2_grpc.TtsServiceStub, engine: FakeTts) -> None:
        self.stub, self.engine = stub, engine

    async def say(self, requests: Iterable[Request]) -> list[Answer]:
        return [a async for a in self.stub.StreamSynthesize(iter(list(requests)), timeout=20)]

    async def fails(self, requests: Iterable[Request]) -> str:
        with pytest.raises(grpc.aio.AioRpcError) as e:
            await self.say(requests)
        return errors.from_rpc(e.value, "tts").slug


@pytest.fixture
async def running(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, serve: Serve) -> Running:
    made: list[FakeTts] = []

    class Kept(FakeTts):
        def __init__(self, *setup: Any) -> None:
            super().__init__(*setup)
            made.append(self)

    monkeypatch.setitem(engines.REGISTRY, "fake", "tests.fakes.tts_engine:FakeTts")
    monkeypatch.setattr("tests.fakes.tts_engine.FakeTts", Kept)
    settings = TtsSettings(engines="fake", max_chars=100)
    shared = SharedSettings(storage_url=f"file://{tmp_path}/storage")
    spec = make_service(settings, shared, {"gpt_sovits": GptSovitsSettings(voices_dir=tmp_path / "clips")})
    return Running((await serve(spec, settings)).stub, made[0])


def config(**values: object) -> Request:
    return Request(config=tts_pb2.SynthesisConfig(**values))


def clause(index: int, text: str) -> Request:
    return Request(clause=tts_pb2.Clause(index=index, text=text))


END = Request(end=common_pb2.EndOfInput())


async def to_the_end(call: grpc.aio.StreamStreamCall) -> list[Answer]:
    answers: list[Answer] = []
    while (answer := await call.read()) is not grpc.aio.EOF:
        answers.append(answer)
    return answers


def kinds(answers: list[Answer]) -> list[str]:
    return [str(a.WhichOneof("payload")) for a in answers]


async def test_the_order_that_the_proto_promises(running: Running) -> None:
    answers = await running.say([config(), clause(0, "Hello there. You."), clause(5, "Bye"), END])
    order = kinds(answers)
    assert order[0] == "header" and order[-1] == "finished" and order.count("header") == 1
    inner = [
        k for k, previous in zip(order[1:-1], ["", *order[1:-2]], strict=True) if k != "audio" or previous != "audio"
    ]
    assert inner == ["clause", "phonemes", "audio"] * 3
    header = answers[0].header
    assert (header.engine, header.voice_id, header.has_phonemes) == ("fake", "one", True)
    assert (header.format.sample_rate_hertz, header.format.channels) == (RATE, 1)
    marks = [a.clause for a in answers if a.HasField("clause")]
    assert [(m.index, m.text) for m in marks] == [(0, "Hello there"), (0, " You"), (5, "Bye")]


async def test_one_clock_runs_through_marks_phonemes_and_audio(running: Running) -> None:
    answers = await running.say([config(), clause(0, "Hello there. You."), clause(1, "Bye"), END])
    place = 0
    spans: list[common_pb2.PhonemeSpan] = []
    for a in answers:
        if a.HasField("clause"):
            assert a.clause.start_us == place
            end = a.clause.end_us
        elif a.HasField("phonemes"):
            assert a.phonemes.spans[0].start_us == place and a.phonemes.spans[-1].end_us == end
            spans += a.phonemes.spans
        elif a.HasField("audio"):
            assert a.audio.pts_us == place
            assert 0 < len(a.audio.data) <= 2 * RATE // 5
            place += len(a.audio.data) // 2 * 1_000_000 // RATE
    assert answers[-1].finished.duration_us == place == (11 + 4 + 3) * PER_CHARACTER * 1_000_000 // RATE
    assert all(a.end_us == b.start_us for a, b in itertools.pairwise(spans))
    assert "".join(s.phoneme for s in spans) == "HellothereYouBye"


async def test_a_replica_tells_how_much_it_speaks(running: Running) -> None:
    async def used() -> int:
        capacity = (await running.stub.GetCapacity(tts_pb2.GetCapacityRequest())).capacity
        assert capacity.slots >= 1
        return int(capacity.used)

    async def becomes(expected: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while await used() != expected:
                await asyncio.sleep(0.01)

    await becomes(0)
    call = running.stub.StreamSynthesize()
    await call.write(Request(config=tts_pb2.SynthesisConfig()))
    await becomes(1)
    call.cancel()
    await becomes(0)


async def test_audio_comes_before_the_input_ends(running: Running) -> None:
    call = running.stub.StreamSynthesize(timeout=20)
    await call.write(config())
    await call.write(clause(0, "Hello."))
    got: list[str] = []
    while "audio" not in got:
        got += kinds([await call.read()])
    await call.write(END)
    rest = await to_the_end(call)
    assert kinds(rest)[-1] == "finished"


async def test_an_interrupt_drops_what_is_not_spoken_and_the_stream_goes_on(running: Running) -> None:
    running.engine.delay_s = 0.2
    call = running.stub.StreamSynthesize(timeout=20)
    await call.write(config())
    await call.write(clause(0, "aaaa." * 15))
    await call.write(clause(1, "bbbb."))
    seen: list[Answer] = []
    while not seen or not seen[-1].HasField("audio"):
        seen.append(await call.read())
    await call.write(Request(interrupt=common_pb2.Interrupt(generation=7)))
    await call.write(clause(2, "cccc."))
    await call.write(END)
    rest = await to_the_end(call)
    at = kinds(rest).index("interrupted")
    done = rest[at].interrupted
    assert done.generation == 7
    sent = sum(len(a.audio.data) // 2 for a in [*seen, *rest[:at]])
    assert done.sent_us == sent * 1_000_000 // RATE
    after = rest[at + 1 :]
    assert kinds(after)[0] == "clause" and kinds(after)[-1] == "finished"
    assert {a.clause.index for a in after if a.HasField("clause")} == {2}
    assert after[0].clause.start_us == done.sent_us  # the media clock runs on
    assert len(running.engine.spoken) < 8 and "bbbb" not in running.engine.spoken


async def test_an_interrupt_before_anything_was_said(running: Running) -> None:
    answers = await running.say([config(), Request(interrupt=common_pb2.Interrupt(generation=1)), END])
    assert kinds(answers) == ["header", "interrupted", "finished"]
    assert answers[-1].finished.duration_us == 0


async def test_cancel_frees_the_engine(running: Running) -> None:
    running.engine.delay_s = 0.1
    call = running.stub.StreamSynthesize(timeout=20)
    await call.write(config())
    await call.write(clause(0, "aaaa." * 20))
    while kinds([await call.read()]) != ["audio"]:
        pass
    assert running.engine.at_work == 1
    call.cancel()
    await until(lambda: running.engine.at_work == 0)
    assert len(running.engine.spoken) < 20


async def test_streams_at_the_same_time_are_not_mixed(running: Running) -> None:
    running.engine.delay_s = 0.01
    texts = [f"{c * 3}. {c * 5}. {c * 2}" for c in "abcdefgh"]
    answers = await asyncio.gather(*(running.say([config(), clause(i, t), END]) for i, t in enumerate(texts)))
    for i, (text, got) in enumerate(zip(texts, answers, strict=True)):
        assert "".join(s.phoneme for a in got for s in a.phonemes.spans) == text.replace(".", "").replace(" ", "")
        assert {a.clause.index for a in got if a.HasField("clause")} == {i}


async def test_speed_and_voice_are_passed_on(running: Running) -> None:
    answers = await running.say([config(voice_id="two", speed=2), clause(0, "abcd"), END])
    assert answers[0].header.voice_id == "two"
    assert answers[-1].finished.duration_us == 4 * PER_CHARACTER // 2 * 1_000_000 // RATE


@pytest.mark.parametrize(
    ("requests", "reason"),
    [
        ([config(), END], "empty-text"),
        ([config(), clause(0, " "), END], "empty-text"),
        ([config(), clause(0, "x" * 101), END], "long-text"),
        ([config(voice_id="nobody"), END], "unknown-voice"),
        ([config(engine="other"), END], "unknown-engine"),
        ([config(speed=3), END], "bad-request"),
        ([config(speed=0.1), END], "bad-request"),
        ([clause(0, "Hello"), END], "bad-order"),
        ([config(), config(), END], "bad-order"),
        ([config(), Request(), END], "bad-order"),
        ([config(), clause(0, "Hello")], "bad-order"),
        ([], "bad-order"),
    ],
)
async def test_refusals(running: Running, requests: list[Request], reason: str) -> None:
    assert await running.fails(requests) == reason
    assert kinds(await running.say([config(), clause(0, "Fine"), END]))[-1] == "finished"
    assert running.engine.at_work == 0


async def test_sampling_is_refused_by_an_engine_that_does_not_sample(running: Running) -> None:
    sampling = tts_pb2.Sampling(seed=7, split="cut5")
    assert await running.fails([config(sampling=sampling), clause(0, "Hello"), END]) == "synthesis-unsupported"
    with pytest.raises(grpc.aio.AioRpcError, match=r"does not follow: seed, split"):
        await running.say([config(sampling=sampling), clause(0, "Hello"), END])
    assert kinds(await running.say([config(sampling=tts_pb2.Sampling()), clause(0, "Hello"), END]))[-1] == "finished"


async def test_a_failing_engine_is_told_with_its_reason(running: Running) -> None:
    running.engine.broken = True
    assert await running.fails([config(), clause(0, "Hello"), END]) == "engine-failed"


async def test_voices_and_engines(running: Running) -> None:
    listed = await running.stub.ListVoices(tts_pb2.ListVoicesRequest())
    voices = listed.voices
    assert (listed.cloning.engine, listed.cloning.failed_engine) == ("", "") and not voices[0].sampling
    assert [(v.voice_id, v.language, v.engine) for v in voices] == [("one", "en-US", "fake"), ("two", "zh-CN", "fake")]
    assert [v.gender for v in voices] == [tts_pb2.GENDER_FEMALE, tts_pb2.GENDER_MALE]
    engine, *others = (await running.stub.ListEngines(tts_pb2.ListEnginesRequest())).engines
    assert others and not any(e.available or e.is_default for e in others)
    assert engine.name == "fake" and engine.available and engine.is_default and engine.license == "Apache-2.0"


async def test_voices_cannot_be_made_or_deleted(running: Running) -> None:
    stub = running.stub
    for call, reason in (
        (stub.CreateVoice(tts_pb2.CreateVoiceRequest(name="me")), "cloning-unavailable"),
        (stub.DeleteVoice(tts_pb2.DeleteVoiceRequest(voice_id="one")), "builtin-stays"),
        (stub.DeleteVoice(tts_pb2.DeleteVoiceRequest(voice_id="nobody")), "unknown-voice"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as e:
            await call
        assert errors.from_rpc(e.value, "tts").slug == reason


async def test_missing_weights_end_the_load_with_a_clear_error(tmp_path: Path) -> None:
    servicer = TtsServicer(
        make_engines(TtsSettings(), SharedSettings(weights_dir=tmp_path)), TtsSettings(), store(tmp_path)
    )
    with pytest.raises(errors.HuashengError, match="make weights") as e:
        servicer.load()
    assert e.value.slug == "engine-unavailable"


def sound(answers: list[Answer]) -> bytes:
    return b"".join(a.audio.data for a in answers if a.HasField("audio"))


async def test_a_clause_comes_again_without_synthesis_and_in_its_place(running: Running) -> None:
    first = await running.say([config(), clause(0, "Hello there. You."), clause(1, "Bye"), END])
    again = await running.say([config(), clause(0, "New"), clause(1, "Hello there. You."), clause(2, "Bye"), END])
    assert running.engine.spoken == ["Hello there", " You", "Bye", "New"]
    assert not any(a.clause.cached for a in first)
    marks = [a.clause for a in again if a.HasField("clause")]
    assert [(m.index, m.text, m.cached) for m in marks] == [
        (0, "New", False),
        (1, "Hello there", True),
        (1, " You", True),
        (2, "Bye", True),
    ]
    new = 3 * PER_CHARACTER
    assert sound(again)[2 * new :] == sound(first)
    shift = new * 1_000_000 // RATE

    def times(answers: list[Answer], by: int) -> list[tuple[str, int, int]]:
        return [(s.phoneme, s.start_us + by, s.end_us + by) for a in answers for s in a.phonemes.spans]

    assert times(again, 0)[3:] == times(first, shift)
    assert all(a.end_us == b.start_us for a, b in itertools.pairwise(marks))


async def warm(running: Running, texts: list[str], **how: Any) -> list[str]:
    request = tts_pb2.WarmRequest(config=tts_pb2.SynthesisConfig(**how), texts=texts)
    return list((await running.stub.Warm(request, timeout=20)).ready)


async def test_prepared_texts_are_spoken_from_memory(running: Running) -> None:
    texts = ["Hello", "Well", "Bye"]
    assert await warm(running, texts) == []
    async with asyncio.timeout(60):
        while await warm(running, texts, owner="ann") != texts:
            await asyncio.sleep(0.05)
    assert running.engine.spoken == texts
    answers = await running.say([config(owner="bob"), clause(4, "Well"), END])
    assert [(a.clause.index, a.clause.cached) for a in answers if a.HasField("clause")] == [(4, True)]
    assert running.engine.spoken == texts


@pytest.mark.parametrize(
    ("texts", "how", "reason"),
    [
        (["x" * 61], {}, "bad-request"),
        (["x"] * 201, {}, "bad-request"),
        (["x"], {"engine": "other"}, "unknown-engine"),
        (["x"], {"voice_id": "nobody"}, "unknown-voice"),
    ],
)
async def test_what_cannot_be_prepared_is_refused(
    running: Running, texts: list[str], how: dict[str, str], reason: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as e:
        await warm(running, texts, **how)
    assert errors.from_rpc(e.value, "tts").slug == reason


async def test_an_interrupt_within_speech_from_memory(running: Running) -> None:
    text = "a" * 50
    await running.say([config(), clause(0, text), END])
    call = running.stub.StreamSynthesize(timeout=20)
    await call.write(config())
    for i in range(5):
        await call.write(clause(i, text))
    await call.write(Request(interrupt=common_pb2.Interrupt(generation=2)))
    await call.write(clause(9, "New"))
    await call.write(END)
    answers = await to_the_end(call)
    at = kinds(answers).index("interrupted")
    assert answers[at].interrupted.sent_us == len(sound(answers[:at])) // 2 * 1_000_000 // RATE
    marks = [a.clause for a in answers[at:] if a.HasField("clause")]
    assert [m.index for m in marks] == [9] and marks[0].start_us == answers[at].interrupted.sent_us
