"""A second speech engine takes over before the first sound, and only then; over real gRPC."""

import asyncio
import threading
from pathlib import Path

import grpc
import pytest
from huasheng.common.v1 import common_pb2
from huasheng.tts.v1 import tts_pb2, tts_pb2_grpc

from services.common import errors
from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.common.storage import Storage
from services.tts.engines import registry as engines
from services.tts.engines.registry import make_engines
from services.tts.server import TtsServicer
from services.tts.settings import TtsSettings
from services.tts.voices import VoiceStore
from tests.fakes.gpt_sovits_checkout import engine
from tests.fakes.ports import free_port
from tests.fakes.serving import Serve, service_of
from tests.fakes.tts_engine import FakeTts, SpareTts
from tests.fakes.waiting import until

Request = tts_pb2.StreamSynthesizeRequest
Answer = tts_pb2.StreamSynthesizeResponse
END = Request(end=common_pb2.EndOfInput())
CLOSED, OPEN = common_pb2.BREAKER_STATE_CLOSED, common_pb2.BREAKER_STATE_OPEN


class Rig:
    def __init__(self, stub: tts_pb2_grpc.TtsServiceStub, servicer: TtsServicer) -> None:
        self.stub, self.servicer = stub, servicer
        self.first, self.spare = (servicer.engines.loaded[n] for n in ("fake", "spare"))
        self.threads = threading.active_count()

    async def say(self, *texts: str, **config: object) -> list[Answer]:
        requests = [Request(config=tts_pb2.SynthesisConfig(**config))]
        requests += [Request(clause=tts_pb2.Clause(index=i, text=t)) for i, t in enumerate(texts)]
        return [a async for a in self.stub.StreamSynthesize(iter([*requests, END]), timeout=20)]

    async def fails(self, *texts: str, **config: object) -> str:
        with pytest.raises(grpc.aio.AioRpcError) as e:
            await self.say(*texts, **config)
        return errors.from_rpc(e.value, "tts").slug

    async def breakers(self) -> list[int]:
        return [e.breaker for e in (await self.stub.ListEngines(tts_pb2.ListEnginesRequest())).engines if e.breaker]


@pytest.fixture
async def rig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, serve: Serve) -> Rig:
    for cls in (FakeTts, SpareTts):
        monkeypatch.setitem(engines.REGISTRY, cls.name, f"{cls.__module__}:{cls.__name__}")
    settings = TtsSettings(engines="fake,spare", first_audio_s=0.8, cooldown_s=0.3)
    store = VoiceStore(Storage(f"file://{tmp_path}/s"), tmp_path)
    servicer = TtsServicer(make_engines(settings, SharedSettings()), settings, store)
    running = await serve(service_of("tts", servicer, servicer.load, servicer.stop), settings)
    return Rig(running.stub, servicer)


def words(answers: list[Answer]) -> list[str]:
    return [a.clause.text for a in answers if a.HasField("clause")]


async def test_without_trouble_nothing_is_told(rig: Rig) -> None:
    header = (await rig.say("Hello"))[0].header
    assert (header.engine, list(header.fallbacks), await rig.breakers()) == ("fake", [], [CLOSED, CLOSED])


async def test_the_next_engine_says_all_of_it_in_its_own_voice(rig: Rig) -> None:
    rig.first.broken = True
    answers = await rig.say("Hello", "you", voice_id="two")
    header = answers[0].header
    assert (header.engine, header.voice_id, header.has_phonemes) == ("spare", "three", False)
    told = common_pb2.Fallback(
        service="tts", wanted="fake", used="spare", reason="engine-failed", wanted_voice="two", used_voice="three"
    )
    assert list(header.fallbacks) == [told]
    assert words(answers) == ["Hello", "you"], "clauses that the first one had taken are said again"
    assert await rig.breakers() == [OPEN, CLOSED]
    assert not (await rig.say("Hello"))[0].header.fallbacks[0].wanted_voice, "no voice was asked for"


async def test_a_recovered_engine_is_taken_again(rig: Rig) -> None:
    rig.first.broken = True
    assert (await rig.say("Hello"))[0].header.engine == "spare"
    rig.first.broken = False
    used: list[str] = []
    async with asyncio.timeout(10):
        while "fake" not in used:
            used.append((await rig.say("Hello"))[0].header.engine)
    assert used[0] == "spare", "for a while it is left alone"
    assert await rig.breakers() == [CLOSED, CLOSED]


async def test_a_slow_engine_is_left_behind_and_freed(rig: Rig) -> None:
    rig.first.delay_s = 60
    header = (await rig.say("Hello"))[0].header
    assert (header.engine, [f.reason for f in header.fallbacks]) == ("spare", ["engine-slow"])
    await until(lambda: rig.first.at_work == 0)


async def test_time_in_which_nothing_was_to_be_said_does_not_count(rig: Rig) -> None:
    call = rig.stub.StreamSynthesize(timeout=20)
    await call.write(Request(config=tts_pb2.SynthesisConfig()))
    await call.write(Request(clause=tts_pb2.Clause(index=0, text=" ")))  # taken, but there is nothing to speak in it
    await until(lambda: rig.first.at_work == 1)
    await asyncio.sleep(1)
    await call.write(Request(clause=tts_pb2.Clause(index=1, text="Hello")))
    await call.write(END)
    answers = [a async for a in call]
    assert answers[0].header.engine == "fake"


