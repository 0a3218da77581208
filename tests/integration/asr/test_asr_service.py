"""The asr service over real gRPC with a fake engine; the voice activity detection is the real one where speech is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from huasheng.asr.v1 import asr_pb2
from huasheng.common.v1 import common_pb2

from services.asr.engines.base import AsrEngine
from services.asr.server import make_service
from services.asr.settings import AsrSettings
from services.common import audio
from services.common.audio import Samples
from services.common.errors import from_rpc
from services.common.settings import SharedSettings
from services.common.storage import Storage
from tests.fakes.asr_engine import REGISTRY, RulerEngine, ScriptedVad
from tests.fakes.serving import Serve
from tests.fakes.waiting import PATIENCE_S, until

SETTINGS = AsrSettings(engines="ruler,gone", max_audio_s=30)
FORMAT = common_pb2.AudioFormat(encoding=common_pb2.AUDIO_ENCODING_PCM_S16LE, sample_rate_hertz=16000, channels=1)


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Noise stands for speech."""

    def windows(self: ScriptedVad, samples: Samples, longest_s: float) -> list[tuple[int, int]]:
        n = int(longest_s * 16000)
        return [(i, min(i + n, samples.size)) for i in range(0, samples.size, n)]

    monkeypatch.setattr(ScriptedVad, "windows", windows, raising=False)
    monkeypatch.setattr(AsrEngine, "load", lambda self: setattr(self, "vad", ScriptedVad()))
    RulerEngine.runs.clear()
    RulerEngine.at_work.clear()
    yield
    RulerEngine.deaf, RulerEngine.takes_s, RulerEngine.failing = False, 0.0, False


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(f"file://{tmp_path}/storage")


@pytest.fixture
async def stub(tmp_path: Path, serve: Serve) -> Any:
    service = make_service(SETTINGS, SharedSettings(storage_url=f"file://{tmp_path}/storage"), registry=REGISTRY)
    return (await serve(service, SETTINGS)).stub


def noise(seconds: float, rate: int = 16000) -> Samples:
    return np.random.default_rng(0).normal(0, 0.1, int(seconds * rate)).astype(np.float32)


def clip(samples: Samples, end: bool = True, **config: Any) -> Iterator[asr_pb2.TranscribeRequest]:
    yield asr_pb2.TranscribeRequest(config=asr_pb2.RecognitionConfig(**{"format": FORMAT, **config}))
    data = audio.to_pcm16(samples)
    for i in range(0, len(data), 32000):
        yield asr_pb2.TranscribeRequest(audio=common_pb2.AudioChunk(data=data[i : i + 32000]))
    if end:
        yield asr_pb2.TranscribeRequest(end=common_pb2.EndOfInput())


