"""Writes the pictures of docs/atlas.md: what the renderer sees and does, shown on the built-in portrait.

    python -m tools.atlas_pictures [--out docs/images]

The portrait is made to speak; the video of that is then prepared as any clip of a talking person is.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from services.common.settings import SharedSettings
from services.common.weights import folder
from services.render.avatars.builtin import framed
from services.render.clip.frames import Reader
from services.render.engines.atlas.avatar import FRAMES, Avatar
from services.render.engines.atlas.engine import AtlasEngine
from services.render.engines.atlas.painter import Painter
from services.render.engines.atlas.still import StillPainter
from services.render.face import points as pt
from services.render.face.pose import to_picture
from services.render.face.shape import Array
from services.render.media.planes import Patch
from services.render.media.write import EncoderOptions, to_bgr, write_loop
from services.render.settings import RenderSettings
from services.render.types import Frame, Image, PhonemeSpan, SessionConfig

SPEECH = "mɑtisusOpɛnufæwibo"
"""Phonemes that go through all mouth shapes, one each 120 ms."""
STEP_US = 120_000
SECONDS = 6
CROP, TILE = (145, 115, 355, 325), 252
"""Lower face of the portrait, 512 pixels wide; left, top, right, bottom."""
COLUMNS = 7
MOUTHS = {"at rest": (0.0, 0.0), "open": (0.85, 0.0), "rounded": (0.35, -0.9), "spread": (0.3, 0.9)}
"""Opening and width in parts of the person's reach."""
SOUNDS = ((0.0, 0.0, 0.0), (0.35, 0.85, 0.0), (1.0, 0.1, 0.0), (0.45, -0.65, 0.0), (0.08, -0.95, 0.0), (0.0, 0.1, 1.0))
"""Rest, "ee", "ah", "o", "oo" and "f": the same, and how far the lower lip is under the teeth."""
PORTRAIT = 260
"""Width of each picture of the portrait, in pixels."""


def _part(bgr: Image) -> Image:
    left, top, right, bottom = CROP
    return bgr[top:bottom, left:right].copy()


def _titled(picture: Image, title: str) -> Image:
    tile = cv2.resize(picture, (TILE, TILE), interpolation=cv2.INTER_AREA)
    strip = np.full((26, TILE, 3), 255, np.uint8)
    cv2.putText(strip, title, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.46, (30, 30, 30), 1, cv2.LINE_AA)
    return np.asarray(np.vstack([strip, tile]), np.uint8)


def _dotted(picture: Image, points: Array, colour: tuple[int, int, int], radius: int = 1) -> Image:
    out = picture.copy()
    for x, y in points[:, :2] - CROP[:2]:
        cv2.circle(out, (int(x * 4), int(y * 4)), radius * 4, colour, -1, cv2.LINE_AA, 2)
    return out


def _speak(engine: AtlasEngine, portrait: Path, clip: Path, scratch: Path) -> None:
    """A video of the portrait going through the mouth shapes."""
    with framed(portrait) as picture:
        engine.prepare(picture, "portrait", scratch, _untold, _never)
    rate = 16_000
    session = engine.open_session(scratch, SessionConfig(rate, has_phonemes=True))
    count = SECONDS * 1_000_000 // STEP_US
    spans = [PhonemeSpan(SPEECH[k % len(SPEECH)], k * STEP_US, (k + 1) * STEP_US) for k in range(count)]
    frames = [*session.push(np.zeros(SECONDS * rate, np.float32), spans), *session.finish()]
    write_loop(
        clip,
        (f.image for f in frames if isinstance(f, Frame)),
        (session.width, session.height),
        session.fps,
        EncoderOptions(crf=14),
    )
    session.close()


def _untold(_stage: str, _part: float) -> None: ...


def _never() -> bool:
    return False


def _bgr(patch: Patch) -> Image:
    """A patch on its own, 128 x 96."""
    chroma = cv2.resize(patch.chroma, patch.luma.shape[::-1], interpolation=cv2.INTER_LINEAR)
    luma = (patch.luma.astype(np.float32) - 16) * 255 / 219
    blue, red = ((chroma[..., k].astype(np.float32) - 128) * 255 / 224 for k in (0, 1))
    out = np.dstack([luma + 1.8556 * blue, luma - 0.1873 * blue - 0.4681 * red, luma + 1.5748 * red])
    return np.asarray(cv2.resize(np.clip(out, 0, 255).astype(np.uint8), (128, 96), interpolation=cv2.INTER_AREA))


