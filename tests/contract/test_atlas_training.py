"""The real trainer on a real clip: a program of its own gives figures, a picture and a model that draws."""

import json
import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from services.common.settings import SharedSettings
from services.common.weights import WeightsError, folder
from services.render.engines.atlas.engine import AtlasEngine
from services.render.settings import RenderSettings
from services.render.train.comparison import AFTER, BEFORE
from services.render.types import SessionConfig

pytest.importorskip("torch")

CLIP = Path(__file__).resolve().parents[3] / "shared/data/clips/retalking_face1_vfr_threequarter.mp4"


def test_a_real_clip_is_trained_on_and_its_model_draws(tmp_path: Path) -> None:
    if not CLIP.is_file():
        pytest.skip("the test clips are not here")
    weights = SharedSettings().weights_dir
    try:
        for group in ("whisper-base", "face-mesh"):
            folder(group, weights)
    except WeightsError as e:
        pytest.skip(f"weights are not here: {e}")
    command = [sys.executable, "-m", "services.render.train", str(CLIP), "--out", str(tmp_path), "--steps", "60"]
    # less of the clip, and small: the fit takes the same steps; the clip is prepared twice and drawn four times
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "RENDER_MAX_SIDE": "400",
        "RENDER_MAX_AVATAR_S": "4.5",
    }
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    for side in ("before", "after"):
        drawn = {"opening_corr", "width_corr", "lag_ms", "opening_std_ratio", "lip_distance"}
        wanted = {f"{way}_{f}" for way in ("text", "live") for f in ("opening_corr", "width_corr", "distance")}
        assert drawn | wanted <= set(result[side])
        assert 0 < result[side]["opening_corr"] <= 1
    assert "short-clip" in result["warnings"]
    assert len(result["curve"]["real"]) == len(result["curve"]["after"]) > 20
    for name in (BEFORE, AFTER):
        with av.open(str(tmp_path / name)) as film:
            assert film.streams.video and film.streams.audio
            assert len(list(film.decode(video=0))) > 25
    assert (tmp_path / "preview.jpg").read_bytes().startswith(b"\xff\xd8")
    engine = AtlasEngine(None, SharedSettings(threads=1), RenderSettings())
    engine.load()
    avatar = next((tmp_path / "work").glob("whole-*"))
    mouths = []
    for model in (None, tmp_path / "model.npz"):
        session = engine.open_session(avatar, SessionConfig(16000, model=model))
        dice = np.random.default_rng(1)
        sound = (dice.normal(0, 0.1, 32000) * (np.arange(32000) % 4000 < 2500)).astype(np.float32)
        pictures = [f.image for f in (*session.push(sound), *session.finish())]
        assert len(pictures) == 60  # 2 s of the clip's 30 a second
        mouths.append(np.stack(pictures))
        session.close()
    assert (mouths[0] != mouths[1]).any() == ("not-better" not in result["warnings"]), "it is used where it helps"
