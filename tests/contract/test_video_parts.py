"""A long video drawn in parts by two renderers is the one that a single renderer draws, picture by picture and sound by
sound; a renderer that is lost costs one part."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import av
import numpy as np
import pytest
from huasheng.render.v1 import render_pb2

from services.common.errors import HuashengError
from services.common.media.sound import mono_pieces
from services.common.settings import SharedSettings
from services.common.storage import Storage
from services.gateway.clients import Clients
from services.gateway.jobs.part_files import PartFiles
from services.gateway.settings import GatewaySettings
from services.gateway.turn import parts, pieces
from services.gateway.turn.choices import AvatarChoice
from services.gateway.turn.events import Media, VideoHeader, VideoSummary
from services.gateway.turn.parts import Speech, parts_of, quietest, stream_of
from services.gateway.turn.pipeline import InParts, video_of_recording
from services.gateway.turn.timings import Timings
from services.render.engines.atlas.engine import AtlasEngine
from services.render.server import make_service
from services.render.settings import RenderSettings
from services.render.types import PhonemeSpan, SessionConfig
from tests.fakes.serving import Running, Serve
from tests.fakes.waiting import until

QUESTION = Path(__file__).resolve().parents[2] / "tools" / "question.flac"
RATE, FPS = 24000, 25


def speech(seconds: float) -> np.ndarray:
    """A recorded question again and again, with pauses, int16."""
    said = np.concatenate(list(mono_pieces(QUESTION, RATE, "question")))
    once = np.concatenate([said, np.zeros(RATE // 2, np.float32)])
    repeated = np.tile(once, int(seconds * RATE / len(once)) + 1)[: int(seconds * RATE)]
    return np.round(repeated * 32000).astype(np.int16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("storage")


@pytest.fixture
async def renderers(serve: Serve, folder: Path) -> list[Running]:
    shared = SharedSettings(storage_url=f"file://{folder}", threads=1)
    try:
        return [await serve(make_service(RenderSettings(slots=1), shared)) for _ in range(2)]
    except HuashengError as e:
        pytest.skip(str(e))


@pytest.fixture
async def clients(renderers: list[Running], tmp_path: Path) -> AsyncIterator[Clients]:
    address = ",".join(r.address for r in renderers)
    made = Clients(GatewaySettings(render_address=address, data_dir=tmp_path))
    made.watch()
    await until(lambda: len(made.pools["render"].serving) == 2)
    yield made
    await made.close()


async def video(clients: Clients, sound: np.ndarray, store: PartFiles | None) -> tuple[bytes, VideoSummary]:
    async def pcm() -> AsyncIterator[bytes]:
        for k in range(0, len(sound), RATE):
            yield sound[k : k + RATE].tobytes()

    shared_out = InParts(store, FPS) if store else None
    out, summary = b"", None
    async for event in video_of_recording(
        clients, Timings(), AvatarChoice("local", max_side_px=256), pcm(), RATE, shared_out
    ):
        match event:
            case Media():
                out += event.data
            case VideoHeader():
                assert (event.width, event.fps) == (256, FPS)
            case VideoSummary():
                summary = event
    assert summary is not None
    return out, summary


def decoded(movie: bytes, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (n, h, w) and sound."""
    path.write_bytes(movie)
    with av.open(str(path)) as container:
        pictures = np.stack([f.to_ndarray(format="gray") for f in container.decode(video=0)])
    with av.open(str(path)) as container:
        sound = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])
    return pictures, sound


@pytest.fixture
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_S", 9.0)
    monkeypatch.setattr(parts, "FIRST_PART_S", 4.0)


async def test_parts_make_the_same_video(clients: Clients, tmp_path: Path, folder: Path, short_parts: None) -> None:
    sound = speech(24.0)
    whole, of_whole = await video(clients, sound, None)
    store = PartFiles(Storage(f"file://{folder}"), "j_1", tmp_path / "work")
    joined, of_joined = await video(clients, sound, store)
    assert of_joined == of_whole
    kept = sorted((folder / "parts" / "j_1").glob("*.mp4"))
    assert len(kept) >= 3
    pictures, heard = decoded(whole, tmp_path / "whole.mp4")
    again, heard_again = decoded(joined, tmp_path / "joined.mp4")
    assert np.array_equal(heard, heard_again), "the sound is the same to the bit"
    assert pictures.shape == again.shape
    error = ((pictures.astype(np.float32) - again.astype(np.float32)) ** 2).mean((1, 2))
    assert (10 * np.log10(255**2 / np.maximum(error, 1e-9))).min() > 36, "encoded from the same pictures"
    # whoever continues the job has them: nothing is drawn a second time
    for replica in clients.pools["render"].replicas.values():
        replica.stub = None
    assert (await video(clients, sound, store))[0] == joined
    store.remove()
    assert not (folder / "parts" / "j_1").exists()


