"""Sound for JoyGen: streams against whole recordings, pitch against known pitch, silence."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from services.render.engines.joygen.audio import FRAME_REACH, FRAME_SAMPLES, GROUP_FRAMES, LOOK_AHEAD, WhisperFeatures
from services.render.engines.joygen.checkpoints import load_a2m, load_hubert, load_whisper
from services.render.engines.joygen.expression import ExpressionStream, noise
from services.render.engines.joygen.nets.a2m import ExpressionVae
from services.render.engines.joygen.nets.hubert import Hubert
from services.render.engines.joygen.nets.whisper import WhisperEncoder
from services.render.engines.joygen.pitch import HOP, WINDOW, estimate_pitch, estimate_recording_pitch
from tests.fakes import joygen_weights
from tools.joygen_golden import sound

SIZE = 64


@dataclass(frozen=True)
class Hearing:
    """The networks that hear."""

    whisper: WhisperEncoder
    a2m: ExpressionVae
    hubert: Hubert


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Hearing:
    folder = tmp_path_factory.mktemp("joygen")
    joygen_weights.write_whisper(folder, (80, 1500, SIZE, 4, 1), "joygen", seed=2)
    joygen_weights.write_a2m(folder, joygen_weights.TINY["a2m"], seed=4)
    joygen_weights.write_hubert(folder, joygen_weights.TINY["hubert"], seed=5)
    return Hearing(
        load_whisper(folder / "tiny.pt"),
        load_a2m(folder / "model_ckpt_steps_400000.ckpt"),
        load_hubert(folder / "pytorch_model.bin"),
    )


def features(bundle: Hearing, x: np.ndarray, size: int, live: bool, kind: str = "joygen") -> np.ndarray:
    """All pictures' rows, taken as soon as they are ready."""
    stream, out = WhisperFeatures(bundle.whisper, kind, live), []
    for start in range(0, len(x), size):
        stream.push(x[start : start + size])
        while stream.ready(len(out)):
            out.append(stream.rows(len(out)))
    stream.finish()
    while len(out) < stream.end:
        out.append(stream.rows(len(out)))
    return np.stack(out)


def rows(bundle: Hearing, x: np.ndarray, size: int, live: bool, **options: float) -> np.ndarray:
    """All pictures' expression."""
    stream = ExpressionStream(bundle.a2m, bundle.hubert, live=live, **options)
    pieces = [stream.push(x[start : start + size]) for start in range(0, len(x), size)]
    return np.concatenate([*pieces, stream.finish()])


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Likeness of each picture's features."""
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.mark.parametrize("kind", ["joygen", "musetalk"])
def test_the_sizes_of_the_pieces_do_not_matter_to_whisper(bundle: Hearing, kind: str) -> None:
    x = sound(2.3)
    first, second = (features(bundle, x, size, True, kind) for size in (333, 9000))
    assert first.shape == (58, 20, SIZE)
    np.testing.assert_allclose(first, second, atol=1e-4)


def test_a_stream_hears_nearly_what_a_whole_recording_gives(bundle: Hearing) -> None:
    x = sound(4)
    alike = cosine(features(bundle, x, 1600, True), features(bundle, x, 1600, False))
    assert alike.min() > 0.8 and np.median(alike) > 0.95
    assert alike[-1] > 0.9999  # at the end both have heard everything


def test_rows_are_ready_when_their_sound_and_the_look_ahead_are_there(bundle: Hearing) -> None:
    stream = WhisperFeatures(bundle.whisper)
    stream.push(np.zeros((GROUP_FRAMES - 1) * FRAME_SAMPLES + FRAME_REACH + LOOK_AHEAD - 1, np.float32))
    assert not stream.ready(0)
    with pytest.raises(ValueError, match="picture 0 is not ready; 0 are"):
        stream.rows(0)
    stream.push(np.zeros(1, np.float32))
    assert stream.ready(GROUP_FRAMES - 1) and not stream.ready(GROUP_FRAMES)


def test_the_grid_of_30_s_is_kept_and_old_sound_forgotten(bundle: Hearing) -> None:
    x = np.tile(sound(4), 8)  # 32 s
    live, whole = (features(bundle, x, 32000, is_live) for is_live in (True, False))
    assert len(whole) == 800
    alike = cosine(live, whole)
    assert alike.min() > 0.7 and np.median(alike) > 0.95
    stream = WhisperFeatures(bundle.whisper, live=False)  # the second window alone, as loud as the first
    stream.push(x[480000:])
    stream.finish()
    np.testing.assert_allclose(whole[760], stream.rows(10), atol=5e-3)  # but for the mirrored beginning


