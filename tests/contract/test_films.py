"""What every engine that draws films keeps to: their order, their length, and the frames that show nobody."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from pydantic_settings import BaseSettings

from services.common.engines import engine_class
from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.common.weights import WeightsError, folder
from services.render.clip.film import track_film
from services.render.clip.look import looked_at
from services.render.clip.plan import PLAN, Plan
from services.render.engines.base import RenderEngine
from services.render.engines.joygen.settings import Settings as JoygenSettings
from services.render.engines.registry import REGISTRY
from services.render.settings import RenderSettings
from services.render.types import ClipLimits, Frame, Image, PhonemeSpan, PrepareJob, SessionConfig
from tests.fakes import media

RATE, SIDE, COUNT = 16000, 288, 60
ABSENT = range(24, 36)


def talk() -> list[media.Picture]:
    """The portrait, swaying; something else between; a number in a corner."""
    still = media.portrait(SIDE)
    pictures = []
    for i in range(COUNT):
        away = np.full((SIDE, SIDE, 3), (90, 60, 40), np.uint8)
        picture = away if i in ABSENT else np.roll(still, round(2 * np.sin(i / 9)), 1)
        picture[:24, :24] = 40 + 3 * i
        pictures.append(np.ascontiguousarray(picture))
    return pictures


@pytest.fixture(scope="module")
def weights() -> Path:
    try:
        media.portrait(64)
        return folder("face-mesh", SharedSettings().weights_dir)
    except WeightsError as e:
        pytest.skip(str(e))


def load(name: str, root: Path) -> RenderEngine:
    own: BaseSettings | None = None
    if name != "atlas":
        from tests.fakes.joygen_small import write_small  # torch, which atlas does without

        write_small(root / "models" / name, name)
        own = JoygenSettings(models_dir=root / "models", device="cpu")
    engine: RenderEngine = engine_class(REGISTRY, name, "render")(
        own, SharedSettings(threads=1), RenderSettings(max_avatar_s=2)
    )
    try:
        engine.load()
    except HuashengError as e:
        if e.slug != "engine-unavailable":
            raise
        pytest.skip(f"{name}: {e.params.get('why')}")
    return engine


def speech(seconds: float) -> np.ndarray:
    t = np.arange(int(seconds * RATE)) / RATE
    buzz = np.sign(np.sin(2 * np.pi * 140 * t)) * 0.2 + 0.1 * np.sin(2 * np.pi * 700 * t)
    return (buzz * (np.sin(2 * np.pi * 3 * t) > 0)).astype(np.float32)


def draw(engine: RenderEngine, avatar: Path, sound: np.ndarray, **how: object) -> tuple[list[Frame], int]:
    session = engine.open_session(avatar, SessionConfig(RATE, **how))
    frames = [f for f in (*session.push(sound), *session.finish()) if isinstance(f, Frame)]
    session.close()
    assert session.end_frame == 0
    return frames, session.passthrough_frames


def drawn_part(engine: RenderEngine, avatar: Path, at: int, skip: int) -> tuple[list[Frame], int]:
    """By phonemes, from frame ``at`` on; with the frames that were passed."""
    session = engine.open_session(avatar, SessionConfig(RATE, has_phonemes=True, at=at, skip=skip))
    left, start_us = COUNT + 4 - at, at * 40_000
    spans = [
        PhonemeSpan("ɑm iuo"[k % 6].strip(), max(0, k * 120_000 - start_us), (k + 1) * 120_000 - start_us)
        for k in range(start_us // 120_000, 40)
    ]
    frames = [*session.push(np.zeros(left * RATE // 25, np.float32), spans), *session.finish()]
    session.close()
    return [f for f in frames if isinstance(f, Frame)], session.passthrough_frames


def luma(image: Image) -> np.ndarray:
    if image.ndim == 3:
        image = av.VideoFrame.from_ndarray(image, format="bgr24").to_ndarray(format="yuv420p")
    return image[: image.shape[0] * 2 // 3].astype(int)


@pytest.mark.parametrize("name", ["atlas", "joygen", "musetalk"])
def test_a_film_is_drawn_in_its_order_to_its_end(tmp_path: Path, weights: Path, name: str) -> None:
    engine = load(name, tmp_path)
    assert engine.draws_films
    (tmp_path / "film.mp4").write_bytes(media.video(talk()))
    out = tmp_path / "engine"
    out.mkdir()
    report = engine.prepare(tmp_path / "film.mp4", "film", out, lambda *_: None, lambda: False)
    assert (report.frames, report.idle_frames, report.fps) == (COUNT, 0, 25)
    assert Plan.load(out / PLAN).is_film
    assert (1 - report.face_fraction) * COUNT == pytest.approx(len(ABSENT), abs=3)

    extra = 4
    frames, passed = draw(engine, out, speech((COUNT + extra) / 25))
    assert [f.source for f in frames] == [*range(COUNT), *[COUNT - 1] * extra]
    assert {f.frame_index for f in frames} == {0}
    assert passed == pytest.approx(len(ABSENT), abs=3)
    own = [luma(p) for p in engine.source_pictures(out)]
    assert len(own) == COUNT
    for frame in frames:
        here = luma(frame.image)
        assert np.array_equal(here[:60], own[frame.source][:60]), "away from the mouth nothing changes"
        if frame.source in ABSENT[:-1]:
            assert np.array_equal(here, own[frame.source]), "nothing is drawn where nobody is seen"
    assert sum(not np.array_equal(luma(f.image), own[f.source]) for f in frames) > COUNT // 2

    if engine.draws_parts:
        whole, passed = drawn_part(engine, out, 0, 0)
        first, then = drawn_part(engine, out, 0, 0), drawn_part(engine, out, 14, 16)
        assert [f.source for f in whole] == [f.source for f in frames]
        assert [f.image.tobytes() for f in (*first[0][:30], *then[0])] == [f.image.tobytes() for f in whole]
        assert then[1] == sum(f.source in ABSENT for f in then[0]) + passed - len(ABSENT)


def test_in_silence_the_mouth_of_a_film_rests(tmp_path: Path, weights: Path) -> None:
    """Also where the person spoke: the mouth moves with the sound that is given, not with the film's."""
    engine = load("atlas", tmp_path)
    (tmp_path / "film.mp4").write_bytes(media.video(talk()))
    out = tmp_path / "engine"
    out.mkdir()
    engine.prepare(tmp_path / "film.mp4", "film", out, lambda *_: None, lambda: False)
    session = engine.open_session(out, SessionConfig(RATE, has_phonemes=True))
    shapes = []
    for _ in session.push(np.zeros(COUNT * RATE // 25, np.float32)):
        shapes.append(session.shape)
    session.close()
    assert len(shapes) > COUNT // 2 and np.ptp(np.array(shapes), axis=0).max() == 0


PLAIN = np.full((SIDE, SIDE, 3), (90, 60, 40), np.uint8)


def refusal(tmp_path: Path, weights: Path, pictures: list[media.Picture]) -> str:
    path = tmp_path / "film.mp4"
    path.write_bytes(media.video(pictures))
    job = PrepareJob(
        source=path,
        kind="film",
        mesh_weights=weights,
        limits=ClipLimits(SIDE * 2, 10),
        progress=lambda *_: None,
        cancelled=lambda: False,
    )
    with pytest.raises(HuashengError) as e:
        track_film(looked_at(job), tmp_path / "frames.mp4")
    return e.value.slug


@pytest.mark.parametrize("reason", ["no-face", "two-faces", "few-faces", "small-face", "too-short"])
def test_films_that_do_not_show_one_person_are_refused(tmp_path: Path, weights: Path, reason: str) -> None:
    person = media.portrait(SIDE)
    small = PLAIN.copy()
    small[:130, :130] = media.portrait(130)
    two = np.hstack([person, person[:, ::-1]])
    films = {
        "no-face": [PLAIN] * 30,
        "two-faces": [np.roll(two, i % 3, 1) for i in range(30)],
        "few-faces": [person] * 15 + [PLAIN] * 15,
        "small-face": [small] * 30,
        "too-short": [person] * 20,
    }
    assert refusal(tmp_path, weights, films[reason]) == reason
