"""JoyGen's networks at their real sizes with random weights: 5 GB of files, 7 GB of memory (make test-slow)."""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.joygen_engine import FPS, RATE, Clock, Work, by_engine, made_up
from services.common.settings import SharedSettings, load
from services.common.weights import WeightsError, folder
from services.render.engines.joygen.audio import WhisperFeatures
from services.render.engines.joygen.checkpoints import load_bundle
from services.render.engines.joygen.expression import ExpressionStream
from services.render.engines.joygen.nets.vae import decode, encode
from services.render.media.read import read_frames
from services.render.media.write import to_bgr
from tests.fakes import joygen_weights
from tools.joygen_golden import picture, sound


def test_one_picture_goes_through_all_networks(tmp_path: Path) -> None:
    bundle = load_bundle(joygen_weights.write(tmp_path, size="full"))
    assert bundle.missing == [] and bundle.a2m and bundle.hubert and bundle.recon and bundle.parsing
    sizes = [
        sum(p.numel() for p in net.parameters())
        for net in (bundle.unet, bundle.vae, bundle.hubert, bundle.recon, bundle.parsing)
    ]
    assert sizes == [849_959_364, 83_653_863, 315_437_568, 24_034_625, 13_300_416]
    features = WhisperFeatures(bundle.whisper, live=False)
    expressions = ExpressionStream(bundle.a2m, bundle.hubert, live=False)
    features.push(sound(1))
    expressions.push(sound(1))
    features.finish()
    assert expressions.finish().shape == (28, 64)
    images = picture(1, 256) * 2 - 1
    with torch.inference_mode():
        latents = encode(bundle.vae, images)
        sound_rows = torch.from_numpy(features.rows(12))[None]
        drawn = decode(bundle.vae, bundle.unet(torch.cat([latents] * 3, dim=1), sound_rows))
        coefficients = bundle.recon(picture(1, 224))
        classes = bundle.parsing(picture(1, 512))
    assert drawn.shape == images.shape and np.isfinite(drawn.numpy()).all()
    assert coefficients.shape == (1, 257) and classes.shape == (1, 512, 512) and classes.max() < 19


@pytest.mark.parametrize("size", ["tiny", "full"])
def test_a_real_clip_goes_through_the_whole_engine(tmp_path: Path, size: str) -> None:
    clip = Path(__file__).parents[3] / "shared/data/clips/joygen_example_5s.mp4"
    if not clip.is_file():
        pytest.skip(f"{clip.name} is not here")
    try:
        mesh = folder("face-mesh", load(SharedSettings).weights_dir)
    except WeightsError as e:
        pytest.skip(str(e))
    count = 2
    made_up(tmp_path / "joygen", size)
    clock = Clock(False)
    work = Work(tmp_path, mesh, clip, sound(count / FPS)[: count * RATE // FPS], count, "cpu")
    with torch.inference_mode():
        pictures = by_engine(work, tmp_path, clock)
    assert len(pictures) == count
    assert {"hubert", "expression", "whisper", "encode_depth", "unet", "decode"} == clock.networks.keys()
    for drawn, (_, source) in zip(pictures, read_frames(clip, FPS, None, count / FPS), strict=True):
        far = np.abs(to_bgr(drawn).astype(float) - source).mean(2)
        assert far[: len(far) // 4].mean() < 6, "above the face only the avatar's own compression shows"
        assert far[len(far) // 2 : len(far) * 3 // 4, 300:600].mean() > 20, "the mouth is drawn by random networks"
