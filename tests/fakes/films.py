"""Films whose pictures say which they are, and pictures with a mask below, as a renderer makes them."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from services.render.media.write import EncoderOptions, FragmentedMp4

Picture = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


def drawn_piece(path: Path, size: tuple[int, int], fps: float, options: EncoderOptions, frames: int = 4) -> Path:
    """A piece as a renderer sends it."""
    film = FragmentedMp4(*size, fps, 24000, options)
    data = film.head()
    for i in range(frames):
        film.add_audio(np.zeros(round(24000 / fps), np.float32))
        data += film.add_frame(np.full((size[1], size[0], 3), 40 + i, np.uint8), key=i == 0)
    path.write_bytes(data + film.finish())
    return path


def mask_of(size: tuple[int, int], i: int) -> Floats:
    """A disc with a soft edge that moves, 0 to 1, (H, W)."""
    y, x = np.mgrid[: size[1], : size[0]]
    return np.clip((size[0] / 3 - np.hypot(x - size[0] / 2 - i, y - size[1] / 2)) / 12 + 0.5, 0, 1).astype(np.float32)


def person_of(size: tuple[int, int]) -> Floats:
    """The person's own colours, BGR 0 to 255, (H, W, 3)."""
    x = np.arange(size[0], dtype=np.float32)
    row = np.stack([60 + 20 * np.sin(x / 30), 120 + 0 * x, 200 + 20 * np.cos(x / 40)], 1)
    return np.repeat(row[None], size[1], 0)


def masked_film(path: Path, size: tuple[int, int], frames: int, fps: float = 25) -> Path:
    """The person above, on black, the mask below."""
    film = FragmentedMp4(size[0], 2 * size[1], fps, 24000, EncoderOptions("veryfast", 14))
    data = film.head()
    person = person_of(size)
    for i in range(frames):
        mask = mask_of(size, i)
        above, below = person * mask[..., None], np.repeat(mask[..., None] * 255, 3, 2)
        film.add_audio(np.zeros(round(24000 / fps), np.float32))
        data += film.add_frame(np.vstack([above, below]).round().astype(np.uint8), key=i == 0)
    path.write_bytes(data + film.finish())
    return path


def decoded(path: Path, decoder: str = "") -> list[av.VideoFrame]:
    """All pictures of a film; FFmpeg's own decoder of VP9 leaves the alpha out, ``libvpx-vp9`` does not."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = av.CodecContext.create(decoder, "r") if decoder else stream.codec_context
        return [frame for packet in container.demux(stream) for frame in context.decode(packet)]
