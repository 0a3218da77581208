"""Each kind of remote engine with each fault, inside its real service: what comes of it, in time, nothing left over.

The remote engine is first, a local one second. A fault before the first piece brings the second one; a fault after it
is told, since what was said cannot be taken back. Then the fault goes away, and the remote engine is used again.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psutil
import pytest
from huasheng.asr.v1 import asr_pb2
from huasheng.common.v1 import common_pb2
from huasheng.llm.v1 import llm_pb2
from huasheng.tts.v1 import tts_pb2

from services.asr.engines.google.settings import Settings as GoogleSettings
from services.asr.engines.registry import make_engines as make_asr_engines
from services.asr.server import AsrServicer
from services.asr.settings import AsrSettings
from services.common import audio
from services.common.errors import from_rpc
from services.common.fallback import EngineFallback
from services.common.settings import SharedSettings
from services.common.storage import Storage
from services.llm.engines.openai.settings import Settings as OpenAiSettings
from services.llm.engines.registry import make_engines as make_llm_engines
from services.llm.engines.zhipu.settings import Settings as ZhipuSettings
from services.llm.server import LlmServicer
from services.llm.settings import LlmSettings
from services.tts.engines import registry as tts_engines
from services.tts.engines.gpt_sovits.settings import Settings as GptSovitsSettings
from services.tts.server import TtsServicer
from services.tts.settings import TtsSettings
from services.tts.voices import VoiceStore
from tests.fakes import google_http, llm_http
from tests.fakes.asr_engine import ScriptedVad
from tests.fakes.gpt_sovits_server import FakeSovits
from tests.fakes.ports import free_port
from tests.fakes.serving import served, service_of
from tests.fakes.waiting import PATIENCE_S

LIMIT_S = 8.0
"""For a service to begin, whoever does; a quarter of it, 2 s, for the first engine."""
COMMON: dict[str, Any] = {"port": 0, "metrics_port": 0, "fallback_share": 0.25, "cooldown_s": 0.2}
FAULTS = ("refused", "stall-first", "stall-mid", "429", "500", "garbage", "truncated", "trickle")

# the reason of the fallback; after "told:" that of the failure where something was said already
MATRIX = {
    "zhipu": (
        "llm-unreachable",
        "engine-slow",
        "told:llm-broken-stream",
        "llm-rate",
        "engine-failed",
        "llm-broken-stream",
        "told:llm-broken-stream",
        "engine-slow",
    ),
    "openai": (
        "llm-unreachable",
        "engine-slow",
        "told:llm-broken-stream",
        "llm-rate",
        "engine-failed",
        "llm-broken-stream",
        "told:llm-broken-stream",
        "engine-slow",
    ),
    "google": (
        "asr-unreachable",
        "engine-slow",
        "engine-slow",
        "asr-quota",
        "asr-unreachable",
        "engine-failed",
        "asr-unreachable",
        "engine-slow",
    ),
    "gpt_sovits": (
        "tts-unreachable",
        "engine-slow",
        "engine-slow",
        "tts-unreachable",
        "tts-bad-audio",
        "tts-bad-audio",
        "tts-bad-audio",
        "engine-slow",
    ),
    "gpt_sovits streaming": (
        "tts-unreachable",
        "engine-slow",
        "told:tts-slow",
        "tts-unreachable",
        "tts-bad-audio",
        "tts-bad-audio",
        "told:tts-bad-audio",
        "engine-slow",
    ),
}
CASES = [(kind, fault, reason) for kind, row in MATRIX.items() for fault, reason in zip(FAULTS, row, strict=True)]


@dataclass
class Told:
    """What came of a request."""

    engine: str = ""
    reason: str = ""
    """Of the fallback, or after ``told:`` of the failure."""
    first_s: float = 0.0


class Fake:
    """A remote engine that can be told to misbehave, and somebody who asks the service for its work."""

    def __init__(self, fallback: EngineFallback, ask: Callable[[], Any], set_fault: Callable[[str], None]) -> None:
        self.fallback, self.set_fault, self._ask = fallback, set_fault, ask

    async def ask(self) -> Told:
        told, began = Told(), time.monotonic()
        try:
            async for head in self._ask():
                if not told.engine:
                    told.first_s = time.monotonic() - began
                    told.engine, told.reason = head.engine, ",".join(f.reason for f in head.fallbacks)
        except grpc.aio.AioRpcError as e:
            told.reason = f"told:{from_rpc(e, 'service').slug}"
        return told


@contextlib.asynccontextmanager
async def llm(kind: str, _folder: Path) -> AsyncIterator[Fake]:
    scripts: dict[str, Any] = {
        "": llm_http.good,
        "stall-first": lambda call: call.stall(),
        "stall-mid": lambda call: (call.begin(), call.write(llm_http.chunk("你好")), call.stall()),
        "429": llm_http.refuse(429, {"error": {"message": "slow down"}}),
        "500": llm_http.refuse(500, {"error": {"message": "oops"}}),
        "garbage": lambda call: call.events([b"data: {\x00garbage\n\n", llm_http.DONE]),
        "truncated": lambda call: call.events(llm_http.GOOD[:2], end=False),
        "trickle": lambda call: (call.begin(), call.trickle(b": keep-alive\n\n")),
    }
    now = ""
    with llm_http.serving(lambda call: scripts[now](call)) as fake:
        settings = LlmSettings(
            engines=f"{kind},echo",
            first_token_s=LIMIT_S,
            deadline_s=3,
            attempts=2,
            backoff_s=0.01,
            **COMMON,
        )
        zhipu = ZhipuSettings(url=fake.url, api_key="an-id.a-value")
        openai = OpenAiSettings(url=fake.url, model="served-model", api_key="key")
        registry = {
            "zhipu": "services.llm.engines.zhipu.engine:ZhipuEngine",
            "openai": "services.llm.engines.openai.engine:OpenAiEngine",
            "echo": "tests.fakes.llm_engine:EchoEngine",
        }
        engines = make_llm_engines(settings, SharedSettings(), {"zhipu": zhipu, "openai": openai}, registry)
        servicer = LlmServicer(engines, settings)
        request = llm_pb2.StreamChatRequest(messages=[llm_pb2.ChatMessage(role=llm_pb2.ROLE_USER, content="你好")])

        def set_fault(fault: str) -> None:
            nonlocal now
            now = "" if fault == "refused" else fault
            url = f"http://127.0.0.1:{free_port()}/v1" if fault == "refused" else fake.url
            zhipu.url = openai.url = url

        async with served(service_of("llm", servicer, engines.load), settings) as running:

            async def ask() -> AsyncIterator[Any]:
                async for answer in running.stub.StreamChat(request, timeout=30):
                    yield answer.started

            yield Fake(servicer.fallback, ask, set_fault)


@contextlib.asynccontextmanager
async def asr(_kind: str, folder: Path) -> AsyncIterator[Fake]:
    words = google_http.words("你好")
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(words)
    scripts: dict[str, Any] = {
        "": google_http.heard("你好"),
        "stall-first": lambda call: call.stall(),
        "stall-mid": lambda call: (call.raw(head + words[:20]), call.stall()),
        "429": google_http.refuse(429, b"too many"),
        "500": google_http.refuse(500, b"oops"),
        "garbage": google_http.refuse(200, b"<html>please log in</html>"),
        "truncated": lambda call: (call.raw(head + words[:20]), call.cut()),
        "trickle": lambda call: (call.begin(), call.trickle(b" ")),
    }
    now = ""
    with google_http.serving(lambda call: scripts[now](call)) as fake:
        settings = AsrSettings(
            engines="google,ruler",
            first_text_s=LIMIT_S,
            **COMMON,
        )
        google = GoogleSettings(url=fake.url, timeout_s=6, attempts=1)
        shared = SharedSettings(storage_url=f"file://{folder}/storage")
        registry = {
            "google": "services.asr.engines.google.engine:GoogleEngine",
            "ruler": "tests.fakes.asr_engine:RulerEngine",
        }
        monkey = pytest.MonkeyPatch()
        monkey.setattr("tests.fakes.asr_engine.RulerEngine.languages", ("zh", "en"))
        monkey.setattr(ScriptedVad, "windows", lambda _self, x, _s: [(0, x.size)], raising=False)
        monkey.setattr("services.asr.engines.base.Vad", ScriptedVad)
        engines = make_asr_engines(settings, shared, {"google": google}, registry)
        servicer = AsrServicer(engines, settings, Storage(shared.storage_url))
        form = common_pb2.AudioFormat(encoding=1, sample_rate_hertz=16000, channels=1)
        noise = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
        requests = [
            asr_pb2.TranscribeRequest(config=asr_pb2.RecognitionConfig(format=form, language="zh")),
            asr_pb2.TranscribeRequest(audio=common_pb2.AudioChunk(data=audio.to_pcm16(noise))),
            asr_pb2.TranscribeRequest(end=common_pb2.EndOfInput()),
        ]

        def set_fault(fault: str) -> None:
            nonlocal now
            now = "" if fault == "refused" else fault
            google.url = f"http://127.0.0.1:{free_port()}/" if fault == "refused" else fake.url

        async with served(service_of("asr", servicer, engines.load), settings) as running:

            async def ask() -> AsyncIterator[Any]:
                yield await running.stub.Transcribe(iter(requests), timeout=30)

            yield Fake(servicer.fallback, ask, set_fault)
        monkey.undo()


@contextlib.asynccontextmanager
async def tts(kind: str, folder: Path) -> AsyncIterator[Fake]:
    names = {"stall-mid": "stall-spoken"}
    reference = folder / "reference.wav"
    reference.write_bytes(b"the fake only looks whether it is there")
    with contextlib.ExitStack() as stack:
        fake = FakeSovits()
        port, is_up = fake.server_port, True
        fake.__enter__()
        monkey = pytest.MonkeyPatch()
        monkey.setitem(tts_engines.REGISTRY, "spare", "tests.fakes.tts_engine:SpareTts")
        stack.callback(monkey.undo)
        settings = TtsSettings(
            engines="gpt_sovits,spare",
            first_audio_s=LIMIT_S,
            **COMMON,
        )
        own = GptSovitsSettings(
            urls=fake.url,
            reference=str(reference),
            streaming=1 if "streaming" in kind else 0,
            first_s=3,
            stall_s=2.5,
            deadline_s=3,
            wait_s=5,
            backoff_s=0.05,
            probe_s=0.2,
        )
        engines = tts_engines.make_engines(settings, SharedSettings(), {"gpt_sovits": own})
        servicer = TtsServicer(engines, settings, VoiceStore(Storage(f"file://{folder}/s"), folder))
        request = tts_pb2.StreamSynthesizeRequest
        text = "This is a sentence of more than a single segment."
        requests = [
            request(config=tts_pb2.SynthesisConfig(language="en-US")),
            request(clause=tts_pb2.Clause(index=0, text=text)),
            request(end=common_pb2.EndOfInput()),
        ]

        def set_fault(fault: str) -> None:
            nonlocal fake, is_up
            if is_up and fault == "refused":
                fake.__exit__()
            elif not is_up:
                fake = FakeSovits(port=port)
                fake.__enter__()
            is_up = fault != "refused"
            fake.always = names.get(fault, fault)

        async with served(service_of("tts", servicer, servicer.load, servicer.stop), settings) as running:

            async def ask() -> AsyncIterator[Any]:
                async for answer in running.stub.StreamSynthesize(iter(requests), timeout=30):
                    yield answer.header

            yield Fake(servicer.fallback, ask, set_fault)
        fake.__exit__()


RIGS = {"zhipu": llm, "openai": llm, "google": asr, "gpt_sovits": tts, "gpt_sovits streaming": tts}


def footprint() -> tuple[int, int, int]:
    """Sockets, threads and tasks, less the idle threads of asyncio's pool, which stay."""
    threads = [t for t in threading.enumerate() if not t.name.startswith("asyncio_")]
    return len(psutil.Process().net_connections()), len(threads), len(asyncio.all_tasks())


@pytest.fixture
def children() -> Iterator[None]:
    yield
    assert psutil.Process().children() == []


@pytest.mark.parametrize(("kind", "fault", "reason"), CASES, ids=[f"{k}-{f}" for k, f, _ in CASES])
async def test_matrix(kind: str, fault: str, reason: str, tmp_path: Path, children: None) -> None:
    name = kind.split()[0]
    async with RIGS[kind](kind, tmp_path) as fake:
        told = await fake.ask()
        assert (told.engine, told.reason) == (name, ""), "before the fault"
        before = footprint()
        fake.set_fault(fault)
        told = await fake.ask()
        assert told.reason == reason
        assert (told.engine == name) == reason.startswith("told:")
        assert told.first_s < LIMIT_S
        fake.set_fault("")
        async with asyncio.timeout(PATIENCE_S):
            while (told := await fake.ask()).engine != name:
                await asyncio.sleep(0.02)
            assert told.reason == "", "taken again"
            while fake.fallback.closing or any(now > then for now, then in zip(footprint(), before, strict=True)):
                await asyncio.sleep(0.05)
