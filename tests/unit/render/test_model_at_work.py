"""Which part of a trained model the atlas engine puts to work in which kind of session."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.common.weights import folder
from services.render.engines.atlas import engine as atlas
from services.render.settings import RenderSettings
from services.render.types import SessionConfig
from tests.fakes import media


@dataclass
class Person:
    improves_recordings: bool = True
    text: str | None = "text"
    live: str | None = "live"


class Encoder:
    def exactly(self, x: Any) -> Any:
        return x

    def no_speech(self, x: Any) -> float:
        return 0.9


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> atlas.AtlasEngine:
    made = atlas.AtlasEngine(None, SharedSettings(threads=1), RenderSettings())
    monkeypatch.setattr(made, "_encoder", Encoder())
    monkeypatch.setattr("services.render.engines.atlas.engine.Avatar.load", lambda folder: folder)
    monkeypatch.setattr(atlas, "AtlasSession", lambda *a, **k: (a[2:], k))
    return made


@pytest.mark.parametrize(
    ("live", "phonemes", "person", "model", "correction"),
    [
        (False, False, Person(), True, None),
        (False, True, Person(), True, None),
        (True, True, Person(), False, "text"),
        (True, False, Person(), False, "live"),
        (True, True, Person(text=None), False, None),
        (True, False, Person(live=None), False, None),
        (False, False, Person(improves_recordings=False), False, None),
        (False, True, Person(improves_recordings=False), False, "text"),
        (True, True, None, False, None),
        (False, False, None, False, None),
    ],
)
def test_each_way_takes_what_helps_there(
    engine: atlas.AtlasEngine,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    live: bool,
    phonemes: bool,
    person: Person | None,
    model: bool,
    correction: str | None,
) -> None:
    path = tmp_path / "model.npz"
    path.touch()
    monkeypatch.setattr(atlas, "person_model", lambda _path, _stamp: person)
    config = SessionConfig(16000, has_phonemes=phonemes, live=live, model=path if person else None)
    opened: Any = engine.open_session(tmp_path, config)
    given, named = opened
    assert (len(given) == 2 and given[1] is person) == model
    assert named.get("correction") == correction


def test_what_teaches_nothing_is_refused_before_an_avatar(
    engine: atlas.AtlasEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, looked = tmp_path / "clip.mp4", list[Path]()
    engine._mesh = tmp_path
    monkeypatch.setattr(atlas, "check_for_training", lambda source, *_: looked.append(source))
    hiss = np.random.default_rng(1).normal(0, 0.1, 5 * 16000).astype(np.float32)
    for sound, slug in ((None, "no-audio"), (media.silence(5), "silent-audio"), (hiss, "clip-without-speech")):
        clip.write_bytes(media.video(media.rocking(5, 128), sound=sound))
        with pytest.raises(HuashengError) as e:
            engine.check_training(clip, 5000)
        assert e.value.slug == slug
    assert looked == [clip], "the face is looked at once there is sound, before the voice, which takes longer"


def test_a_clip_without_a_face_teaches_nothing(engine: atlas.AtlasEngine, tmp_path: Path) -> None:
    engine._mesh = folder("face-mesh", SharedSettings().weights_dir)
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(media.video([media.blank(256)] * 125, sound=media.tone(5)))
    with pytest.raises(HuashengError) as e:
        engine.check_training(clip, 5000)
    assert e.value.slug == "no-face"
