"""Composed videos made in this process by the atlas engine, from its built-in avatar or a made-up one, and decoded."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from huasheng.common.v1 import common_pb2
from huasheng.render.v1 import render_pb2 as pb

from benchmarks.live_pictures import Given
from services.common.audio import to_pcm16
from services.common.settings import SharedSettings
from services.common.storage import Storage
from services.render.avatars.prepare import Preparer
from services.render.avatars.store import AvatarRecord, AvatarStore
from services.render.composition import checks
from services.render.composition.composing import Composing, composing_of
from services.render.engines.atlas.engine import AtlasEngine
from services.render.media.write import EncoderOptions
from services.render.outputs import HeaderOut, MediaOut, SummaryOut
from services.render.session import AudioIn, EndIn
from services.render.settings import RenderSettings
from services.render.stream import drawn
from tests.fakes.media import portrait, video

RATE = 16000
GREEN = (60, 190, 40)
"""BGR of the synthetic screen."""
Pixels = npt.NDArray[np.uint8]


@dataclass
class Made:
    """A decoded video."""

    header: HeaderOut
    summary: SummaryOut
    rgb: Pixels
    """Shape (n, h, w, 3)."""
    audio_s: float
    size: int
    """Of the file, in bytes."""

    @property
    def frames(self) -> int:
        return len(self.rgb)


class Studio:
    """One engine with prepared avatars in a folder."""

    def __init__(self, folder: Path) -> None:
        """Raises ``engine-unavailable`` and ``WeightsError``."""
        self.shared = SharedSettings(storage_url=f"file://{folder}", threads=1)
        self.engine = AtlasEngine(None, self.shared, RenderSettings())
        self.engine.load()
        self.storage = Storage(self.shared.storage_url, self.shared)
        self.store = AvatarStore(self.storage)

    def prepare(self, name: str, source: bytes) -> AvatarRecord:
        key = f"sources/{name}"
        self.storage.put(key, source)
        preparer = Preparer(self.store, EncoderOptions(live=True))
        with self.storage.local(key) as path:
            return preparer.prepare(self.engine, path, "local", name, name, lambda *_: None, lambda: False)

    def composing(self, record: AvatarRecord, config: pb.RenderConfig) -> Composing:
        with self.store.engine_files(record) as files:
            pictures = partial(self.engine.source_pictures, files)
        made = composing_of(config, self.store, record, pictures, self.shared.weights_dir)
        assert made is not None
        return made

    def film(self, record: AvatarRecord, composition: pb.Composition, seconds: float = 1.0, **how: object) -> Made:
        """A video of so much silence."""
        form = common_pb2.AudioFormat(sample_rate_hertz=RATE)
        # phonemes are promised and never come: the mouth rests, and no sound has to be understood
        config = pb.RenderConfig(format=form, has_phonemes=True, composition=composition, **how)
        checks.check(config)
        items = [AudioIn(to_pcm16(np.zeros(round(seconds * RATE), np.float32)), 0), EndIn()]
        with self.store.engine_files(record) as files:
            composing = self.composing(record, config)
            outputs = list(drawn(self.engine, files, config, None, EncoderOptions(), Given(items), composing))
        header, summary = outputs[0], outputs[-1]
        assert isinstance(header, HeaderOut) and isinstance(summary, SummaryOut)
        data = b"".join(o.data for o in outputs if isinstance(o, MediaOut))
        with av.open(io.BytesIO(data)) as container:
            rgb = np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])
        with av.open(io.BytesIO(data)) as container:
            samples = sum(f.samples for f in container.decode(audio=0))
            audio_s = samples / container.streams.audio[0].rate
        assert rgb.shape[1:3] == (header.height, header.width)
        return Made(header, summary, rgb, audio_s, len(data))


def person(size: int) -> tuple[Pixels, npt.NDArray[np.float32]]:
    """The portrait and how much of each pixel is the head, drawn by hand: an ellipse and shoulders."""
    picture = portrait(512)[:324, 66:390]
    picture = np.asarray(cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
    cover = np.zeros((size, size), np.float32)
    head = (round(0.5 * size), round(0.26 * size)), (round(0.21 * size), round(0.21 * size))
    cv2.ellipse(cover, head[0], head[1], 0, 0, 360, 1.0, -1, cv2.LINE_AA)
    body = (round(0.45 * size), round(1.02 * size)), (round(0.44 * size), round(0.55 * size))
    cv2.ellipse(cover, body[0], body[1], 0, 0, 360, 1.0, -1, cv2.LINE_AA)
    return picture, np.asarray(cv2.GaussianBlur(cover, (0, 0), 1.0), np.float32)


def green_screen(size: int, spill: float = 0.12) -> tuple[Pixels, npt.NDArray[np.float32]]:
    """That person before an unevenly lit green screen, whose light falls on her; with her cover."""
    picture, cover = person(size)
    light = 0.8 + 0.25 * np.linspace(0, 1, size)[None, :, None]
    screen = np.array(GREEN, np.float32) * light * np.ones((size, size, 1))
    lit = picture * (1 - spill) + spill * np.array(GREEN, np.float32)
    mixed = lit * cover[..., None] + screen * (1 - cover[..., None])
    return np.clip(mixed, 0, 255).astype(np.uint8), cover


def swaying(picture: Pixels, seconds: float = 2.0) -> bytes:
    """A film in which that picture moves a little."""
    shifts = (np.array([[1, 0, 2 * np.sin(n / 9)], [0, 1, np.sin(n / 13)]]) for n in range(round(25 * seconds)))
    size = picture.shape[1::-1]
    return video(cv2.warpAffine(picture, m, size, borderMode=cv2.BORDER_REPLICATE).astype(np.uint8) for m in shifts)
