"""The atlas engine on a real person: the drawn mouth is measured again with the face mesh."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.render.clip.frames import Reader
from services.render.engines.atlas.avatar import FRAMES, Avatar
from services.render.engines.atlas.engine import AtlasEngine
from services.render.engines.atlas.face import mouth_rect
from services.render.face.landmarks import Tracker
from services.render.media.planes import planes
from services.render.settings import RenderSettings
from services.render.types import PhonemeSpan, SessionConfig
from tests.fakes.disguises import beard_and_glasses, disguised, microphone

CLIP = Path(__file__).parents[2] / "../shared/data/clips/retalking_face3.mp4"
RATE = 16_000


@pytest.fixture(scope="module")
def engine() -> AtlasEngine:
    if not CLIP.exists():
        pytest.skip("no clips of real people beside the checkout")
    engine = AtlasEngine(None, SharedSettings(threads=1), RenderSettings(max_side=400, max_avatar_s=4))
    try:
        engine.load()
    except HuashengError as e:
        pytest.skip(str(e))
    return engine


@pytest.fixture(scope="module")
def prepared(engine: AtlasEngine, tmp_path_factory: pytest.TempPathFactory) -> tuple[AtlasEngine, Path]:
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


def amama() -> list[PhonemeSpan]:
    sounds = [("", 600), ("ɑ", 400), ("m", 160), ("ɑ", 400), ("", 800)]
    spans, at = [], 0
    for phoneme, ms in sounds:
        spans.append(PhonemeSpan(phoneme, at * 1000, (at + ms) * 1000))
        at += ms
    return spans


def says_amama(pictures: list[np.ndarray]) -> None:
    seen = openings(pictures)
    ah, closed, rest = seen[17:21].mean(), seen[24:27].min(), seen[46:56]
    assert ah > 0.12
    assert closed < 0.4 * ah and seen[:10].mean() < 0.35 * ah
    assert rest.mean() < 0.35 * ah and rest.std() < 0.02


def test_the_mouth_says_what_it_is_told(prepared: tuple[AtlasEngine, Path]) -> None:
    says_amama(drawn(prepared, amama()))


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


def test_a_microphone_held_before_the_mouth_is_left_as_it_is(engine: AtlasEngine, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(disguised(CLIP, 400, 3.2, microphone((1.2, 2.4))))
    out = tmp_path / "avatar"
    out.mkdir()
    report = engine.prepare(tmp_path / "clip.mp4", "video", out, lambda *_: None, lambda: False)
    held = set(range(36, 54))
    assert "mouth-covered-in-part" in report.warnings and len(held) <= report.covered_frames <= len(held) + 12
    assert not held & set(Avatar.load(out).library.frames.tolist()), "no picture of a mouth is taken there"
    reader = Reader(out / FRAMES)
    shown = {planes(p)[0].tobytes() for p in drawn((engine, out), [PhonemeSpan("ɑ", 0, 6_000_000)])}
    assert all(planes(reader.frame(i))[0].tobytes() in shown for i in held), "nothing is drawn on the microphone"
    assert sum(planes(reader.frame(i))[0].tobytes() in shown for i in range(80)) < 40, "the others speak"


def test_a_person_with_a_beard_and_glasses_speaks_and_the_hair_stays_sharp(engine: AtlasEngine, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(disguised(CLIP, 400, 3.2, beard_and_glasses()))
    out = tmp_path / "avatar"
    out.mkdir()
    report = engine.prepare(tmp_path / "clip.mp4", "video", out, lambda *_: None, lambda: False)
    assert (report.face_fraction, report.warnings, report.covered_frames) == (1, (), 0)
    pictures = drawn((engine, out), amama())
    says_amama(pictures)
    avatar, reader = Avatar.load(out), Reader(out / FRAMES)

    def hair(luma: np.ndarray, i: int) -> float:
        """How much neighbouring pixels of the moustache and the chin differ."""
        mesh, scale = avatar.face.meshes[i], float(avatar.face.scale[i])
        strips = []
        for point in (164, 200):
            x, y = mesh[point, :2].astype(int)
            r = max(3, int(0.08 * scale))
            strips.append(cv2.Laplacian(luma[y - r : y + r, x - 2 * r : x + 2 * r].astype(np.float32), cv2.CV_32F))
        return float(np.mean([s.std() for s in strips]))

    stored = [planes(reader.frame(i))[0] for i in range(80)]
    ratios = []
    for picture in (planes(p)[0] for p in pictures[12:30]):
        i = next(i for i, s in enumerate(stored) if np.array_equal(s[:100], picture[:100]))  # above the mouth
        ratios.append(hair(picture, i) / hair(stored[i], i))
    assert 0.6 < np.median(ratios) < 1.25, "strands of one pixel lose a quarter by being bent; smeared ones lose most"
