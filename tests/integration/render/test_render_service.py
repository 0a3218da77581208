"""The render service over real gRPC with an engine that draws a dot."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import numpy as np
import pytest
from huasheng.common.v1 import common_pb2
from huasheng.render.v1 import render_pb2 as pb
from huasheng.render.v1 import render_pb2_grpc

from services.common import serving
from services.common.audio import to_pcm16
from services.common.errors import HuashengError, from_rpc
from services.common.settings import SharedSettings
from services.common.storage import Storage
from services.common.weights import WeightsError, folder
from services.render.server import make_service
from services.render.settings import RenderSettings
from tests.fakes.clips import clip, numbered
from tests.fakes.media import blank, decoded, png, tone
from tests.fakes.render_engine import IDLE, FakeEngine

FAKES = {"fake": "tests.fakes.render_engine:FakeEngine", "broken": "tests.fakes.render_engine:BrokenEngine"}
RATE = 16000


@dataclass
class Rig:
    """A running service and a client of it."""

    stub: render_pb2_grpc.RenderServiceStub
    storage: Storage
    root: Path

    def put(self, key: str, data: bytes) -> str:
        self.storage.put(key, data)
        return self.storage.uri(key)

    async def prepare(self, avatar_id: str = "ann", data: bytes | None = None, name: str = "Ann") -> list[object]:
        uri = self.put(f"assets/{avatar_id}", png(blank(256)) if data is None else data)
        request = pb.PrepareAvatarRequest(avatar_id=avatar_id, owner="local", source_uri=uri, name=name)
        return [m async for m in self.stub.PrepareAvatar(request)]

    def leftovers(self) -> list[str]:
        return [p.name for p in (self.root / "avatars").rglob("*") if ".part" in p.name]


@pytest.fixture(autouse=True)
def _switches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("frame_s", "prepare_s", "fail_at", "version", "yuv"):
        monkeypatch.setattr(FakeEngine, name, getattr(FakeEngine, name))
    FakeEngine.prepared = 0
    FakeEngine.last = None
    FakeEngine.open_sessions = 0
    yield


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    try:
        folder("portrait", SharedSettings().weights_dir)
    except WeightsError:
        pytest.skip("the portrait is not here; run: make weights")
    settings = RenderSettings.model_construct(
        **{**RenderSettings().model_dump(), "engines": "fake,broken", "max_sessions": 3}
    )
    shared = SharedSettings(storage_url=f"file://{tmp_path}/storage")
    service = make_service(settings, shared, FAKES)
    server, _, port = await serving.start(service, serving.with_port(settings, 0))
    await asyncio.to_thread(service.load)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=serving.CHANNEL_OPTIONS) as channel:
        yield Rig(render_pb2_grpc.RenderServiceStub(channel), Storage(shared.storage_url), tmp_path / "storage")
    await server.stop(1)


def config(**how: object) -> pb.StreamRenderRequest:
    form = common_pb2.AudioFormat(
        encoding=common_pb2.AUDIO_ENCODING_PCM_S16LE, sample_rate_hertz=how.pop("rate", RATE), channels=1
    )
    return pb.StreamRenderRequest(config=pb.RenderConfig(owner="local", format=form, **how))


def sound(samples: np.ndarray, at_s: float = 0, rate: int = RATE) -> Iterator[pb.StreamRenderRequest]:
    step = rate // 5
    for i in range(0, samples.size, step):
        chunk = common_pb2.AudioChunk(data=to_pcm16(samples[i : i + step]), pts_us=round((at_s + i / rate) * 1e6))
        yield pb.StreamRenderRequest(audio=chunk)


END = pb.StreamRenderRequest(end=common_pb2.EndOfInput())


async def whole(rig: Rig, messages: list[pb.StreamRenderRequest]) -> list[pb.StreamRenderResponse]:
    return [m async for m in rig.stub.StreamRender(iter(messages))]


def kinds(answers: list[pb.StreamRenderResponse]) -> list[str]:
    return [a.WhichOneof("payload") for a in answers]


def media(answers: list[pb.StreamRenderResponse]) -> bytes:
    return b"".join(a.media.data for a in answers if a.WhichOneof("payload") == "media")


async def refused(call: object) -> HuashengError:
    """The reason of a call that must fail; works for one answer and for streams."""
    with pytest.raises(grpc.aio.AioRpcError) as e:
        if hasattr(call, "__aiter__"):
            async for _ in call:
                pass
        else:
            await call
    return from_rpc(e.value, "render")


async def rest(call: grpc.aio.StreamStreamCall) -> list[pb.StreamRenderResponse]:
    """What is still to come after ``call.read()`` was used."""
    answers = []
    while (answer := await asyncio.wait_for(call.read(), 10)) is not grpc.aio.EOF:
        answers.append(answer)
    return answers


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.01)


async def test_the_builtin_avatar_is_there_and_stays(rig: Rig) -> None:
    listed = (await rig.stub.ListAvatars(pb.ListAvatarsRequest(owner="local"))).avatars
    assert [(a.avatar_id, a.owner, a.kind) for a in listed] == [("builtin", "builtin", "portrait")]
    for uri in (listed[0].thumbnail_uri, listed[0].idle_uri):
        assert rig.storage.exists(rig.storage.key(uri))
    error = await refused(rig.stub.DeleteAvatar(pb.DeleteAvatarRequest(owner="local", avatar_id="builtin")))
    assert error.slug == "builtin-stays"


async def test_preparing_tells_progress_then_the_avatar(rig: Rig) -> None:
    answers = await rig.prepare()
    fractions = [a.progress.fraction for a in answers[:-1]]
    assert fractions == sorted(fractions)
    made = answers[-1].avatar
    assert (made.avatar_id, made.name, made.engine, made.width, made.height, made.fps) == (
        "ann", "Ann", "fake", 192, 128, 25,
    )  # fmt: skip
    assert list(made.report.warnings) == ["side-view"]
    listed = (await rig.stub.ListAvatars(pb.ListAvatarsRequest(owner="local"))).avatars
    assert [a.avatar_id for a in listed] == ["builtin", "ann"]
    assert not rig.leftovers()


async def test_the_idle_loop_is_the_whole_loop(rig: Rig) -> None:
    from services.render.media_read import probe, read_frames

    made = (await rig.prepare())[-1].avatar
    with rig.storage.local(rig.storage.key(made.idle_uri)) as path:
        assert (probe(path).frames, probe(path).has_audio) == (IDLE, False)
        levels = [float(p[:8].mean()) for _, p in read_frames(path)]
    assert levels == pytest.approx([40 + i for i in range(IDLE)], abs=2.5)


async def test_the_same_source_is_prepared_once(rig: Rig) -> None:
    await rig.prepare()
    before = FakeEngine.prepared
    again = await rig.prepare(name="Anna")
    assert FakeEngine.prepared == before
    assert again[-1].avatar.name == "Anna"
    await rig.prepare(data=png(blank(320)))
    assert FakeEngine.prepared == before + 1


async def test_a_newer_engine_prepares_again_from_the_kept_source(rig: Rig) -> None:
    await rig.prepare()
    before = FakeEngine.prepared
    rig.storage.delete("assets/ann")
    FakeEngine.version = "2"
    answers = await whole(rig, [config(avatar_id="ann"), *sound(tone(0.2)), END])
    assert kinds(answers)[-1] == "summary"
    assert FakeEngine.prepared == before + 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "empty-file"), (b"just text\n" * 50, "unsupported-media"), (png(blank(50)), "too-small-picture"),
     (png(blank(256)) + b"no face", "no-face")],
)  # fmt: skip
async def test_bad_sources_are_refused_and_leave_nothing(rig: Rig, data: bytes, reason: str) -> None:
    uri = rig.put("assets/bad", data)
    request = pb.PrepareAvatarRequest(avatar_id="bad", owner="local", source_uri=uri, name="Bob")
    error = await refused(rig.stub.PrepareAvatar(request))
    assert error.slug == reason
    assert error.params.get("name", "Bob") == "Bob"
    assert sorted(p.name for p in (rig.root / "avatars").rglob("*.json")) == ["avatar.json", "face.json"]  # the builtin
    assert not rig.leftovers()


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"avatar_id": "../x"}, "bad-request"), ({"owner": "a/b"}, "bad-request"), ({"avatar_id": ""}, "bad-request"),
     ({"avatar_id": "builtin"}, "builtin-stays"), ({"source_uri": "file:///etc/passwd"}, "unknown-id"),
     ({"engine": "none"}, "unknown-engine"), ({"engine": "broken"}, "engine-unavailable")],
)  # fmt: skip
async def test_wrong_names_are_refused(rig: Rig, change: dict[str, str], reason: str) -> None:
    uri = rig.put("assets/a", png(blank(256)))
    request = pb.PrepareAvatarRequest(**{"avatar_id": "a", "owner": "local", "source_uri": uri, **change})
    assert (await refused(rig.stub.PrepareAvatar(request))).slug == reason


async def test_a_missing_source_is_refused(rig: Rig) -> None:
    request = pb.PrepareAvatarRequest(avatar_id="a", owner="local", source_uri=rig.storage.uri("assets/none"))
    assert (await refused(rig.stub.PrepareAvatar(request))).slug == "unknown-id"


async def test_long_and_large_videos_are_used_in_part_with_warnings(rig: Rig, tmp_path: Path) -> None:
    pictures = numbered(40, width=2048, height=128)
    path = clip(tmp_path / "a.mp4", pictures, 25, [i * 1.6 for i in range(40)])
    answers = await rig.prepare("long", path.read_bytes())
    assert list(answers[-1].avatar.report.warnings) == ["only-first-part", "scaled-down", "side-view"]


async def test_a_cancelled_preparation_leaves_nothing(rig: Rig) -> None:
    FakeEngine.prepare_s = 3
    uri = rig.put("assets/a", png(blank(256)))
    call = rig.stub.PrepareAvatar(pb.PrepareAvatarRequest(avatar_id="a", owner="local", source_uri=uri))
    async for answer in call:
        if answer.progress.fraction > 0:
            break
    assert rig.leftovers()
    call.cancel()
    await until(lambda: not rig.leftovers())
    assert not (rig.root / "avatars/local/a").exists()


async def test_deleting_an_avatar(rig: Rig) -> None:
    await rig.prepare()
    await rig.stub.DeleteAvatar(pb.DeleteAvatarRequest(owner="local", avatar_id="ann"))
    assert not (rig.root / "avatars/local/ann").exists()
    error = await refused(rig.stub.DeleteAvatar(pb.DeleteAvatarRequest(owner="local", avatar_id="ann")))
    assert error.slug == "unknown-id"
    assert (await refused(rig.stub.StreamRender(iter([config(avatar_id="ann"), END])))).slug == "unknown-id"


async def test_other_owners_see_nothing(rig: Rig) -> None:
    await rig.prepare()
    listed = (await rig.stub.ListAvatars(pb.ListAvatarsRequest(owner="eve"))).avatars
    assert [a.avatar_id for a in listed] == ["builtin"]
    assert (
        await refused(rig.stub.DeleteAvatar(pb.DeleteAvatarRequest(owner="eve", avatar_id="ann")))
    ).slug == "unknown-id"


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
        answer = await asyncio.wait_for(call.read(), 5)
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
        answers.append(await asyncio.wait_for(call.read(), 5))
    await call.write(pb.StreamRenderRequest(interrupt=common_pb2.Interrupt(generation=3)))
    while answers[-1].WhichOneof("payload") != "interrupted":
        answers.append(await asyncio.wait_for(call.read(), 5))
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


async def test_sessions_side_by_side_do_not_mix(rig: Rig) -> None:
    async def one(seconds: float, start: int) -> tuple[int, int]:
        answers = await whole(rig, [config(start_frame=start), *sound(tone(seconds)), END])
        return answers[-1].summary.frames, decoded(media(answers))["frames"]

    lengths = await asyncio.gather(one(0.4, 0), one(0.8, 5), one(1.2, 9))
    assert lengths == [(10, 10), (20, 20), (30, 30)]


@pytest.mark.parametrize(
    ("messages", "reason"),
    [([END], "bad-order"), ([config(rate=4000), END], "bad-request"), ([config(start_frame=-1), END], "bad-request"),
     ([config(), config(), END], "bad-order"), ([config(avatar_id="nobody"), END], "unknown-id"),
     ([config(engine="none"), END], "unknown-engine"), ([config(engine="broken"), END], "engine-unavailable"),
     ([config(device="cuda:7"), END], "unknown-id"), ([config(model_id="nobody_steps5"), END], "unknown-id"),
     ([config(), pb.StreamRenderRequest(audio=common_pb2.AudioChunk(data=b"odd")), END], "bad-request")],
)  # fmt: skip
async def test_wrong_input_is_refused_with_the_reason(rig: Rig, messages: list[object], reason: str) -> None:
    assert (await refused(rig.stub.StreamRender(iter(messages)))).slug == reason
    assert FakeEngine.open_sessions == 0


async def test_an_engine_that_fails_says_so_and_the_service_goes_on(rig: Rig) -> None:
    FakeEngine.fail_at = 3
    error = await refused(rig.stub.StreamRender(iter([config(), *sound(tone(1)), END])))
    assert (error.slug, error.params["engine"]) == ("engine-failed", "fake")
    FakeEngine.fail_at = None
    assert (await whole(rig, [config(), *sound(tone(0.2)), END]))[-1].summary.frames == 5


async def test_training_is_honestly_not_there(rig: Rig) -> None:
    request = pb.TrainRequest(training_id="t", owner="local", video_uri="file:///x")
    assert (await refused(rig.stub.Train(request))).slug == "training-unavailable"
    assert (await refused(rig.stub.GetTraining(pb.GetTrainingRequest(training_id="t")))).slug == "unknown-id"
    assert (await refused(rig.stub.CancelTraining(pb.CancelTrainingRequest(training_id="t")))).slug == "unknown-id"


async def test_models_engines_and_devices_are_listed(rig: Rig) -> None:
    models = (await rig.stub.ListModels(pb.ListModelsRequest(owner="local"))).models
    assert [(m.model_id, m.owner) for m in models] == [("fake", "builtin")]
    engines = (await rig.stub.ListEngines(pb.ListEnginesRequest())).engines
    assert [(e.name, e.available, e.is_default, e.reason) for e in engines] == [
        ("fake", True, True, ""), ("broken", False, False, "it has no wheels"),
    ]  # fmt: skip
    device = (await rig.stub.ListDevices(pb.ListDevicesRequest())).devices[0]
    assert device.device == "cpu"
    assert device.name
    assert 0 < device.used_bytes < device.memory_bytes


async def test_before_it_has_loaded_the_service_says_so(tmp_path: Path) -> None:
    settings = RenderSettings.model_construct(**{**RenderSettings().model_dump(), "engines": "fake"})
    service = make_service(settings, SharedSettings(storage_url=f"file://{tmp_path}"), FAKES)
    server, _, port = await serving.start(service, serving.with_port(settings, 0))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = render_pb2_grpc.RenderServiceStub(channel)
        assert (await refused(stub.StreamRender(iter([config(), END])))).slug == "service-loading"
    await server.stop(0)
