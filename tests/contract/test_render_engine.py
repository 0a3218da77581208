"""What every rendering engine keeps to, whatever it draws. Engines without their weights here are skipped."""

import io
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from huasheng.common.v1 import common_pb2
from huasheng.render.v1 import render_pb2 as pb
from pydantic_settings import BaseSettings

from benchmarks.live_pictures import Given
from services.common.audio import to_pcm16
from services.common.engines import engine_class
from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.common.weights import WeightsError
from services.render.avatars.idle import idle_pictures
from services.render.clip.plan import PLAN, Plan
from services.render.engines.base import RenderEngine, RenderSession
from services.render.engines.joygen.settings import Settings as JoygenSettings
from services.render.engines.registry import REGISTRY
from services.render.media.write import EncoderOptions
from services.render.outputs import HeaderOut, MediaOut, Output, PictureOut, SummaryOut
from services.render.session import AudioIn, EndIn
from services.render.settings import RenderSettings
from services.render.stream import drawn
from services.render.types import AvatarReport, Frame, PhonemeSpan, SessionConfig
from tests.fakes.access_units import decoded_units
from tests.fakes.media import blank, png, portrait, rocking, tone, video
from tests.fakes.synctalk_checkout import checkout as synctalk_checkout
from tests.fakes.synctalk_checkout import model as synctalk_model

ENGINES = {**REGISTRY, "fake": "tests.fakes.render_engine:FakeEngine"}
RATE = 16000


@dataclass
class Ready:
    """An engine with a prepared portrait, or a short clip of it and a model where the engine takes these."""

    engine: RenderEngine
    avatar: Path
    report: AvatarReport
    stages: list[tuple[str, float]]
    model: Path | None = None

    def open(self, **how: object) -> RenderSession:
        given = {"audio_rate_hz": RATE, "model": self.model, **how}
        return self.engine.open_session(self.avatar, SessionConfig(**given))

    def idle(self, **how: object) -> RenderSession:
        """As the idle loop is drawn: in silence, without a model."""
        return self.open(model=None, **how)


def load(name: str, folder: Path) -> RenderEngine:
    """The engine; those whose checkpoints we may not have get small random ones."""
    if name in ("joygen", "musetalk"):
        from tests.fakes.joygen_small import write_small  # torch, which atlas does without

        write_small(folder / "models" / name, name)
    own: BaseSettings | None = None
    if name in ("joygen", "musetalk"):
        own = JoygenSettings(models_dir=folder / "models", device="cpu")
    if name == "synctalk":
        own = synctalk_checkout(folder).settings
    engine: RenderEngine = engine_class(ENGINES, name, "render")(own, SharedSettings(threads=1), RenderSettings())
    try:
        engine.load()
    except HuashengError as e:
        if e.slug != "engine-unavailable":
            raise
        pytest.skip(f"{name}: {e.params.get('why')}")
    return engine