async def slug_of(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as e:
        await call
    return from_rpc(e.value, "asr").slug


async def test_transcribes_chunks(stub: Any) -> None:
    got = await stub.Transcribe(clip(noise(25), language="en-GB"))
    assert got.text == "20.0 5.0"
    assert (got.language, got.engine, got.duration_us) == ("en", "ruler", 25_000_000)
    assert [(s.start_us, s.end_us) for s in got.segments] == [(0, 20_000_000), (20_000_000, 25_000_000)]


async def test_resamples(stub: Any) -> None:
    form = common_pb2.AudioFormat(encoding=1, sample_rate_hertz=48000, channels=1)
    got = await stub.Transcribe(clip(noise(3, 48000), format=form))
    assert got.text == "3.0" and got.duration_us == 3_000_000


async def test_transcribes_a_stored_file_of_any_kind(stub: Any, storage: Storage) -> None:
    storage.put("uploads/a.wav", audio.wav_bytes(noise(2, 44100), 44100))
    got = await stub.Transcribe(clip(noise(0), audio_uri=storage.uri("uploads/a.wav")))
    assert got.text == "2.0"


async def test_bad_files(stub: Any, storage: Storage) -> None:
    storage.put("uploads/text.mp4", b"this is a text and no video at all" * 10)
    storage.put("uploads/empty.wav", b"")
    storage.put("uploads/long.wav", audio.wav_bytes(noise(31), 16000))
    for key, slug in (("text.mp4", "unsupported-media"), ("empty.wav", "empty-file"), ("long.wav", "too-long")):
        assert await slug_of(stub.Transcribe(clip(noise(0), audio_uri=storage.uri(f"uploads/{key}")))) == slug
    assert await slug_of(stub.Transcribe(clip(noise(0), audio_uri=storage.uri("uploads/none.wav")))) == "unknown-id"
    assert await slug_of(stub.Transcribe(clip(noise(0), audio_uri="file:///etc/passwd"))) == "unknown-id"


async def test_bad_audio(stub: Any) -> None:
    assert await slug_of(stub.Transcribe(clip(np.zeros(32000, np.float32)))) == "silent-audio"
    assert await slug_of(stub.Transcribe(clip(noise(0)))) == "empty-file"
    assert await slug_of(stub.Transcribe(clip(noise(31)))) == "too-long"
    RulerEngine.deaf = True
    assert await slug_of(stub.Transcribe(clip(noise(2)))) == "no-speech"


async def test_bad_requests(stub: Any) -> None:
    def messages(*requests: asr_pb2.TranscribeRequest) -> Iterator[asr_pb2.TranscribeRequest]:
        yield from requests

    audio_first = asr_pb2.TranscribeRequest(audio=common_pb2.AudioChunk(data=b"00"))
    config = asr_pb2.TranscribeRequest(config=asr_pb2.RecognitionConfig(format=FORMAT))
    odd = asr_pb2.TranscribeRequest(audio=common_pb2.AudioChunk(data=b"0"))
    assert await slug_of(stub.Transcribe(messages(audio_first))) == "bad-order"
    assert await slug_of(stub.Transcribe(messages(config, config))) == "bad-order"
    assert await slug_of(stub.Transcribe(messages(config, odd))) == "bad-request"
    assert await slug_of(stub.Transcribe(clip(noise(1), end=False))) == "bad-order"
    for form in ({"encoding": 0}, {"sample_rate_hertz": 4000}, {"channels": 2}):
        values = {"encoding": 1, "sample_rate_hertz": 16000, "channels": 1, **form}
        assert await slug_of(stub.Transcribe(clip(noise(1), format=common_pb2.AudioFormat(**values)))) == "bad-request"
    assert await slug_of(stub.Transcribe(clip(noise(1), engine="nobody"))) == "unknown-engine"
    assert await slug_of(stub.Transcribe(clip(noise(1), engine="gone", no_fallback=True))) == "engine-unavailable"


async def test_cancelling_a_long_clip_stops_between_windows(stub: Any) -> None:
    RulerEngine.takes_s = 0.3
    call = stub.Transcribe(clip(noise(29), language="en"))
    assert await asyncio.to_thread(RulerEngine.at_work.wait, PATIENCE_S)
    call.cancel()
    await asyncio.sleep(0.8)  # the next window would begin after 0.3 s
    assert len(RulerEngine.runs) == 1


async def test_many_clips_at_once_do_not_mix(stub: Any) -> None:
    RulerEngine.takes_s = 0.05
    got = await asyncio.gather(*(stub.Transcribe(clip(noise(1 + i / 2))) for i in range(8)))
    assert [g.text for g in got] == [f"{1 + i / 2:.1f}" for i in range(8)]


async def live(
    *parts: Samples | int | None, rate: int = 16000, **config: Any
) -> AsyncIterator[asr_pb2.StreamTranscribeRequest]:
    """Samples, interrupts (their generation), or None for the end."""
    form = common_pb2.AudioFormat(encoding=1, sample_rate_hertz=rate, channels=1)
    yield asr_pb2.StreamTranscribeRequest(config=asr_pb2.RecognitionConfig(**{"format": form, **config}))
    for part in parts:
        if part is None:
            yield asr_pb2.StreamTranscribeRequest(end=common_pb2.EndOfInput())
        elif isinstance(part, int):
            yield asr_pb2.StreamTranscribeRequest(interrupt=common_pb2.Interrupt(generation=part))
        else:
            data = audio.to_pcm16(part)
            for i in range(0, len(data), 6400):
                yield asr_pb2.StreamTranscribeRequest(audio=common_pb2.AudioChunk(data=data[i : i + 6400]))
                await asyncio.sleep(0)


async def events(call: Any) -> list[Any]:
    return [m async for m in call]


def kinds(got: list[Any]) -> list[str]:
    return [m.WhichOneof("payload") for m in got if not m.HasField("partial")]


@pytest.mark.parametrize("rate", [16000, 44100])
async def test_streams_an_utterance(stub: Any, rate: int) -> None:
    quiet = np.zeros(rate, np.float32)
    got = await events(stub.StreamTranscribe(live(quiet, noise(2, rate), quiet, None, rate=rate)))
    assert kinds(got) == ["speech_started", "speech_ended", "final"]
    final = got[-1].final
    assert final.engine == "ruler" and 1.9 < float(final.text) < 3
    assert abs(got[0].speech_started.pts_us - 1_000_000) < 150_000


async def test_end_flushes_and_interrupt_is_answered(stub: Any) -> None:
    got = await events(stub.StreamTranscribe(live(noise(1), 5, np.zeros(8000, np.float32), noise(1), None)))
    assert kinds(got) == ["speech_started", "interrupted", "speech_started", "speech_ended", "final"]
    assert next(m for m in got if m.HasField("interrupted")).interrupted.generation == 5


async def test_bad_live_requests(stub: Any) -> None:
    async def wrong() -> AsyncIterator[asr_pb2.StreamTranscribeRequest]:
        yield asr_pb2.StreamTranscribeRequest(config=asr_pb2.RecognitionConfig(format=FORMAT))
        yield asr_pb2.StreamTranscribeRequest(audio=common_pb2.AudioChunk(data=b"odd"))

    assert await slug_of(events(stub.StreamTranscribe(wrong()))) == "bad-request"
    assert await slug_of(events(stub.StreamTranscribe(live(None, end_silence_ms=9)))) == "bad-request"
    RulerEngine.failing = True
    assert await slug_of(events(stub.StreamTranscribe(live(noise(1), None)))) == "asr-unreachable"


async def test_a_cancelled_or_abandoned_stream_leaves_no_thread(stub: Any) -> None:
    import threading

    async def forever() -> AsyncIterator[asr_pb2.StreamTranscribeRequest]:
        async for m in live(noise(0.5)):
            yield m
        await asyncio.sleep(60)

    before = threading.active_count()
    call = stub.StreamTranscribe(forever())
    async for m in call:
        assert m.HasField("speech_started")
        break
    call.cancel()

    heard = asyncio.Event()

    async def abandoned() -> AsyncIterator[asr_pb2.StreamTranscribeRequest]:
        async for m in live(noise(0.5)):
            yield m
        await heard.wait()  # what waits unheard when an input is abandoned is dropped

    got = []
    async for m in stub.StreamTranscribe(abandoned()):
        heard.set()
        got.append(m)
    assert kinds(got) == ["speech_started"]
    await until(lambda: threading.active_count() <= before + 1)  # one idle thread of asyncio's pool may have been added


async def test_lists_engines(stub: Any) -> None:
    engines = (await stub.ListEngines(asr_pb2.ListEnginesRequest())).engines
    assert [(e.name, e.available, e.reason, e.is_default) for e in engines] == [
        ("ruler", True, "", True),
        ("gone", False, "it was taken away", False),
    ]
