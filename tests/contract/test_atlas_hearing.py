"""The atlas engine follows sound with Whisper's encoder, and is unavailable without it."""

import sys
from pathlib import Path

import numpy as np
import pytest

from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.common.weights import WeightsError, folder
from services.render.audio.log_mel import RATE
from services.render.audio.whisper import HUSH_S, PER_S, SIZE, WINDOW_S, WhisperEncoder
from services.render.engines.atlas.engine import AtlasEngine
from services.render.engines.atlas.mouth.clip import ClipAudioToMouth, ClipModel
from services.render.settings import RenderSettings
from services.render.types import SessionConfig
from tests.fakes.media import png, portrait

SHARED = SharedSettings(threads=1)
ROOT = SHARED.weights_dir


def weights(group: str) -> Path:
    try:
        return folder(group, ROOT)
    except WeightsError as e:
        pytest.skip(str(e))


@pytest.fixture(scope="module")
def encoder() -> WhisperEncoder:
    pytest.importorskip("ctranslate2")
    return WhisperEncoder(weights("whisper-base"), 1)


@pytest.fixture(scope="module")
def avatar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    weights("face-mesh")
    folder = tmp_path_factory.mktemp("avatar")
    out = folder / "engine"
    out.mkdir()
    engine = AtlasEngine(None, SHARED, RenderSettings())
    engine.load()
    try:
        (folder / "source").write_bytes(png(portrait(384)))
    except WeightsError as e:
        pytest.skip(str(e))
    engine.prepare(folder / "source", "portrait", out, lambda *_: None, lambda: False)
    return out


def vowel(formants: tuple[float, ...], seconds: float) -> np.ndarray:
    """A voice at 120 Hz with resonances."""
    t = np.arange(int(seconds * RATE)) / RATE
    sound = np.zeros(len(t))
    for k in range(1, 40):
        level = sum(1 / (1 + ((120 * k - f) / 90) ** 2) for f in formants) / k**0.5
        sound += level * np.sin(2 * np.pi * 120 * k * t)
    edge = np.minimum(1, np.minimum(t, seconds - t) / 0.03)
    return (0.1 * edge * sound).astype(np.float32)


def test_the_encoder_tells_of_a_window(encoder: WhisperEncoder) -> None:
    features = encoder(vowel((700, 1100, 2500), WINDOW_S))
    assert features.shape == (WINDOW_S * PER_S, SIZE)
    assert encoder(vowel((700, 1100, 2500), 1.0)).shape == ((1 + HUSH_S) * PER_S, SIZE)
    assert np.isfinite(features).all() and features.std() > 0.1


def test_vowels_have_their_shapes(encoder: WhisperEncoder) -> None:
    quiet = np.zeros(RATE // 2, np.float32)
    ah, ee, oo = vowel((730, 1090, 2440), 0.5), vowel((270, 2290, 3010), 0.5), vowel((300, 870, 2240), 0.5)
    listener = ClipAudioToMouth(encoder, ClipModel.builtin(), RATE)
    listener.push(np.concatenate([quiet, ah, quiet, ee, quiet, oo, quiet]), last=True)
    seen = [np.mean([listener.mouth_at(s + d) for d in (0.15, 0.2, 0.25, 0.3)], axis=0) for s in (0.5, 1.5, 2.5)]
    ah_seen, ee_seen, oo_seen = seen
    assert min(ah_seen[0], ee_seen[0]) > oo_seen[0] + 0.2
    assert min(ah_seen[1], ee_seen[1]) > oo_seen[1] + 0.2
    assert np.abs(listener.mouth_at(3.45)).max() < 0.1


def crippled(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AtlasEngine:
    if how == "no weights":
        (tmp_path / "face-mesh").symlink_to(weights("face-mesh"))
        return AtlasEngine(None, SharedSettings(weights_dir=tmp_path, threads=1), RenderSettings())
    weights("whisper-base")
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    return AtlasEngine(None, SHARED, RenderSettings())


@pytest.mark.parametrize(("how", "why"), [("no weights", "whisper-base"), ("no package", "ctranslate2")])
def test_without_whisper_it_is_unavailable_and_says_why(
    how: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = crippled(how, tmp_path, monkeypatch)
    with pytest.raises(HuashengError) as e:
        engine.load()
    assert (e.value.slug, e.value.params["engine"]) == ("engine-unavailable", "atlas")
    assert why in e.value.params["why"]
    with pytest.raises(HuashengError, match="engine-unavailable"):
        engine.prepare(tmp_path / "source", "portrait", tmp_path, lambda *_: None, lambda: False)


def test_recordings_wait_for_a_window_and_conversations_do_not(avatar: Path) -> None:
    weights("whisper-base")
    engine = AtlasEngine(None, SHARED, RenderSettings())
    try:
        engine.load()
    except HuashengError as e:
        pytest.skip(str(e))
    sound = vowel((700, 1100, 2500), 1.0)
    live = engine.open_session(avatar, SessionConfig(RATE, live=True))
    recorded = engine.open_session(avatar, SessionConfig(RATE))
    assert len(list(live.push(sound))) >= 18
    assert not list(recorded.push(sound))
    assert len(list(recorded.push(np.tile(sound, 5)))) >= 60
    assert len(list(recorded.finish())) > 0
    live.close()
    recorded.close()
