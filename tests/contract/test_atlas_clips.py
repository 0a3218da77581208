"""The atlas engine on a real person: the drawn mouth is measured again with the face mesh."""

from pathlib import Path

import av
import numpy as np
import pytest

from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.render.atlas.avatar import FRAMES, Avatar
from services.render.atlas.face import mouth_rect
from services.render.atlas.planes import planes
from services.render.atlas.store import Reader
from services.render.engines.atlas import AtlasEngine
from services.render.engines.base import EngineOptions, PhonemeSpan, SessionConfig
from services.render.geometry.mesh import Tracker

CLIP = Path(__file__).parents[2] / "../shared/data/clips/retalking_face3.mp4"
RATE = 16_000


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[AtlasEngine, Path]:
    if not CLIP.exists():
        pytest.skip("no clips of real people beside the checkout")
    engine = AtlasEngine(EngineOptions(SharedSettings().weights_dir, max_side_px=400, max_avatar_s=4))
    try:
        engine.load()
    except HuashengError as e:
        pytest.skip(str(e))
    out = tmp_path_factory.mktemp("person")
    report = engine.prepare(CLIP, "video", out, lambda *_: None, lambda: False)
    assert report.face_fraction == 1 and report.mouth_coverage > 0.5
    assert set(report.warnings) == {"only-first-part", "scaled-down"}
    return engine, out


def drawn(prepared: tuple[AtlasEngine, Path], spans: list[PhonemeSpan]) -> list[np.ndarray]:
    engine, avatar = prepared
    session = engine.open_session(avatar, SessionConfig(RATE, has_phonemes=True))
    sound = np.zeros(spans[-1].end_us * RATE // 1_000_000, np.float32)
    frames = [*session.push(sound, spans), *session.finish()]
    session.close()
    return [f.image for f in frames]


def openings(pictures: list[np.ndarray]) -> np.ndarray:
    """Inner-lip gap over eye distance, as the mesh sees it."""
    tracker = Tracker(SharedSettings().weights_dir / "face-mesh")
    out = []
    for p in pictures:
        mesh = tracker.next(av.VideoFrame.from_ndarray(p, format="yuv420p").to_ndarray(format="bgr24"))
        assert mesh is not None
        out.append(np.linalg.norm(mesh[13, :2] - mesh[14, :2]) / np.linalg.norm(mesh[33, :2] - mesh[263, :2]))
    return np.array(out)


def test_the_mouth_says_what_it_is_told(prepared: tuple[AtlasEngine, Path]) -> None:
    sounds = [("", 600), ("ɑ", 400), ("m", 160), ("ɑ", 400), ("", 800)]
    spans, at = [], 0
    for phoneme, ms in sounds:
        spans.append(PhonemeSpan(phoneme, at * 1000, (at + ms) * 1000))
        at += ms
    seen = openings(drawn(prepared, spans))
    ah, closed, rest = seen[17:21].mean(), seen[24:27].min(), seen[46:56]
    assert ah > 0.12
    assert closed < 0.4 * ah and seen[:10].mean() < 0.35 * ah
    assert rest.mean() < 0.35 * ah and rest.std() < 0.02


def test_only_the_lower_face_changes_on_a_real_person(prepared: tuple[AtlasEngine, Path]) -> None:
    _, folder = prepared
    avatar = Avatar.load(folder)
    reader = Reader(folder / FRAMES)
    pictures = drawn(prepared, [PhonemeSpan("ɑ", 0, 400_000), PhonemeSpan("", 400_000, 600_000)])
    for k, picture in enumerate(pictures):
        i = avatar.plan.loop[0] + k
        before = planes(reader.frame(i))[0]
        x, y, w, h = mouth_rect(avatar.face.meshes[i], float(avatar.face.scale[i]), before.shape[1], before.shape[0])
        outside = np.ones(before.shape, bool)
        outside[y : y + h, x : x + w] = False
        assert np.array_equal(before[outside], planes(picture)[0][outside])
        assert not np.array_equal(before, planes(picture)[0])