@pytest.fixture(scope="module", autouse=True)
def short_loop() -> Iterator[None]:
    """A portrait's loop is an eighth as long as it really is: nothing here depends on its length but the waiting."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.render.clip.portrait.LOOP_S", 1.2)
        yield


@pytest.fixture(scope="module", params=sorted(ENGINES))
def ready(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ready:
    folder = tmp_path_factory.mktemp(request.param)
    engine = load(request.param, folder)
    try:
        (folder / "source").write_bytes(
            video(rocking(2, 384), sound=tone(2)) if engine.needs_model else png(portrait(384))
        )
    except WeightsError as e:
        pytest.skip(str(e))
    out = folder / "engine"
    out.mkdir()
    stages: list[tuple[str, float]] = []
    kind = "video" if engine.needs_model else "portrait"
    report = engine.prepare(
        folder / "source", kind, out, lambda stage, part: stages.append((stage, part)), lambda: False
    )
    return Ready(engine, out, report, stages, synctalk_model(folder) if engine.needs_model else None)


def pieces(samples: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for i in range(0, samples.size, size):
        yield samples[i : i + size]


def draw(session: RenderSession, samples: np.ndarray, size: int = 3200) -> list[Frame]:
    """All pictures of a speech pushed in pieces; the session is closed."""
    given = [f for piece in pieces(samples, size) for f in session.push(piece)] + list(session.finish())
    session.close()
    return [f for f in given if isinstance(f, Frame)]


def speech(seconds: float) -> np.ndarray:
    """A voice-like buzz that comes and goes three times a second."""
    t = np.arange(int(seconds * RATE)) / RATE
    buzz = np.sign(np.sin(2 * np.pi * 140 * t)) * 0.2 + 0.1 * np.sin(2 * np.pi * 700 * t)
    return (buzz * (np.sin(2 * np.pi * 3 * t) > 0)).astype(np.float32)


def same(a: Frame, b: Frame, within: float = 0) -> bool:
    return float(np.abs(a.image.astype(int) - b.image.astype(int)).mean()) <= within


def test_it_introduces_itself(ready: Ready) -> None:
    assert ready.engine.name in ENGINES
    assert ready.engine.description
    assert ready.engine.license
    assert ready.engine.version


def test_the_report_holds(ready: Ready) -> None:
    report = ready.report
    assert report.width % 2 == report.height % 2 == 0
    assert max(report.width, report.height) <= (512 if ready.engine.needs_model else 384)
    assert report.fps in (24, 25, 30)
    assert report.frames == (50 if ready.engine.needs_model else 1)
    assert 1 <= report.idle_frames / report.fps <= 10.5
    assert 0 < report.face_fraction <= 1
    assert report.face_width_px > 0
    assert 0 <= report.mouth_coverage <= 1


def test_progress_rises_to_the_end(ready: Ready) -> None:
    parts = [part for _, part in ready.stages]
    assert parts == sorted(parts)
    assert parts[-1] == pytest.approx(1)
    assert all(stage.isidentifier() for stage, _ in ready.stages)


@pytest.mark.parametrize("size", [160, 1000, 50000])
def test_there_is_a_picture_for_every_moment_of_the_speech(ready: Ready, size: int) -> None:
    session = ready.open()
    frames = draw(session, speech(0.53), size)
    fps = session.fps
    assert len(frames) == int(np.ceil(0.53 * fps))
    assert [f.pts_us for f in frames] == pytest.approx([i / fps * 1e6 for i in range(len(frames))], abs=1)
    for frame in frames:
        assert frame.image.dtype == np.uint8
        assert frame.image.shape in (
            (session.height, session.width, 3),
            (session.height * 3 // 2, session.width),
        )
        assert 0 <= frame.frame_index < ready.report.idle_frames


def test_the_size_of_the_pieces_does_not_show(ready: Ready) -> None:
    small, large = (draw(ready.open(), speech(0.6), size) for size in (500, 16000))
    assert all(same(a, b, 0.05) for a, b in zip(small, large, strict=True))


def test_speech_moves_something_and_silence_does_not_move_it(ready: Ready) -> None:
    still = draw(ready.open(), np.zeros(int(0.6 * RATE), np.float32))
    spoken = draw(ready.open(), speech(0.6))
    assert any(not same(a, b, 0.05) for a, b in zip(still, spoken, strict=True))
    assert [f.frame_index for f in still] == [f.frame_index for f in spoken]


def test_the_idle_loop_closes(ready: Ready) -> None:
    count = ready.report.idle_frames
    frames = draw(ready.idle(), np.zeros(round((count + 2) / ready.report.fps * RATE), np.float32))
    assert [f.frame_index for f in frames[:count]] == list(range(count))
    assert frames[count].frame_index == 0
    assert same(frames[0], frames[count], 0.2)


def test_the_idle_loop_of_a_clip_keeps_to_the_loop(ready: Ready, tmp_path: Path) -> None:
    if not (ready.avatar / PLAN).exists():
        pytest.skip("draws a dot and has no plan")
    avatar = tmp_path / "engine"
    shutil.copytree(ready.avatar, avatar)
    plan = Plan.load(avatar / PLAN)
    # as a clip's: a recording walks over all its frames, of which the loop is a part
    replace(plan, cyclic=False, loop=plan.loop[5:20]).save(avatar / PLAN)
    shown = list(idle_pictures(ready.engine, avatar, 3, 20 / plan.fps))
    assert [f.frame_index for f in shown] == [(3 + i) % 15 for i in range(20)]


def test_single_pictures_are_those_of_the_mp4(ready: Ready) -> None:
    """The same sound drawn in both forms; an engine that cannot draw live gives its pictures when they are drawn."""
    form = common_pb2.AudioFormat(sample_rate_hertz=RATE)
    how = {"format": form, "live": ready.engine.is_live, "start_frame": 2}
    items = [AudioIn(to_pcm16(piece), 0) for piece in pieces(speech(1.23), 3200)] + [EndIn()]

    def given(**more: object) -> list[Output]:
        config, options = pb.RenderConfig(**how, **more), EncoderOptions(live=True)
        return list(drawn(ready.engine, ready.avatar, config, ready.model, options, Given(items)))

    header, *units = given(access_units=True)
    assert isinstance(header, HeaderOut)
    shown = [o for o in units if isinstance(o, PictureOut)]
    film = given()
    with av.open(io.BytesIO(b"".join(o.data for o in film if isinstance(o, MediaOut)))) as container:
        frames = list(container.decode(video=0))
    assert [p.pts_us for p in shown] == pytest.approx([float(f.time) * 1e6 for f in frames], abs=1)
    assert len(shown) == len(frames) == int(np.ceil(1.23 * header.fps))
    assert shown[0].key
    assert max(np.diff([i for i, p in enumerate(shown) if p.key]), default=0) <= round(header.fps)
    decoded = decoded_units(header.description, [p.data for p in shown])
    assert {d.shape for d in decoded} == {(f.height, f.width) for f in frames} == {(header.height, header.width)}
    for unit, frame in zip(decoded, frames, strict=True):
        assert np.abs(unit.astype(int) - frame.to_ndarray()[: frame.height, : frame.width]).mean() < 2
    ends = [o.end_frame for o in (units[-1], film[-1]) if isinstance(o, SummaryOut)]
    assert len(ends) == 2
    assert ends[0] == ends[1] == (shown[-1].loop_frame + 1) % ready.report.idle_frames


def test_a_video_starts_on_the_frame_asked_for_and_tells_where_it_ends(ready: Ready) -> None:
    start = ready.report.idle_frames - 3
    session = ready.idle(start_frame=start)
    frames = draw(session, np.zeros(RATE // 2, np.float32))
    assert frames[0].frame_index == start
    assert session.end_frame == (frames[-1].frame_index + 1) % ready.report.idle_frames
    assert ready.idle(start_frame=start + ready.report.idle_frames).end_frame == start


def test_after_clear_the_next_sound_belongs_to_the_next_picture(ready: Ready) -> None:
    live = ready.engine.is_live
    session = ready.open(live=live)  # of a recording an engine may first gather all
    first = []
    for frame in session.push(speech(2 if live else 6)):
        first += [frame] if isinstance(frame, Frame) else []
        if len(first) == 10:
            break
    session.clear()
    later = draw(session, speech(0.4))
    assert later[0].pts_us == pytest.approx(10 / session.fps * 1e6, abs=1)
    assert len(later) == int(np.ceil(0.4 * session.fps))


def test_phonemes_are_taken_with_the_sound(ready: Ready) -> None:
    session = ready.open(has_phonemes=True)
    spans = [PhonemeSpan("", 0, 200_000), PhonemeSpan("ɑ", 200_000, 500_000), PhonemeSpan("m", 500_000, 600_000)]
    frames = [f for f in (*session.push(speech(0.6), spans), *session.finish()) if isinstance(f, Frame)]
    session.close()
    assert len(frames) == int(np.ceil(0.6 * session.fps))


def test_no_sound_is_no_picture(ready: Ready) -> None:
    assert draw(ready.open(), np.zeros(0, np.float32)) == []


def test_smaller_pictures_can_be_asked_for(ready: Ready) -> None:
    session = ready.open(max_side_px=200)
    frames = draw(session, speech(0.2))
    assert max(session.width, session.height) <= 200
    assert session.width % 2 == session.height % 2 == 0
    assert frames[0].image.shape[1] == session.width


def test_sessions_side_by_side_do_not_mix(ready: Ready) -> None:
    alone = draw(ready.open(), speech(0.6))
    one, other = ready.open(), ready.open(start_frame=5)
    mixed = []
    for piece in pieces(speech(0.6), 3200):
        mixed += one.push(piece)
        list(other.push(-piece * 0.3))
    mixed += [f for f in one.finish() if isinstance(f, Frame)]
    # networks round a little differently when a batch has another size
    assert all(same(a, b, 0.01) for a, b in zip(alone, mixed, strict=True))
    one.close()
    other.close()
    other.close()


def refused(engine: RenderEngine, folder: Path, data: bytes, kind: str, stop: Callable[[], bool]) -> str:
    (folder / "source").write_bytes(data)
    out = folder / "engine"
    out.mkdir()
    with pytest.raises(HuashengError) as e:
        engine.prepare(folder / "source", kind, out, lambda *_: None, stop)
    return e.value.slug


def test_preparing_can_be_cancelled(ready: Ready, tmp_path: Path) -> None:
    data = video(rocking(2, 256), sound=tone(2))
    asked = iter(range(1000))
    assert refused(ready.engine, tmp_path, data, "video", lambda: next(asked) > 3) == "cancelled"


def two_people() -> np.ndarray:
    return np.hstack([portrait(384), cv2.flip(portrait(384), 1)])


@pytest.mark.parametrize(
    ("make", "reason"),
    [(lambda: png(blank(256)), "no-face"), (lambda: png(two_people()), "two-faces")],
    ids=["no face", "two faces"],
)
def test_pictures_without_one_face_are_refused(
    ready: Ready, tmp_path: Path, make: Callable[[], bytes], reason: str
) -> None:
    if ready.engine.name == "fake":
        pytest.skip("draws a dot and looks for no face")
    if ready.engine.needs_model:
        assert refused(ready.engine, tmp_path, make(), "portrait", lambda: False) == "video-needed"
        return
    assert refused(ready.engine, tmp_path, make(), "portrait", lambda: False) == reason


def test_a_face_in_a_small_part_of_a_video_is_too_little(ready: Ready, tmp_path: Path) -> None:
    if ready.engine.name == "fake":
        pytest.skip("draws a dot and looks for no face")
    data = video(rocking(2.2, 256, absent=(0.5, 3)), sound=tone(2.2))
    assert refused(ready.engine, tmp_path, data, "video", lambda: False) == "few-faces"


def test_sound_at_any_rate(ready: Ready) -> None:
    for rate in (8000, 22050, 48000):
        session = ready.open(audio_rate_hz=rate)
        frames = [f for f in (*session.push(tone(0.5, rate)), *session.finish()) if isinstance(f, Frame)]
        session.close()
        assert len(frames) == int(np.ceil(0.5 * session.fps))
