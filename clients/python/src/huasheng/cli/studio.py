"""What a whole video is given, from options: format, background, subtitles, sound, logo."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

from huasheng.cli.exits import UsageError
from huasheng.cli.files import PIPE
from huasheng.requests import Background, Format, Logo, Sound, Subtitles

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".heic", ".avif", ".gif", ".bmp", ".tif", ".tiff")
FILES = ("srt", "vtt", "ass")
CONTAINERS = ("mp4", "webm", "mov")
Upload = Callable[[Path], str]


class Ratio(StrEnum):
    """Forms of a video."""

    SOURCE = "source"
    TALL = "9:16"
    SQUARE = "1:1"
    WIDE = "16:9"
    PORTRAIT = "4:5"


class Quality(StrEnum):
    """How much is spent on a video."""

    DRAFT = "draft"
    STANDARD = "standard"
    HIGH = "high"


class Container(StrEnum):
    """Kinds of files of a video."""

    MP4 = "mp4"
    WEBM = "webm"
    MOV = "mov"


class FramingName(StrEnum):
    """How much of a person is shown."""

    AUTO = "auto"
    HEAD = "head"
    BUST = "bust"
    WHOLE = "whole"


class Size(StrEnum):
    """Sizes of subtitles."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class Place(StrEnum):
    """Where subtitles stand."""

    AUTO = "auto"
    BOTTOM = "bottom"
    TOP = "top"


class Corner(StrEnum):
    """Where a logo stands."""

    TOP_LEFT = "top-left"
    TOP_RIGHT = "top-right"
    BOTTOM_LEFT = "bottom-left"
    BOTTOM_RIGHT = "bottom-right"


def format_of(
    output: str | None,
    ratio: Ratio | None,
    size: str | None,
    resolution: int | None,
    fps: float | None,
    quality: Quality | None,
    container: Container | None,
) -> Format | None:
    """Only what was said; the container is also read off the output's name. Raises ``UsageError``."""
    out: Format = {}
    named = Path(output).suffix.lower().lstrip(".") if output and output != PIPE else ""
    if container and named and named != container.value:
        raise UsageError(f"{output}: --container {container.value} does not go with this name")
    if container or named in CONTAINERS[1:]:
        out["container"] = (container or Container(named)).value
    if ratio:
        out["ratio"] = ratio.value
    if size:
        if not (found := re.fullmatch(r"(\d+)[x×](\d+)", size)):
            raise UsageError(f"--size is like 1080x1920, not {size}")
        out["width"], out["height"] = int(found[1]), int(found[2])
    if resolution:
        out["resolution"] = resolution
    if fps:
        out["fps"] = fps
    if quality:
        out["quality"] = quality.value
    return out or None


def background_of(told: str | None, key: str | None, upload: Upload) -> Background | None:
    """``keep``, ``transparent``, ``blur``, ``blur:0.7``, ``#rrggbb``, or a file, which is uploaded.

    Raises ``UsageError``.
    """
    if told is None:
        if key:
            raise UsageError("--key goes with --background: what comes in place of the colour")
        return None
    out: Background
    if told in ("keep", "transparent"):
        out = {"kind": "keep" if told == "keep" else "transparent"}
    elif found := re.fullmatch(r"blur(?::(0(?:\.\d+)?|1(?:\.0+)?))?", told):
        out = {"kind": "blur"}
        if found[1]:
            out["strength"] = float(found[1])
    elif re.fullmatch(r"#[0-9A-Fa-f]{6}", told):
        out = {"kind": "colour", "colour": told.lower()}
    elif (path := Path(told)).is_file():
        kind: Any = "picture" if path.suffix.lower() in PICTURES else "film"
        out = {"kind": kind, "asset_id": upload(path)}
    else:
        raise UsageError(
            f"--background is keep, blur, blur:0.7, #rrggbb, transparent or a file; {told} is none of them"
        )
    if key:
        out["key"] = key
    return out


def subtitles_of(
    files: str | None, burn: bool, size: Size | None, place: Place | None, highlight: bool, second: str | None
) -> bool | Subtitles:
    """What POST /videos takes; False where nothing was said. Raises ``UsageError``."""
    names = [n.strip().lower() for n in files.split(",") if n.strip()] if files else []
    if wrong := [n for n in names if n not in FILES]:
        raise UsageError(f"--subtitles is a list of {', '.join(FILES)}; {wrong[0]} is none of them")
    if not names and not burn:
        if size or place or highlight or second:
            raise UsageError("say which subtitles: --subtitles vtt, or --burn")
        return False
    if names == ["vtt"] and not (burn or second or size or place or highlight):
        return True
    out: dict[str, Any] = {"files": names, "burn": burn}
    if size:
        out["size"] = size.value
    if place:
        out["place"] = place.value
    if highlight:
        out["highlight"] = True
    if second:
        out["second_language"] = second
    made: Any = out
    told: Subtitles = made
    return told


def sound_of(music: Path | None, level_db: float | None, loudness: float | None, upload: Upload) -> Sound | None:
    """Music beneath the speech, and how loud all is."""
    out: Sound = {}
    if loudness is not None:
        out["loudness_lufs"] = loudness
    if music:
        out["music"] = {"asset_id": upload(music)}
        if level_db is not None:
            out["music"]["level_db"] = level_db
    elif level_db is not None:
        raise UsageError("--music-level goes with --music")
    return out or None


def logo_of(logo: Path | None, corner: Corner | None, upload: Upload) -> Logo | None:
    """A picture in a corner."""
    if logo is None:
        if corner:
            raise UsageError("--corner goes with --logo")
        return None
    out: Logo = {"asset_id": upload(logo)}
    if corner:
        out["corner"] = corner.value
    return out