def stages(avatar: Avatar, shape_of: Callable[[tuple[float, float]], Array]) -> Image:
    """Landmarks, wanted mesh, what changed, and the finished picture; then the other mouths."""
    face, number = avatar.face, avatar.plan.frames // 2
    reader = Reader(avatar.folder / FRAMES)
    before = reader.frame(number)

    def drawn(mouth: Array) -> Image:
        painter = Painter(face, avatar.library, avatar.interior, avatar.plan.width, avatar.plan.height)
        return painter.paint(before, number, mouth)

    wide = shape_of(MOUTHS["open"])
    goal = to_picture(face.poses, number, face.model.shape(wide) + face.residual[number])
    after = drawn(wide)
    source = _part(to_bgr(before))
    change = np.abs(_part(to_bgr(after)).astype(int) - source).max(2)
    shown = cv2.applyColorMap(np.clip(change * 3, 0, 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    first = [
        _titled(_dotted(source, face.meshes[number], (90, 220, 90)), "1 the frame and its mesh"),
        _titled(_dotted(source // 2, goal[pt.CONTROL], (80, 200, 255), 2), "2 control points, mouth wide"),
        _titled(np.asarray(shown), "3 what changes (x 3)"),
        _titled(_part(to_bgr(after)), "4 the finished frame"),
    ]
    second = [_titled(_part(to_bgr(drawn(shape_of(m)))), name) for name, m in MOUTHS.items()]
    reader.close()
    return np.asarray(np.vstack([np.hstack(first), np.hstack(second)]), np.uint8)


def atlas(avatar: Avatar) -> Image:
    """Mouth pictures of the library by opening (down) and width (across)."""
    library = avatar.library
    count = min(3 * COLUMNS, len(library.patches) // COLUMNS * COLUMNS)
    order = np.argsort(library.traits[:, 0])[np.linspace(0, len(library.patches) - 1, count).astype(int)]
    rows = [sorted(order[k : k + COLUMNS], key=lambda n: float(library.traits[n, 1])) for k in range(0, count, COLUMNS)]
    return np.asarray(np.vstack([np.hstack([_bgr(library.patches[k]) for k in row]) for row in rows]), np.uint8)


def portrait_mouths(avatar: Avatar) -> Image:
    """The portrait as it is, and with the mouths of ``SOUNDS``."""
    face, plan = avatar.face, avatar.plan
    reader = Reader(avatar.folder / FRAMES)
    before = reader.frame(0)
    reader.close()
    painter = StillPainter(face, avatar.interior, plan.width, plan.height)
    drawn = [painter.paint(before, 0, (face.closed + (o, w) * face.reach).astype(np.float32), f) for o, w, f in SOUNDS]
    unit, mouth = float(face.scale[0]), face.meshes[0][[13, 14], :2].mean(0)
    (left, top), (right, bottom) = (mouth + unit * np.array([(-1.25, -1.75), (1.25, 1.05)])).astype(int).tolist()
    size = (PORTRAIT, round(PORTRAIT * (bottom - top) / (right - left)))
    gap = np.full((size[1], 6, 3), 255, np.uint8)
    row = []
    for picture in (before, *drawn):
        part = to_bgr(picture)[max(0, top) : bottom, max(0, left) : right]
        row += [cv2.resize(part, size, interpolation=cv2.INTER_CUBIC), gap]
    return np.asarray(np.hstack(row[:-1]), np.uint8)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    args = parser.parse_args()
    root = SharedSettings().weights_dir
    engine = AtlasEngine(None, SharedSettings(threads=1), RenderSettings())
    engine.load()
    portrait = next(p for p in folder("portrait", root).iterdir() if p.suffix in (".png", ".jpg"))
    with tempfile.TemporaryDirectory() as name:
        scratch, clip = Path(name), Path(name) / "clip.mp4"
        (scratch / "portrait").mkdir()
        (scratch / "avatar").mkdir()
        _speak(engine, portrait, clip, scratch / "portrait")
        speaks = portrait_mouths(Avatar.load(scratch / "portrait"))
        report = engine.prepare(clip, "video", scratch / "avatar", _untold, _never)
        print(report)
        avatar = Avatar.load(scratch / "avatar")

        def shape_of(mouth: tuple[float, float]) -> Array:
            return (avatar.face.closed + np.array(mouth) * avatar.face.reach).astype(np.float32)

        for file, picture in (
            ("atlas-stages.jpg", stages(avatar, shape_of)),
            ("atlas-library.jpg", atlas(avatar)),
            ("portrait-mouth.jpg", speaks),
        ):
            (args.out / file).write_bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())


if __name__ == "__main__":
    main()
