"""What a composition may ask for; all of it is checked before anything is drawn."""

from __future__ import annotations

import math

from huasheng.render.v1 import render_pb2 as pb

from services.common.errors import HuashengError
from services.render.composition.geometry import Box

LEAST_SIDE, MOST_SIDE = 64, 3840
LEAST_FPS, MOST_FPS = 10, 60
MOST_OVERLAYS, MOST_CUES = 16, 2000
LEAST_CROP = 0.05
"""Shortest side of a cut, in shares of the picture's."""


def check(config: pb.RenderConfig) -> None:
    """Raises ``bad-request``, which says what is wrong with the composition."""
    asked = config.composition
    if config.live or config.access_units:
        raise _bad("a composition is for whole videos: not with live or access_units")
    for name, side in (("width", asked.width), ("height", asked.height)):
        if not LEAST_SIDE <= side <= MOST_SIDE or side % 2:
            raise _bad(f"{name} must be an even number from {LEAST_SIDE} to {MOST_SIDE}")
    if asked.fps and not LEAST_FPS <= asked.fps <= MOST_FPS:
        raise _bad(f"fps must be 0 or {LEAST_FPS} to {MOST_FPS}")
    if asked.HasField("crop"):
        left, top, right, bottom = box(asked.crop, "crop")
        if right - left < LEAST_CROP or bottom - top < LEAST_CROP:
            raise _bad(f"crop must have at least {LEAST_CROP:.0%} of the picture's width and height")
    _check_ground(asked)
    if len(asked.overlays) > MOST_OVERLAYS:
        raise _bad(f"at most {MOST_OVERLAYS} overlays")
    for n, overlay in enumerate(asked.overlays):
        _check_overlay(overlay, f"overlays[{n}]")
    if len(asked.captions.cues) > MOST_CUES:
        raise _bad(f"at most {MOST_CUES} cues")


def _check_ground(asked: pb.Composition) -> None:
    ground = asked.background
    kind = ground.WhichOneof("kind")
    if asked.alpha and kind:
        raise _bad("alpha is only without a background")
    if kind == "blur" and not 0 <= ground.blur <= 1:
        raise _bad("background.blur must be 0 to 1")
    if (kind == "colour" and ground.colour > 0xFFFFFF) or ground.key.colour > 0xFFFFFF:
        raise _bad("a colour must be 0xRRGGBB")
    if ground.HasField("key") and not (kind or asked.alpha):
        raise _bad("background.key needs a background or alpha")


def _check_overlay(overlay: pb.Overlay, name: str) -> None:
    left, top, right, bottom = box(overlay.box, f"{name}.box")
    if right <= left or bottom <= top:
        raise _bad(f"{name}.box must have a width and a height")
    if not 0 <= overlay.opacity <= 1:
        raise _bad(f"{name}.opacity must be 0 to 1")
    if overlay.start_us < 0 or (overlay.end_us and overlay.end_us < overlay.start_us):
        raise _bad(f"{name} must end after it starts")


def box(part: pb.FaceBox, name: str) -> Box:
    """The message as shares. Raises ``bad-request`` for what is no part of a picture."""
    found = (part.left, part.top, part.right, part.bottom)
    if not all(math.isfinite(v) and 0 <= v <= 1 for v in found) or found[0] > found[2] or found[1] > found[3]:
        raise _bad(f"{name} must be shares from 0 to 1, left before right and top before bottom")
    return found


def _bad(what: str) -> HuashengError:
    return HuashengError("bad-request", what=f"composition: {what}")
