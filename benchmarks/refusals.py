"""How long each refusal of an avatar's source takes: ``python -m benchmarks.refusals``. The sources are made here."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.common.weights import folder
from services.render.clip.look import look
from services.render.media.read import kind_of
from services.render.types import ClipLimits

Picture = npt.NDArray[np.uint8]
SECONDS, FPS, WIDTH, HEIGHT = 45, 25, 1920, 1080


def film(path: Path, pictures: Iterator[Picture]) -> Path:
    """An H.264 film with the encoder's usual distance of key frames."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "26"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for i, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = i, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def wall(faces: list[Picture]) -> Iterator[Picture]:
    """A wall that slides by, with pictures of faces before it."""
    blocks = np.random.default_rng(1).integers(60, 200, (30, 90, 3), np.uint8)
    texture = cv2.resize(blocks, (WIDTH + 2 * SECONDS * FPS, HEIGHT), interpolation=cv2.INTER_LINEAR)
    for i in range(SECONDS * FPS):
        picture = texture[:, 2 * i : 2 * i + WIDTH].copy()
        for n, face in enumerate(faces):
            x = 300 + 900 * n + round(6 * np.sin(i / 9))
            picture[200 : 200 + face.shape[0], x : x + face.shape[1]] = face
        yield picture


def main() -> None:
    weights = SharedSettings().weights_dir
    portrait = cv2.imread(str(folder("portrait", weights) / "portrait.png"))
    assert portrait is not None
    face = cv2.resize(portrait, (700, 700), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    cv2.setNumThreads(SharedSettings().threads)
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        two = root / "two people.png"
        two.write_bytes(cv2.imencode(".png", np.hstack([face, face]))[1].tobytes())
        films: dict[str, list[Picture]] = {"nobody": [], "two people": [face, face], "one person": [face]}
        for source in (two, *(root / f"{name}.mp4" for name in films)):
            if source.stem in films and source.suffix == ".mp4":
                film(source, wall(films[source.stem]))
            start, cpu, said = time.perf_counter(), time.process_time(), "accepted"
            try:
                look(
                    source,
                    "portrait" if kind_of(source) == "portrait" else "video",
                    folder("face-mesh", weights),
                    ClipLimits(),
                )
            except HuashengError as e:
                said = e.slug
            wall_s, cpu_s = time.perf_counter() - start, time.process_time() - cpu
            print(f"{source.name:16} {said:12} {wall_s:5.2f} s, {cpu_s:5.2f} s of one core", flush=True)


if __name__ == "__main__":
    main()
