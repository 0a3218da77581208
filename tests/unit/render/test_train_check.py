"""What a clip must be to learn from, and how its offset is found."""

import json
from pathlib import Path

import numpy as np
import pytest

from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.render.engines.atlas.train.checks import offset, offset_warnings, voice_in
from services.render.engines.atlas.train.score import best_lag
from services.render.settings import RenderSettings
from services.render.train.checks import clip_sound
from services.render.train.job import MouthCurve, TrainingJob, TrainingProgress, TrainingResult
from tests.fakes import media


class Listener:
    def __init__(self, probability: float) -> None:
        self.probability = probability

    def no_speech(self, x: np.ndarray) -> float:
        assert len(x) <= 30 * 16000
        return self.probability


def clip(tmp_path: Path, sound: np.ndarray | None, seconds: float = 5) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(media.video(media.rocking(seconds, 128), sound=sound))
    return path


@pytest.mark.parametrize(
    ("sound", "slug"),
    [(None, "no-audio"), (media.tone(2), "too-short"), (media.silence(5), "silent-audio")],
)
def test_what_cannot_teach_is_refused_by_name(tmp_path: Path, sound: np.ndarray | None, slug: str) -> None:
    with pytest.raises(HuashengError) as e:
        clip_sound(clip(tmp_path, sound), "talk")
    assert e.value.slug == slug and "talk" in e.value.text("detail", "en")


def test_a_short_clip_and_one_without_pauses_are_warned_about(tmp_path: Path) -> None:
    assert clip_sound(clip(tmp_path, media.tone(5)), "talk")[1] == ["short-clip", "loud-background"]
    hiss = np.random.default_rng(5).normal(0, 0.1, 13 * 16000)
    burst = hiss * (np.arange(13 * 16000) % 16000 < 9000)
    assert clip_sound(clip(tmp_path, burst.astype(np.float32), 13), "talk")[1] == []


def test_sound_without_words_is_refused() -> None:
    x = np.zeros(16000 * 40, np.float32)
    with pytest.raises(HuashengError) as e:
        voice_in(x, "song", Listener(0.8))
    assert e.value.slug == "clip-without-speech"
    voice_in(x, "talk", Listener(0.3))


@pytest.mark.parametrize("lag", [-9, 0, 7])
def test_an_offset_is_found(lag: int) -> None:
    dice = np.random.default_rng(1)
    walk = np.stack([np.convolve(dice.normal(0, 1, 600), np.ones(9) / 9, "same") for _ in range(2)], 1)
    guess = np.roll(walk, lag, 0) + dice.normal(0, 0.1, walk.shape)
    found, correlation = offset(guess[50:550], walk[50:550])
    assert found == lag and correlation > 0.8


def test_unrelated_sound_is_called_out_of_sync() -> None:
    dice = np.random.default_rng(2)
    walks = [np.stack([np.convolve(dice.normal(0, 1, 700), np.ones(9) / 9, "same")] * 2, 1) for _ in range(2)]
    assert offset_warnings(*offset(*walks)) == ["out-of-sync"]
    assert offset_warnings(7, 0.6) == ["sound-offset"] and offset_warnings(2, 0.6) == []


def test_best_lag_tells_late_from_early() -> None:
    dice = np.random.default_rng(3)
    real = np.convolve(dice.normal(0, 1, 500), np.ones(15) / 15, "same")
    value, lag = best_lag(np.roll(real, 10), real)
    assert lag == 100 and value > 0.95
    assert best_lag(np.zeros(500), real)[0] == 0


def test_the_progress_of_a_job_never_falls_and_a_cancelled_one_stops(tmp_path: Path) -> None:
    seen: list[TrainingProgress] = []
    job = TrainingJob(
        source=tmp_path,
        name="talk",
        work=tmp_path,
        out=tmp_path,
        steps=100,
        device="cpu",
        service=RenderSettings(),
        shared=SharedSettings(),
        on_progress=seen.append,
    )
    job.report("fit", 0.5, step=10, validation_loss=0.5)
    job.warn("short-clip")
    job.report("fit", 0.4)
    assert [t.fraction for t in seen] == [0.5, 0.5] and seen[1].validation_loss is None and seen[1].step == 10
    assert seen[1].warnings == ("short-clip",)
    assert TrainingProgress.from_json(json.loads(seen[0].to_json())) == seen[0]
    job.cancelled = lambda: True
    with pytest.raises(HuashengError, match="cancelled"):
        job.report("fit", 0.6)
    result = TrainingResult({"a": 1.0}, {"a": 2.0}, ("x",), 20.0, MouthCurve(25, 0, [1.0], [2.0], [3.0]))
    result.save(tmp_path / "result.json")
    assert TrainingResult.load(tmp_path / "result.json") == result
