"""A second recogniser hears the same speech when the first cannot; clips and live, over real gRPC."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import grpc
import pytest
from huasheng.asr.v1 import asr_pb2
from huasheng.common.v1 import common_pb2

from services.asr.engines.registry import make_engines
from services.asr.server import AsrServicer
from services.asr.settings import AsrSettings
from services.common.errors import HuashengError, from_rpc
from services.common.settings import SharedSettings
from services.common.storage import Storage
from tests.fakes.asr_engine import RulerEngine, ScriptedVad
from tests.fakes.serving import Serve, service_of
from tests.fakes.waiting import until
from tests.integration.asr.test_asr_service import clip, events, kinds, live, noise

CLOSED, OPEN = common_pb2.BREAKER_STATE_CLOSED, common_pb2.BREAKER_STATE_OPEN


class FirstEngine(RulerEngine):
    name: ClassVar[str] = "first"
    asked: ClassVar[list[int]] = []
    fails_from: ClassVar[int] = 1_000_000
    """Number of the run from which it fails."""
    stalls: ClassVar[threading.Event] = threading.Event()

    def recognise(self, samples: Any, language: str | None, cancelled: threading.Event | None = None) -> Any:
        self.asked.append(samples.size)
        if self.stalls.is_set() and cancelled:
            cancelled.wait(30)
        if len(self.asked) >= self.fails_from:
            raise HuashengError("asr-unreachable", engine="first")
        return super().recognise(samples, language, cancelled)


class OtherEngine(RulerEngine):
    name: ClassVar[str] = "other"
    failing: ClassVar[bool] = False


class FrenchEngine(OtherEngine):
    name: ClassVar[str] = "french"
    languages: ClassVar[tuple[str, ...]] = ("fr",)


REGISTRY = {c.name: f"{__name__}:{c.__name__}" for c in (FirstEngine, OtherEngine, FrenchEngine)}


class Rig:
    def __init__(self, stub: Any, servicer: AsrServicer) -> None:
        self.stub, self.servicer = stub, servicer
        self.threads = threading.active_count()

    async def breakers(self) -> list[int]:
        return [e.breaker for e in (await self.stub.ListEngines(asr_pb2.ListEnginesRequest())).engines]


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def windows(self: ScriptedVad, samples: Any, longest_s: float) -> list[tuple[int, int]]:
        n = int(longest_s * 16000)
        return [(i, min(i + n, samples.size)) for i in range(0, samples.size, n)]

    monkeypatch.setattr(ScriptedVad, "windows", windows, raising=False)
    monkeypatch.setattr("services.asr.engines.base.AsrEngine.load", lambda self: setattr(self, "vad", ScriptedVad()))
    FirstEngine.asked.clear()
    yield
    FirstEngine.fails_from = 1_000_000
    FirstEngine.stalls.clear()
    OtherEngine.failing = False


@pytest.fixture
async def rig(tmp_path: Path, request: pytest.FixtureRequest, serve: Serve) -> Rig:
    settings = AsrSettings(engines=getattr(request, "param", "first,other"), first_text_s=1, cooldown_s=0.3)
    shared = SharedSettings(storage_url=f"file://{tmp_path}/storage")
    servicer = AsrServicer(make_engines(settings, shared, registry=REGISTRY), settings, Storage(shared.storage_url))
    running = await serve(service_of("asr", servicer, servicer.engines.load), settings)
    return Rig(running.stub, servicer)


def told(message: Any) -> list[tuple[str, str, str]]:
    return [(f.wanted, f.used, f.reason) for f in message.fallbacks]


async def test_the_whole_clip_is_heard_again_by_the_next(rig: Rig) -> None:
    FirstEngine.fails_from = 2  # in its second window
    got = await rig.stub.Transcribe(clip(noise(25)))
    assert (got.text, got.engine, told(got)) == ("20.0 5.0", "other", [("first", "other", "asr-unreachable")])
    assert await rig.breakers() == [OPEN, CLOSED, 0]
    runs = len(FirstEngine.asked)
    got = await rig.stub.Transcribe(clip(noise(2)))
    assert got.engine == "other" and len(FirstEngine.asked) == runs, "it is skipped at once"


async def test_a_recovered_engine_is_taken_again(rig: Rig) -> None:
    FirstEngine.fails_from = 1
    assert (await rig.stub.Transcribe(clip(noise(2)))).engine == "other"
    FirstEngine.fails_from = 1_000_000
    used = []
    async with asyncio.timeout(10):
        while "first" not in used:
            used.append((await rig.stub.Transcribe(clip(noise(1)))).engine)
    assert used[0] == "other" and await rig.breakers() == [CLOSED, CLOSED, 0]


async def test_live_speech_is_heard_again_by_the_next(rig: Rig) -> None:
    FirstEngine.fails_from = 1
    got = await events(rig.stub.StreamTranscribe(live(noise(2), None)))
    assert kinds(got) == ["speech_started", "speech_ended", "final"]
    final = got[-1].final
    assert (final.engine, told(final)) == ("other", [("first", "other", "asr-unreachable")])
    assert 1.5 < float(final.text) < 2.5


async def test_a_slow_engine_is_left_behind_and_freed(rig: Rig) -> None:
    FirstEngine.stalls.set()
    got = await rig.stub.Transcribe(clip(noise(2)))
    assert told(got) == [("first", "other", "engine-slow")]
    got = await events(rig.stub.StreamTranscribe(live(noise(2), None, engine="first")))
    assert told(got[-1].final) == [("first", "other", "engine-slow")]
    await until(lambda: not rig.servicer.fallback.closing)
    await until(lambda: threading.active_count() <= rig.threads + 2)  # idle threads of asyncio's own pool


async def test_an_abandoned_live_stream_ends_the_work_at_hand(rig: Rig) -> None:
    FirstEngine.stalls.set()
    call = rig.stub.StreamTranscribe(live(noise(2), None, engine="first", no_fallback=True))
    await until(lambda: FirstEngine.asked)
    call.cancel()
    await until(lambda: not rig.servicer.fallback.closing and threading.active_count() <= rig.threads + 2)


async def test_no_speech_is_an_answer(rig: Rig) -> None:
    RulerEngine.deaf = True
    try:
        with pytest.raises(grpc.aio.AioRpcError) as e:
            await rig.stub.Transcribe(clip(noise(2)))
    finally:
        RulerEngine.deaf = False
    assert from_rpc(e.value, "asr").slug == "no-speech"
    assert len(FirstEngine.asked) == 1 and await rig.breakers() == [CLOSED, CLOSED, 0]


@pytest.mark.parametrize("rig", ["first,french"], indirect=True)
async def test_only_an_engine_for_the_language_stands_in(rig: Rig) -> None:
    FirstEngine.fails_from = 1
    for language, used in (("fr-CA", "french"), ("en", ""), ("", "")):
        try:
            assert (await rig.stub.Transcribe(clip(noise(1), language=language))).engine == used
        except grpc.aio.AioRpcError as e:
            assert not used and from_rpc(e, "asr").slug == "asr-unreachable"


async def test_a_request_may_forbid_it(rig: Rig) -> None:
    FirstEngine.fails_from = 1
    with pytest.raises(grpc.aio.AioRpcError) as e:
        await rig.stub.Transcribe(clip(noise(1), no_fallback=True))
    assert from_rpc(e.value, "asr").slug == "asr-unreachable"
    got = await rig.stub.Transcribe(clip(noise(1), engine="other"))
    assert got.engine == "other" and not got.fallbacks