async def test_after_the_first_sound_a_failure_is_told_and_nobody_takes_over(rig: Rig) -> None:
    call = rig.stub.StreamSynthesize(timeout=20)
    await call.write(Request(config=tts_pb2.SynthesisConfig()))
    await call.write(Request(clause=tts_pb2.Clause(index=0, text="Hello")))
    assert (await call.read()).HasField("header")
    rig.first.broken = True
    await call.write(Request(clause=tts_pb2.Clause(index=1, text="you")))
    await call.write(END)
    with pytest.raises(grpc.aio.AioRpcError) as e:
        while await call.read() is not grpc.aio.EOF:
            pass
    assert errors.from_rpc(e.value, "tts").slug == "engine-failed"
    assert rig.spare.spoken == []
    assert await rig.breakers() == [OPEN, CLOSED], "the next caller is spared"


async def test_an_interrupt_reaches_the_engine_that_stands_in(rig: Rig) -> None:
    rig.first.broken, rig.spare.delay_s = True, 60
    call = rig.stub.StreamSynthesize(timeout=20)
    await call.write(Request(config=tts_pb2.SynthesisConfig()))
    await call.write(Request(clause=tts_pb2.Clause(index=0, text="Hello")))
    await until(lambda: rig.spare.at_work == 1)
    await call.write(Request(interrupt=common_pb2.Interrupt(generation=4)))
    await call.write(END)
    assert [a.WhichOneof("payload") async for a in call] == ["header", "interrupted", "finished"]
    await until(lambda: rig.spare.at_work == 0)


async def test_an_engine_with_a_known_problem_is_not_waited_for(rig: Rig) -> None:
    rig.first.trouble = "no process answers."
    header = (await rig.say("Hello"))[0].header
    assert (header.engine, header.fallbacks[0].reason, rig.first.spoken) == ("spare", "tts-unreachable", [])
    rig.first.trouble = ""
    assert (await rig.say("Hello"))[0].header.engine == "fake", "at once"


async def test_a_request_may_forbid_it_or_name_another_engine(rig: Rig) -> None:
    assert (await rig.say("Hello", engine="spare"))[0].header.engine == "spare"
    rig.spare.broken = True
    assert (await rig.say("Hello", voice_id="three"))[0].header.fallbacks[0].wanted == "spare"
    assert await rig.fails("Hello", voice_id="three", no_fallback=True) == "engine-failed"
    assert await rig.fails("Hello", engine="unheard") == "unknown-engine"


async def test_what_lies_in_the_request_is_told_by_the_first(rig: Rig) -> None:
    assert await rig.fails(" ") == "empty-text"
    assert await rig.fails("Hello", voice_id="nobody") == "unknown-voice"
    assert await rig.breakers() == [CLOSED, CLOSED] and rig.spare.spoken == []


async def test_an_engine_that_cannot_be_loaded_is_told_and_stood_in_for(tmp_path: Path, rig: Rig) -> None:
    settings = TtsSettings(engines="gone,spare")
    engines.REGISTRY["gone"] = "tests.fakes.tts_engine:GoneTts"
    try:
        servicer = TtsServicer(make_engines(settings, SharedSettings()), settings, rig.servicer.store)
        servicer.load()
        infos = (await servicer.ListEngines(tts_pb2.ListEnginesRequest(), None)).engines
        assert [(e.name, e.available, e.is_default) for e in infos[:2]] == [
            ("gone", False, True),
            ("spare", True, False),
        ]
        assert not any(e.available or e.is_default for e in infos[2:]), "not enabled"
        with pytest.raises(HuashengError) as e:
            make_engines(TtsSettings(engines="gone"), SharedSettings()).load()
        assert e.value.slug == "engine-unavailable"
    finally:
        del engines.REGISTRY["gone"]


async def test_nothing_is_left_over(rig: Rig) -> None:
    rig.first.delay_s = 60
    await rig.say("Hello")
    rig.first.broken, rig.first.delay_s = True, 0
    await rig.say("Hello")
    await until(lambda: not rig.servicer.fallback.closing and rig.first.at_work == rig.spare.at_work == 0)
    await until(lambda: threading.active_count() <= rig.threads + 1)  # one idle thread of asyncio's own pool


@pytest.mark.parametrize(("names", "is_short"), [("gpt_sovits", False), ("gpt_sovits,spare", True)])
def test_the_start_waits_for_processes_only_where_nobody_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: str, is_short: bool
) -> None:
    made = engine(tmp_path, f"http://127.0.0.1:{free_port()}", engines=names, start_s=200)
    waits: list[float] = []
    monkeypatch.setattr(made._pool, "wait", lambda seconds: waits.append(seconds) or True)
    try:
        made.load()
    finally:
        made.close()
    assert waits == [10 if is_short else 200]
