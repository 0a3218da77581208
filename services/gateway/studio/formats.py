"""What becomes of a scene's drawn pictures: size, cut, rate, background, logo, as the render service takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from huasheng.render.v1 import render_pb2

from services.gateway.api.studio_requests import RATIOS
from services.gateway.store.db import Row

SHORT_SIDE_PX = 1080
ENLARGED = 2.0
"""How much larger than its own pixels a cut is drawn without a warning."""
MARGIN = 0.04
"""Distance of a logo from the edges, in short sides of the video."""
QUALITIES = {
    "draft": render_pb2.QUALITY_DRAFT,
    "standard": render_pb2.QUALITY_STANDARD,
    "high": render_pb2.QUALITY_HIGH,
}


@dataclass(frozen=True)
class Cut:
    """How near one is: height of the cut in heights of the face, and where in it the middle of the face is."""

    faces: float
    middle: float


HEAD, BUST = Cut(2.1, 0.48), Cut(3.6, 0.36)
LEAST_FACE_WIDTHS = 1.5
"""A narrow cut is at least so many faces wide."""
FACE_MIDDLE = (0.5, 0.4)
"""Where the face is taken to be in avatars that do not tell."""


@dataclass(frozen=True)
class VideoFormat:
    """Of the whole video: all scenes share it."""

    width: int
    height: int
    fps: float
    quality: str
    container: str

    @property
    def is_transparent(self) -> bool:
        """Whether pictures are drawn with their mask."""
        return self.container != "mp4"


def video_format(asked: dict[str, Any] | None, first: Any) -> VideoFormat:
    """The format as asked for; ``first`` is the avatar (``Avatar``) of the first scene, for what is not said."""
    asked = asked or {}
    quality, container = asked.get("quality") or "standard", asked.get("container") or "mp4"
    fps = float(asked.get("fps") or first.fps)
    if asked.get("width"):
        return VideoFormat(asked["width"], asked["height"], fps, quality, container)
    ratio = asked.get("ratio") or "source"
    across, down = (first.width, first.height) if ratio == "source" else RATIOS[ratio]
    short = asked.get("resolution") or (min(across, down) if ratio == "source" else SHORT_SIDE_PX)
    scale = short / min(across, down)
    return VideoFormat(_even(across * scale), _even(down * scale), fps, quality, container)


def _even(pixels: float) -> int:
    return min(3840, max(64, 2 * round(pixels / 2)))


def cut_of(framing: str, avatar: Any, size: tuple[int, int]) -> render_pb2.FaceBox:
    """The part of an avatar's picture that is shown at ``size`` (width, height), in shares of the picture's sides."""
    if framing == "whole":
        return render_pb2.FaceBox(right=1, bottom=1)
    form = size[0] / size[1]
    largest = min(avatar.height, avatar.width / form)  # pixels high
    face = avatar.report.face_box if avatar.report.HasField("face_box") else None
    x, y = FACE_MIDDLE
    middle, height = FACE_MIDDLE[1], largest
    if face:
        x, y = (face.left + face.right) / 2, (face.top + face.bottom) / 2
        wide = (face.right - face.left) * avatar.width * LEAST_FACE_WIDTHS / form
        if framing in ("head", "bust"):
            near = HEAD if framing == "head" else BUST
            middle = near.middle
            height = min(largest, max(near.faces * (face.bottom - face.top) * avatar.height, wide))
    tall, broad = height / avatar.height, height * form / avatar.width
    left = min(max(x - broad / 2, 0.0), 1 - broad)
    top = min(max(y - middle * tall, 0.0), 1 - tall)
    if face and tall >= face.bottom - face.top:  # all of the face, where there is room
        top = min(max(top, face.bottom - tall), face.top)
    return render_pb2.FaceBox(left=left, top=top, right=left + broad, bottom=top + tall)


def is_enlarged(cut: render_pb2.FaceBox, avatar: Any, video: VideoFormat) -> bool:
    """Whether the cut's own pixels are fewer than the video needs for a sharp picture."""
    own = (cut.right - cut.left) * avatar.width, (cut.bottom - cut.top) * avatar.height
    return bool(min(video.width / own[0], video.height / own[1]) > ENLARGED)


def _colour(text: str) -> int:
    return int(text.removeprefix("#"), 16)


def background_message(asked: dict[str, Any] | None, uri: str) -> render_pb2.Background | None:
    """A background; None for the source's own. ``uri`` is that of its file, where it has one."""
    if asked is None or asked["kind"] == "keep":
        return None
    out = render_pb2.Background()
    match asked["kind"]:
        case "blur":
            out.blur = asked["strength"]
        case "colour":
            out.colour = _colour(asked["colour"])
        case "picture":
            out.picture_uri = uri
        case "film":
            out.film_uri = uri
    if key := asked.get("key"):
        out.key.SetInParent()
        if key != "auto":
            out.key.colour = max(1, _colour(key))  # 0 would be: find it out
    return out


def logo_overlay(asked: dict[str, Any], asset: Row, uri: str, video: VideoFormat) -> render_pb2.Overlay:
    """A logo in its corner; ``asset`` is the row of its picture."""
    width = asked["width"]
    height = width * video.width * asset["height"] / asset["width"] / video.height
    short = MARGIN * min(video.width, video.height)
    x, y = short / video.width, short / video.height
    vertical, horizontal = asked["corner"].split("-")
    left = x if horizontal == "left" else 1 - x - width
    top = y if vertical == "top" else 1 - y - height
    box = render_pb2.FaceBox(left=left, top=max(0.0, top), right=left + width, bottom=min(1.0, top + height))
    return render_pb2.Overlay(picture_uri=uri, box=box, opacity=asked["opacity"])


def composition_of(
    video: VideoFormat,
    avatar: Any,
    framing: str,
    background: render_pb2.Background | None,
    overlays: list[render_pb2.Overlay],
) -> render_pb2.Composition:
    """Everything but the captions of a scene."""
    fps = 0.0 if video.fps == avatar.fps else video.fps
    out = render_pb2.Composition(width=video.width, height=video.height, fps=fps, quality=QUALITIES[video.quality])
    out.crop.CopyFrom(cut_of(framing, avatar, (video.width, video.height)))
    out.alpha = video.is_transparent
    if background:
        out.background.CopyFrom(background)
    out.overlays.extend(overlays)
    return out