async def test_a_lost_renderer_costs_one_part(
    clients: Clients, renderers: list[Running], tmp_path: Path, folder: Path, short_parts: None
) -> None:
    sound = speech(24.0)
    store = PartFiles(Storage(f"file://{folder}"), "j_2", tmp_path / "work")
    repeated = pieces.REPEATED._value.get()
    making = asyncio.create_task(video(clients, sound, store))
    lost = clients.pools["render"].replicas
    await until(lambda: all(r.active for r in lost.values()))
    await renderers[1].server.stop(None)
    joined, summary = await making
    assert summary.frames == 24 * FPS
    assert len(decoded(joined, tmp_path / "joined.mp4")[0]) == 24 * FPS
    assert 1 <= pieces.REPEATED._value.get() - repeated <= 3, "it is asked once more until its end is noticed"
    store.remove()


@pytest.mark.parametrize("by", ["phonemes", "sound"])
def test_a_part_begins_as_if_all_before_had_been_drawn(
    tmp_path: Path, renderers: list[Running], folder: Path, by: str
) -> None:
    engine = AtlasEngine(None, SharedSettings(threads=1), RenderSettings())
    engine.load()
    avatar = next(folder.rglob("engine"))
    x = speech(50.0).astype(np.float32) / 32768
    sounds = ["a", "m", "i", "u", "", "ɑ", "f", "o"]
    order = np.random.default_rng(1).integers(0, len(sounds), 500)
    spans = [PhonemeSpan(sounds[k], n * 110_000, (n + 1) * 110_000) for n, k in enumerate(order)]
    has = by == "phonemes"
    at, first, count = (30, 32, 4) if has else (20, 40, 4)

    def draw(config: SessionConfig, samples: np.ndarray, shift_us: int) -> list[bytes]:
        moved = [
            PhonemeSpan(s.phoneme, max(0, s.start_us - shift_us), s.end_us - shift_us)
            for s in spans
            if has and s.end_us > shift_us
        ]
        session = engine.open_session(avatar, config)
        made = [f.image.tobytes() for f in session.push(samples, moved)]
        session.close()
        return made

    skip = (first - 4) * FPS  # what lies before is heard, and only the last seconds of it are painted
    whole = draw(SessionConfig(RATE, has, max_side_px=256, skip=skip), x, 0)[4 * FPS :]
    part = SessionConfig(RATE, has, max_side_px=256, at=at * FPS, skip=(first - at) * FPS)
    again = draw(part, x[at * RATE :], at * 1_000_000)
    assert again[: count * FPS] == whole[: count * FPS]
    if has:
        entire = draw(SessionConfig(RATE, has, max_side_px=256), x[: 6 * RATE], 0)
        assert draw(SessionConfig(RATE, has, max_side_px=256, skip=50), x[: 6 * RATE], 0) == entire[50:]


async def test_cuts_lie_in_silence_and_sound_is_sent_from_the_grid(tmp_path: Path) -> None:
    long = Speech(tmp_path / "x.pcm", RATE, FPS)
    loud = np.full(RATE * 240, 8000, np.int16)
    for second in (11.0, 22.0, 45.0, 90.0, 181.0):
        loud[int(second * RATE) : int((second + 0.3) * RATE)] = 0
    long.add(loud.tobytes())
    long.end()
    found = [p async for p in parts_of(long, hears=True)]
    assert [p.first / FPS for p in found] == pytest.approx([0, 11.15, 22.15, 45.15, 90.15, 181.15], abs=0.1)
    assert found[-1].count is None
    assert sum(p.count or 0 for p in found[:-1]) == found[-1].first
    asked = next(stream_of(found[4], long, render_pb2.RenderConfig(), hears=True)).config.part
    assert asked.at == 60 * FPS and asked.at + asked.skip == found[4].first and asked.count == found[4].count
    asked = next(stream_of(found[1], long, render_pb2.RenderConfig(), hears=False)).config.part
    assert asked.at == 9 * FPS and asked.count == found[1].count
    assert quietest(np.zeros(10, np.int16), RATE) == pytest.approx(5 / RATE)
    long.close()
