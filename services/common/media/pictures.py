"""Reads picture files: JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC and AVIF, upright and in sRGB.

Of an animated picture the first one is taken.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pi_heif  # type: ignore[import-untyped]
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from services.common.errors import HuashengError
from services.common.media.containers import head_of
from services.common.media.file_types import foreign_type, picture_type

Rgb = npt.NDArray[np.uint8]
"""Shape (H, W, 3), uint8, red first."""

MAX_FILE_MB = 128
"""Some decoders take a file into memory as a whole. The largest picture that we take has 100 MB without compression."""
_FORMATS = {
    "image/png": ("PNG",),
    "image/jpeg": ("JPEG", "MPO"),
    "image/webp": ("WEBP",),
    "image/gif": ("GIF",),
    "image/bmp": ("BMP",),
    "image/tiff": ("TIFF",),
    "image/avif": ("AVIF",),
    "image/heic": ("HEIF",),
}
_DEEP_GREY = ("I;16", "I;16B", "I;16L", "I;16N")

pi_heif.register_heif_opener(thumbnails=False)
pi_heif.options.DECODE_THREADS = 1  # every further thread keeps memory of its own
Image.MAX_IMAGE_PIXELS = None  # sides are checked before anything is decoded


@dataclass(frozen=True)
class PictureInfo:
    """What a picture file is; sizes in pixels as shown, upright."""

    content_type: str
    width: int
    height: int
    animated: bool


@contextmanager
def _opened(path: Path, name: str, max_side: int) -> Iterator[tuple[Image.Image, str]]:
    head = head_of(path, name)
    kind = picture_type(head)
    if kind is None:
        if foreign := foreign_type(head):
            raise HuashengError("foreign-format", name=name, **foreign.params())
        raise HuashengError("unsupported-media", name=name)
    if path.stat().st_size > MAX_FILE_MB << 20:
        raise HuashengError("too-large", limit_mb=MAX_FILE_MB)
    if kind in ("image/heic", "image/avif"):
        _require_whole(path, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about broken metadata, which we do not use
            with Image.open(path, formats=_FORMATS[kind]) as image:
                if max(image.size) > max_side:
                    raise HuashengError("too-big-picture", width=image.size[0], height=image.size[1], limit=max_side)
                yield image, kind
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        IndexError,
        KeyError,
        RuntimeError,
        UnidentifiedImageError,
    ) as e:
        text = str(e).lower()
        heavy = "too large" in text or "too much memory" in text or "maximum supported" in text
        raise HuashengError("media-too-heavy" if heavy else "corrupt-media", name=name) from e


def _require_whole(path: Path, name: str) -> None:
    """Raises ``corrupt-media`` for a HEIC or AVIF that breaks off: of its tiles the decoder would show what it has."""
    size, at = path.stat().st_size, 0
    with path.open("rb") as file:
        while at < size:
            file.seek(at)
            head = file.read(16)
            length = int.from_bytes(head[:4], "big")
            if length == 1:
                length = int.from_bytes(head[8:], "big")
            if length == 0 and len(head) >= 8:
                return  # up to the end of the file
            if length < 8 or at + length > size:
                raise HuashengError("corrupt-media", name=name)
            at += length


def picture_info(path: Path, name: str, max_side: int) -> PictureInfo:
    """Look at a picture and decode it once.

    Raises ``empty-file``, ``unsupported-media``, ``foreign-format``, ``corrupt-media``, ``media-too-heavy``,
    ``too-large`` and, before it is decoded, ``too-big-picture``.
    """
    with _opened(path, name, max_side) as (image, kind):
        animated = bool(getattr(image, "is_animated", False)) and image.format not in ("MPO", "TIFF", "HEIF")
        if animated:
            image.seek(0)
        image.load()
        width, height = image.size
        if image.getexif().get(0x0112, 1) in (5, 6, 7, 8):
            width, height = height, width
        return PictureInfo(kind, width, height, animated)


def read_picture(path: Path, name: str, max_side: int) -> Rgb:
    """A picture upright, in sRGB, transparent parts on white. Raises what ``picture_info`` raises."""
    with _opened(path, name, max_side) as (image, _):
        image.load()
        upright = ImageOps.exif_transpose(image)
        return np.asarray(_srgb(_plain(upright), image.info.get("icc_profile")))


def read_rgba(path: Path, name: str, max_side: int) -> Rgb:
    """A picture upright, in sRGB, with how much of each pixel it is: (H, W, 4). Raises what ``picture_info`` raises."""
    with _opened(path, name, max_side) as (image, _):
        image.load()
        upright = ImageOps.exif_transpose(image)
        has_alpha = upright.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in upright.info
        if not has_alpha:
            rgb = np.asarray(_srgb(_plain(upright), image.info.get("icc_profile")))
            return np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])
        rgba = upright.convert("RGBA")
        rgb = np.asarray(_srgb(rgba.convert("RGB"), image.info.get("icc_profile")))
        return np.dstack([rgb, np.asarray(rgba.getchannel("A"))])


def _plain(image: Image.Image) -> Image.Image:
    """Eight bit, without transparency: RGB, grey or CMYK."""
    if image.mode in _DEEP_GREY:
        return Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        x = np.asarray(image, np.float64)
        low, high = float(x.min()), float(x.max())
        return Image.fromarray(((x - low) * (255 / max(high - low, 1e-9))).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        on_white = Image.new("RGBA", image.size, "white")
        on_white.alpha_composite(image.convert("RGBA"))
        return on_white.convert("RGB")
    return image if image.mode in ("RGB", "L", "CMYK") else image.convert("RGB")


def _srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Phones save in a wider colour space; taken for sRGB, skin looks pale."""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            changed = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if changed is not None:
                return changed
        except (ImageCms.PyCMSError, OSError):
            pass  # a profile that does not fit the picture says nothing
    return image.convert("RGB")
