"""A film keeps its pictures, their order and their time."""

from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from services.common.media.sound import mono_pieces
from services.render.clip.loop import LoopWalk
from services.render.clip.plan import PLAN, Plan
from services.render.clip.tracking import nearest_filled
from services.render.face.pose import smooth
from services.render.media.read import film_rate, probe, read_frames
from tests.fakes.clips import clip

LEVELS = 12


def marked(count: int) -> list[np.ndarray]:
    """Pictures that tell their number by the brightness of their three parts."""
    pictures = []
    for i in range(count):
        picture = np.empty((64, 96, 3), np.uint8)
        for k in range(3):
            picture[:, 32 * k : 32 * (k + 1)] = 20 + 18 * (i // LEVELS**k % LEVELS)
        pictures.append(picture)
    return pictures


def number(picture: np.ndarray) -> int:
    levels = [float(picture[8:-8, 32 * k + 8 : 32 * k + 24].mean()) for k in range(3)]
    return sum(round((level - 20) / 18) * LEVELS**k for k, level in enumerate(levels))


@pytest.mark.parametrize(
    ("rate", "kept"),
    [
        (24000 / 1001, Fraction(24000, 1001)),
        (24, 24),
        (25, 25),
        (29.97, Fraction(30000, 1001)),
        (30.0001, 30),
        (48, 48),
        (50, 50),
        (59.94, Fraction(60000, 1001)),
        (60, 60),
        (15, 30),
        (12, 24),
        (120, 60),
        (27, 25),
    ],
)
def test_a_film_keeps_its_own_rate(rate: float, kept: Fraction | int) -> None:
    assert film_rate(rate) == kept


@pytest.mark.parametrize("fps", [24000 / 1001, 25.0, 30000 / 1001, 50.0, 60.0])
def test_every_picture_of_a_long_film_is_read_once(tmp_path: Path, fps: float) -> None:
    count = round(24 * fps)
    path = clip(tmp_path / "a.mp4", marked(count), fps)
    rate = film_rate(probe(path).source_fps)
    assert [number(p) for _, p in read_frames(path, rate, as_played=True)] == list(range(count))


@pytest.mark.parametrize(("fps", "read"), [(30000 / 1001, 25), (50.0, 25), (24.8, 25), (29.8, 30)])
def test_at_another_rate_it_stays_in_step(tmp_path: Path, fps: float, read: int) -> None:
    """Never more than half a picture from what a player shows at that moment, also after half a minute."""
    count = round(33 * fps)
    path = clip(tmp_path / "a.mp4", marked(count), fps)
    shown = [number(p) for _, p in read_frames(path, read, as_played=True)]
    assert abs(len(shown) / read - count / fps) <= 0.5 / read + 0.002
    off = [k / read - n / fps for k, n in enumerate(shown)]
    assert max(map(abs, off)) <= max(0.5 / fps, 0.5 / read) + 0.002


def test_a_variable_rate_stays_in_step(tmp_path: Path) -> None:
    dice = np.random.default_rng(4)
    times = np.cumsum(dice.choice([1 / 30, 2 / 30, 5 / 30], 600, p=[0.8, 0.15, 0.05])).tolist()
    times = [t - times[0] for t in times]
    path = clip(tmp_path / "a.mp4", marked(600), 30, times)
    info = probe(path)
    assert info.is_vfr
    rate = film_rate(info.source_fps)
    shown = [number(p) for _, p in read_frames(path, rate, as_played=True)]
    assert len(shown) == round((times[-1] + 1 / 30) * 30)
    last_until = [*times[1:], times[-1] + 1 / 30]
    for k, n in enumerate(shown):
        assert times[n] - 0.5 / 30 - 0.002 <= k / rate <= last_until[n] + 0.5 / 30 + 0.002


def test_pictures_that_begin_after_the_sound_stay_in_step(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        film = container.add_stream("libx264", rate=25, options={"crf": "12", "preset": "ultrafast"})
        film.width, film.height, film.pix_fmt = 96, 64, "yuv420p"
        speech = container.add_stream("pcm_s16le", rate=16000, layout="mono")
        for i in range(50):
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 640), np.int16), format="s16", layout="mono")
            sound.sample_rate, sound.pts = 16000, 640 * i
            container.mux(speech.encode(sound))
        for i, picture in enumerate(marked(40)):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = i + 10, Fraction(1, 25)
            container.mux(film.encode(frame))
        container.mux([*film.encode(None), *speech.encode(None)])
    assert probe(path).late_s == pytest.approx(0.4, abs=0.002)
    shown = [number(p) for _, p in read_frames(path, 25, as_played=True)]
    assert shown == [0] * 10 + list(range(40))
    assert sum(map(len, mono_pieces(path, 16000, "a"))) == 32000, "its sound is on the same clock"
    assert [number(p) for _, p in read_frames(path, 25)] == list(range(40)), "an avatar's clip begins with it"


def test_a_film_is_shown_in_its_order_and_its_last_picture_stays(tmp_path: Path) -> None:
    Plan.of_film(64, 64, 25.0, 5).save(tmp_path / PLAN)
    plan = Plan.load(tmp_path / PLAN)
    for whole in (True, False):
        walk = LoopWalk(plan, 0, whole)
        assert walk.upcoming(3) == [0, 1, 2]
        assert [walk.step().source for _ in range(8)] == [0, 1, 2, 3, 4, 4, 4, 4]
        assert walk.end_frame == 0
    assert [step.source for step in islice(iter(LoopWalk(plan, 0, True, at=3).step, None), 4)] == [3, 4, 4, 4]
    assert [LoopWalk(plan, 0, True, at=9).step().source for _ in range(2)] == [4, 4]


def test_what_is_smoothed_stays_within_its_scene() -> None:
    steps = np.repeat([[0.0], [100.0]], 10, axis=0)
    good = np.ones(20, bool)
    assert np.allclose(smooth(steps, good, [10]), steps)
    assert not np.allclose(smooth(steps, good), steps)
    good[9] = False  # a cut beside a gap, or at either end, is none of its own
    assert np.allclose(smooth(steps, good, [0, 9, 10, 20]), steps)


def test_a_frame_without_a_face_gets_the_nearest_one() -> None:
    values = np.arange(12.0)
    good = np.isin(values, (2, 3, 7, 11))
    assert nearest_filled(values, good).tolist() == [2, 2, 2, 3, 3, 3, 7, 7, 7, 7, 11, 11]
    assert nearest_filled(values, values == 5).tolist() == [5] * 12