def test_musetalk_has_zeros_at_the_ends_and_joygen_repeats(bundle: Hearing) -> None:
    x = sound(1)
    joygen, musetalk = (features(bundle, x, 4000, False, kind) for kind in ("joygen", "musetalk"))
    places = WhisperFeatures(bundle.whisper)._positions
    for frame, gone in ((0, slice(0, 8)), (24, slice(12, 20))):
        silent = musetalk[frame] - places
        assert np.abs(silent[gone]).max() < 1e-6 < np.abs(silent).max()
    first = (joygen[0] - places).reshape(10, 2, SIZE)
    assert np.abs(first[0] - first[4]).max() < 1e-5 < np.abs(first[4] - first[5]).max()


def test_a_sound_shorter_than_a_picture_gives_one(bundle: Hearing) -> None:
    for kind in ("joygen", "musetalk"):
        assert np.isfinite(features(bundle, sound(0.01), 10, True, kind)).all()
    assert len(rows(bundle, sound(0.001), 16, True)) == 0  # HuBERT needs 400 samples
    assert len(rows(bundle, sound(0.04), 640, True)) == 4


def test_expressions_do_not_depend_on_the_pieces_and_nearly_not_on_streaming(bundle: Hearing) -> None:
    x = sound(6)
    whole = rows(bundle, x, 16000, False)
    live = rows(bundle, x, 1000, True)
    assert whole.shape == live.shape == (152, 64)
    np.testing.assert_allclose(live, rows(bundle, x, 7777, True), atol=1e-5)
    apart = np.sqrt(((live - whole) ** 2).mean(1)) / whole.std()
    assert np.median(apart) < 0.25 and apart.max() < 0.6


def test_noise_belongs_to_its_place_and_seed(bundle: Hearing) -> None:
    np.testing.assert_array_equal(noise(3, 10, 5, 16)[:, 2:], noise(3, 12, 3, 16))
    many = noise(0, 0, 2000, 16)
    assert abs(many.mean()) < 0.02 and abs(many.std() - 1) < 0.02
    x = sound(1.5)
    calm = [rows(bundle, x, 4000, False, temperature=0.0, seed=s) for s in (1, 2)]
    np.testing.assert_array_equal(*calm)
    assert np.abs(rows(bundle, x, 4000, False, seed=1) - rows(bundle, x, 4000, False, seed=2)).max() > 0.1


def test_a_stretch_is_expressed_as_in_the_whole(bundle: Hearing) -> None:
    net = bundle.a2m
    generator = torch.Generator().manual_seed(1)
    hubert, f0 = torch.randn(1, 480, 64, generator=generator), torch.full((1, 480), 150.0)
    z = torch.from_numpy(noise(0, 0, 60, 16))[None]
    part = slice(160, 480)
    with torch.inference_mode():
        whole = net(hubert, f0, z, 0.45)[:, 160:]
        cut = net(hubert[:, part], f0[:, part], z[..., 20:], 0.45)[:, 80:]
    torch.testing.assert_close(cut, whole, atol=1e-4, rtol=0)


@pytest.mark.parametrize("hz", [85, 120, 220, 440, 700])
def test_pitch_of_tones(hz: float) -> None:
    t = np.arange(8000) / 16000
    voice = sum(np.sin(2 * np.pi * k * hz * t) / k for k in range(1, 5)).astype(np.float32)
    found, _ = estimate_pitch(voice)
    assert len(found) == (8000 - WINDOW) // HOP + 1
    np.testing.assert_allclose(found, hz, rtol=0.01)


def test_noise_and_silence_have_no_pitch() -> None:
    rough = np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    assert (estimate_pitch(rough)[0] > 0).mean() < 0.1
    assert not estimate_pitch(np.zeros(16000, np.float32))[0].any()
    hum = (0.01 * np.sin(np.arange(16000) / 20)).astype(np.float32)
    assert estimate_pitch(hum)[0].all() and not estimate_pitch(hum, loudest=1.0)[0].any()


def test_pitch_does_not_jump_by_octaves() -> None:
    t = np.arange(16000) / 16000
    voice = np.sin(2 * np.pi * 200 * t) + 0.5 * np.sin(2 * np.pi * 400 * t)
    # every other period is weaker for a while: 100 Hz fits a little better there
    voice *= 1 - 0.25 * (np.floor(t * 200) % 2) * ((t > 0.4) & (t < 0.5))
    found, _ = estimate_pitch(voice.astype(np.float32))
    np.testing.assert_allclose(found, 200, rtol=0.05)


def test_the_pitch_of_a_recording_covers_all_its_rows() -> None:
    for count in (0, 100, 599, 600, 16000, 16123):
        found = estimate_recording_pitch(0.1 * sound(1.1)[:count], 60)
        assert found.shape == (60,) and np.isfinite(found).all()
    assert found[:40].any() and not found[52:].any()
