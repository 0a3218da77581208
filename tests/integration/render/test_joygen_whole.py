"""A recording is heard whole and drawn as upstream draws it; a conversation is drawn while it is spoken."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.common.settings import SharedSettings
from services.common.weights import WeightsError, folder
from services.render.engines.joygen.audio import WhisperFeatures
from services.render.engines.joygen.batching import Batcher
from services.render.engines.joygen.engine import JoygenEngine
from services.render.engines.joygen.settings import Settings
from services.render.settings import RenderSettings
from services.render.types import SessionConfig
from tests.fakes.joygen_small import write_small
from tests.fakes.media import png, portrait
from tools.joygen_golden import sound

RATE, FRAMES = 16000, 40


class Stage:
    """An engine with a portrait, whose device notes the sound of every frame that it is asked for."""

    def __init__(self, root: Path) -> None:
        write_small(root / "models/joygen", "joygen")
        self.engine = JoygenEngine(
            Settings(models_dir=root / "models", device="cpu"), SharedSettings(threads=1), RenderSettings()
        )
        self.engine.load()
        self.avatar = root / "avatars/ann"
        self.avatar.mkdir(parents=True)
        (root / "source").write_bytes(png(portrait(320)))
        self.engine.prepare(root / "source", "portrait", self.avatar, lambda *_: None, lambda: False)

    def drawn(self, live: bool, size: int, monkeypatch: pytest.MonkeyPatch) -> tuple[int, np.ndarray, np.ndarray]:
        """Pictures before the end of the sound, all pictures, and what each was drawn from (sound, expression)."""
        seen: list[np.ndarray] = []
        put = Batcher.put

        def noted(batcher: Any, seat: Any, item: Any, urgent: bool) -> Any:
            seen.append(np.concatenate([item.sound.ravel(), item.coefficients[80:144]]))
            return put(batcher, seat, item, urgent)

        speech = sound(FRAMES / 25)[: FRAMES * RATE // 25]
        with monkeypatch.context() as patch:
            patch.setattr(Batcher, "put", noted)
            session = self.engine.open_session(self.avatar, SessionConfig(RATE, live=live))
            early = [f.image for i in range(0, len(speech), size) for f in session.push(speech[i : i + size])]
            late = [f.image for f in session.finish()]
            session.close()
        return len(early), np.stack(early + late).astype(float), np.stack(seen)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    try:
        for group in ("portrait", "face-mesh"):
            folder(group, SharedSettings().weights_dir)
    except WeightsError as e:
        pytest.skip(str(e))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.render.clip.portrait.LOOP_S", 1.6)
        made = Stage(tmp_path_factory.mktemp("joygen"))
    yield made
    made.engine.close()


def test_a_recording_is_drawn_as_a_whole_file_and_a_conversation_nearly_so(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    early, whole, heard = stage.drawn(False, 1600, monkeypatch)
    assert early == 0 and len(whole) == FRAMES
    _, again, heard_again = stage.drawn(False, 16000, monkeypatch)
    assert np.abs(whole - again).max() <= 1  # batches of other sizes round a little differently
    np.testing.assert_allclose(heard, heard_again, atol=1e-5)
    artist, _ = stage.engine._ready()
    features = WhisperFeatures(artist.bundle.whisper, "joygen", live=False)
    speech = sound(FRAMES / 25)[: FRAMES * RATE // 25]
    features.push(speech)
    features.finish()
    middle = range(5, FRAMES - 5)  # at both ends it blends into silence
    for i in middle:
        np.testing.assert_allclose(heard[i][:-64], features.rows(i).ravel(), atol=1e-5)

    early, streamed, heard_live = stage.drawn(True, 1600, monkeypatch)
    assert early >= 8 and len(streamed) == FRAMES
    a, b = heard[5:-5, :-64], heard_live[5:-5, :-64]
    alike = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert 0.9 < alike.min() < 0.99999
    assert 0 < np.abs(whole - streamed).mean() < 1, "levels of 255, over the whole picture"
