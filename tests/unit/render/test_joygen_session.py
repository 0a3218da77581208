"""A session over a made-up avatar, with networks that give back what they are shown."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.common.errors import HuashengError
from services.render.clip.frames import Reader
from services.render.engines.joygen.batching import Batcher, DeviceOutOfMemory
from services.render.engines.joygen.bfm import Bfm
from services.render.engines.joygen.draw import FacePainter
from services.render.engines.joygen.hearing import StreamAudioFeatures, silence_features
from services.render.engines.joygen.paste import MASK_SIDE, face_mask, paste_face, square_around
from services.render.engines.joygen.session import JoySession
from services.render.engines.joygen.store import FRAMES, Avatar
from services.render.media.write import to_yuv
from services.render.types import Frame, SessionConfig
from tests.fakes import faces
from tests.fakes.joygen_avatar import ABSENT, BOX, COUNT, SIDE, write_avatar
from tests.fakes.joygen_face import PlainExpressions, PlainFeatures, plain_bundle, write_bfm

RATE = 16000


@pytest.fixture(scope="module")
def bfm(tmp_path_factory: pytest.TempPathFactory) -> Bfm:
    return Bfm.load(write_bfm(tmp_path_factory.mktemp("bfm")))


@pytest.fixture(scope="module")
def avatar(tmp_path_factory: pytest.TempPathFactory) -> Avatar:
    return write_avatar(tmp_path_factory.mktemp("avatar"))


@dataclass
class Rig:
    """An avatar and the device it is drawn on."""

    avatar: Avatar
    artist: FacePainter
    asked: list[list[Any]] = field(default_factory=list)
    room: int = 100
    batcher: Batcher = field(init=False)

    def __post_init__(self) -> None:
        def draw(model: Any, items: Any) -> Any:
            self.asked.append(list(items))
            if len(items) > self.room:
                raise DeviceOutOfMemory("no room")
            return self.artist.draw(model, items)

        self.batcher = Batcher(draw, 4, 2, 0.005)

    def open(self, deep: bool = False, **how: Any) -> JoySession:
        config = SessionConfig(**{"audio_rate_hz": RATE, **how})
        silence = silence_features(PlainFeatures())

        def hearing() -> StreamAudioFeatures:
            return StreamAudioFeatures(
                config.audio_rate_hz, PlainFeatures(), silence, PlainExpressions() if deep else None
            )

        return JoySession(self.avatar, config, hearing, self.batcher.open_slot(config.live), 8, deep)


@pytest.fixture
def rig(avatar: Avatar, bfm: Bfm) -> Iterator[Rig]:
    made = Rig(avatar, FacePainter(plain_bundle(), bfm))
    yield made
    made.batcher.stop()


def hum(seconds: float, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * 200 * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def draw(session: JoySession, sound: np.ndarray, size: int = 3200) -> list[Frame]:
    frames = [f for i in range(0, len(sound), size) for f in session.push(sound[i : i + size])]
    frames += session.finish()
    session.close()
    return frames


def test_what_is_outside_the_face_stays_bit_for_bit(rig: Rig) -> None:
    frames = draw(rig.open(), hum(0.4))
    reader = Reader(rig.avatar.folder / FRAMES)
    left, top, right, bottom = square_around(BOX)
    for number, frame in enumerate(frames):
        before, after = reader.frame(number).copy(), frame.image.copy()
        assert (before != after).any()
        changed = np.argwhere(before[:SIDE] != after[:SIDE])
        assert changed.min(0)[0] >= (top + bottom) // 2 - 4
        assert changed.min(0)[1] >= left
        assert changed.max(0)[1] < right
    reader.close()


def test_frames_without_a_face_pass_and_are_counted(rig: Rig) -> None:
    session = rig.open()
    frames = draw(session, hum(COUNT / 25 + 0.4))
    assert len(frames) == COUNT + 10
    assert session.passthrough_frames >= 1
    reader = Reader(rig.avatar.folder / FRAMES)
    drawn = [f for f in frames if (f.image == reader.frame(ABSENT)).all()]
    reader.close()
    assert len(drawn) == session.passthrough_frames
    assert all(f.redrawn == 0 for f in drawn) and max(f.redrawn for f in frames) == 1


def test_silence_and_room_noise_look_alike_and_speech_does_not(rig: Rig) -> None:
    noise = np.random.default_rng(0).normal(0, 1e-3, RATE).astype(np.float32)
    quiet, noisy, loud = (draw(rig.open(deep=True), s) for s in (np.zeros(RATE, np.float32), noise, hum(1.0)))
    assert all((a.image == b.image).all() for a, b in zip(quiet, noisy, strict=True))
    assert sum((a.image != b.image).any() for a, b in zip(quiet, loud, strict=True)) > 20


def test_silence_shuts_the_lips_of_the_3d_face(rig: Rig) -> None:
    sound = np.concatenate([hum(0.6), np.zeros(RATE // 2, np.float32)])
    draw(rig.open(deep=True), sound)
    opened = [float(w.coefficients[80]) for batch in rig.asked for w in batch]
    assert max(opened[:15]) > 0.5
    assert opened[15:20] == sorted(opened[15:20], reverse=True)
    assert opened[-6:] == [0] * 6
    assert all(w.placement is not None for batch in rig.asked for w in batch)


def test_the_end_of_speech_comes_to_rest(rig: Rig) -> None:
    draw(rig.open(deep=True), hum(0.6))
    levels = [float(w.sound.mean()) for batch in rig.asked for w in batch]
    assert levels[8] > 0.2
    assert levels[-1] == 0
    assert levels[-3] > levels[-2] > levels[-1]


def test_pieces_do_not_show(rig: Rig) -> None:
    whole, bits = draw(rig.open(deep=True), hum(0.7), 20000), draw(rig.open(deep=True), hum(0.7), 333)
    assert len(whole) == len(bits) == 18
    assert all((a.image == b.image).all() for a, b in zip(whole, bits, strict=True))


def test_a_bounded_number_of_frames_is_on_its_way(rig: Rig) -> None:
    session = rig.open(live=True)
    frames = session.push(hum(3))
    next(frames)
    assert sum(len(b) for b in rig.asked) <= 8
    assert len(rig.asked[0]) <= 2
    session.close()


def test_after_a_barge_in_nothing_old_is_drawn_and_no_frame_is_lost(rig: Rig) -> None:
    session = rig.open(live=True)
    frames = session.push(hum(2))
    first = [next(frames) for _ in range(3)]
    session.clear()
    asked = sum(len(b) for b in rig.asked)
    later = draw(session, np.zeros(RATE // 5, np.float32))
    assert [f.frame_index for f in first + later] == list(range(8))
    assert len(later) == 5
    new = [w for b in rig.asked for w in b][asked:]
    assert all(float(w.sound.mean()) == 0 for w in new[-5:])


def test_memory_that_is_short_slows_a_session_and_does_not_end_it(rig: Rig) -> None:
    wanted = draw(rig.open(), hum(0.5))
    rig.room = 1
    got = draw(rig.open(), hum(0.5))
    assert all((a.image == b.image).all() for a, b in zip(wanted, got, strict=True))
    rig.room = 0
    session = rig.open()
    with pytest.raises(HuashengError, match="device-memory"):
        draw(session, hum(0.5))
    session.close()
    rig.room = 100
    assert len(draw(rig.open(), hum(0.5))) == 13


def test_a_device_without_memory_is_understood(monkeypatch: pytest.MonkeyPatch, rig: Rig) -> None:
    import torch

    for error in (torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: not enough memory")):

        def fails(*_: Any, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(rig.artist.bundle.unet, "forward", fails)
        session = rig.open()
        with pytest.raises(HuashengError, match="device-memory"):
            draw(session, hum(0.3))
        session.close()


def test_the_loop_goes_on_where_it_was_left(rig: Rig) -> None:
    session = rig.open(live=True, start_frame=37)
    frames = draw(session, hum(0.2))
    assert [f.frame_index for f in frames] == [37, 38, 39, 0, 1]
    assert session.end_frame == 2


def test_a_mask_covers_the_lower_face_within_the_box() -> None:
    mesh = faces.face()[:, :2] * 80 + (160, 130)
    box = (100, 70, 220, 230)
    x0, y0, x1, _ = square_around(box)
    picture = np.zeros((320, 320, 3), np.uint8)
    for parse in (None, lambda small: np.ones(small.shape[:2], np.uint8)):
        mask = face_mask(picture, box, mesh, parse).astype(float)
        scale = MASK_SIDE / (x1 - x0)
        assert mask[int((200 - y0) * scale), int((160 - x0) * scale)] > 200
        assert not mask[: int(MASK_SIDE * 0.4)].any()
        assert not mask[:, : int((100 - x0) * scale) - 8].any()
    assert not face_mask(picture, box, mesh, lambda small: np.full(small.shape[:2], 17, np.uint8)).any()


@pytest.mark.parametrize("box", [(-20, 40, 100, 160), (180, 150, 300, 300), (71, 53, 190, 221), (400, 400, 480, 480)])
def test_boxes_at_the_picture_s_edge_and_odd_ones(box: tuple[int, int, int, int]) -> None:
    picture = to_yuv(np.full((256, 256, 3), 100, np.uint8))
    face = np.full((256, 256, 3), 200, np.uint8)
    out = paste_face(picture, face, box, np.full((MASK_SIDE, MASK_SIDE), 255, np.uint8))
    x0, y0, x1, y1 = (max(0, min(256, v)) for v in box)
    luma = out[:256].astype(int)
    if x1 > x0:
        assert (np.abs(luma[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2] - to_yuv(face)[0, 0]) <= 1).all()
    outside = luma.copy()
    outside[y0:y1, x0:x1] = picture[0, 0]
    assert (np.abs(outside - picture[0, 0]) <= 1).all()
    assert (paste_face(picture, face, box, np.zeros((MASK_SIDE, MASK_SIDE), np.uint8)) == picture).all()


def test_a_trained_network_is_loaded_once_and_a_missing_one_is_named(rig: Rig, tmp_path: Path) -> None:
    from services.common.weights import WeightsError
    from services.render.engines.joygen.nets.unet import UNetConfig
    from tests.fakes.joygen_weights import write_unet

    config = UNetConfig(channels=(8, 8, 8, 8), layers=1, groups=4, heads=1)
    for name in "abc":
        write_unet(tmp_path / name, config, "joygen", seed=ord(name))
    first, second, third = (tmp_path / name / "joygen" for name in "abc")
    assert rig.artist.model(None) is rig.artist.bundle.unet
    net = rig.artist.model(first)
    assert rig.artist.model(first) is net
    rig.artist.model(second)
    rig.artist.model(third)  # the oldest of three is given up
    assert rig.artist.model(first) is not net
    with pytest.raises(WeightsError, match="nothing-here"):
        rig.artist.model(tmp_path / "nothing-here")
