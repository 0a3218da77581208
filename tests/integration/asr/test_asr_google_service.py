"""The google engine behind the asr service: real gRPC in front, a server that speaks Google's protocol behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from huasheng.asr.v1 import asr_pb2
from huasheng.common.v1 import common_pb2

from services.asr.engines.google.settings import Settings as GoogleSettings
from services.asr.server import make_service
from services.asr.settings import AsrSettings
from services.common import audio
from services.common.settings import SharedSettings
from tests.fakes.google_http import NOTHING, Call, heard, refuse, serving
from tests.fakes.serving import served
from tests.integration.asr.test_asr_service import FORMAT, clip, noise, scripted, slug_of

__all__ = ["scripted"]  # a fixture that every test here uses


@asynccontextmanager
async def asking(url: str, tmp_path: Path, **settings: Any) -> AsyncIterator[Any]:
    made = AsrSettings(engines="google")
    own = {"google": GoogleSettings(url=url, **{"timeout_s": 30, **settings})}
    service = make_service(made, SharedSettings(storage_url=f"file://{tmp_path}/storage"), own)
    async with served(service, made) as running:
        yield running.stub


async def test_long_speech_in_the_language_asked_for(tmp_path: Path) -> None:
    with serving(heard("第一段"), refuse(200, NOTHING), heard("end.")) as server:
        async with asking(server.url, tmp_path) as stub:
            got = await stub.Transcribe(clip(noise(40), language="zh-TW"))
    assert (got.text, got.language, got.engine) == ("第一段 end.", "zh", "google")
    assert [s.start_us for s in got.segments] == [0, 30_000_000]
    assert [call.query["lang"] for call in server.calls] == ["zh-TW"] * 3


@pytest.mark.parametrize(
    ("script", "slug"),
    [
        (refuse(200, NOTHING), "no-speech"),
        (refuse(403, b"Forbidden"), "asr-wrong-key"),
        (refuse(429, b""), "asr-quota"),
        (Call.stall, "asr-slow"),
        (Call.reset, "asr-unreachable"),
    ],
)
async def test_silence_and_failures(script: Any, slug: str, tmp_path: Path) -> None:
    with serving(script) as server:
        async with asking(server.url, tmp_path, timeout_s=0.5) as stub:
            assert await slug_of(stub.Transcribe(clip(noise(1)))) == slug


async def test_cancelling_a_call_hangs_up(tmp_path: Path) -> None:
    with serving(Call.stall) as server:
        async with asking(server.url, tmp_path) as stub:
            call = stub.Transcribe(clip(noise(2)))
            assert await asyncio.to_thread(server.arrived.wait, 5)
            call.cancel()
            assert await asyncio.to_thread(server.calls[0].hung_up.wait, 5)
            assert len(server.calls) == 1


async def test_leaving_a_live_stream_hangs_up(tmp_path: Path) -> None:
    def speech() -> Iterator[asr_pb2.StreamTranscribeRequest]:
        yield asr_pb2.StreamTranscribeRequest(config=asr_pb2.RecognitionConfig(format=FORMAT))
        chunk = common_pb2.AudioChunk(data=audio.to_pcm16(noise(1)))
        yield asr_pb2.StreamTranscribeRequest(audio=chunk)
        silence = common_pb2.AudioChunk(data=bytes(64_000))
        yield asr_pb2.StreamTranscribeRequest(audio=silence)

    with serving(Call.stall) as server:
        async with asking(server.url, tmp_path) as stub:
            call = stub.StreamTranscribe()
            for message in speech():
                await call.write(message)
            assert await asyncio.to_thread(server.arrived.wait, 5)
            call.cancel()
            assert await asyncio.to_thread(server.calls[0].hung_up.wait, 5)
