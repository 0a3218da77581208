"""Tells whose face it is: 128 numbers of a face, near each other for pictures of one person and far for two people.

The network is the residual network of dlib (King 2009; after He et al. 2016) in the 8-bit form of face-api. A picture
is turned and scaled so that eyes and nose lie where they lay in its training.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from services.render.face import points as pt
from services.render.face.landmarks import Points
from services.render.face.shape import Array
from services.render.types import Image

WEIGHTS = "face-identity"
"""Group of ``weights.toml``."""
SIDE = 150
"""Side of the picture that the network takes, in pixels."""
MEAN_RGB = np.array([122.782, 117.001, 104.298], np.float32)
"""Mean colour in its training."""
PADDING = 0.25
"""Margin around the face that it was trained with, as a share of the face."""
PLACES = np.array([[0.1206, 0.2137], [0.3341, 0.2291], [0.6461, 0.2290], [0.8596, 0.2135], [0.4901, 0.6278]])
"""Where the corners of the eyes and the base of the nose lie within the face, from left to right."""
MARKS = [*pt.RIGHT_EYE_CORNERS, *pt.LEFT_EYE_CORNERS[::-1], pt.NOSE_BASE]
"""The same points of the mesh."""
BLOCKS = (("conv32", 3), ("conv64", 3), ("conv128", 2), ("conv256", 2))
"""Residual blocks of one width: their name, and how many keep the size of the picture."""


class FaceIdentity:
    """The network; safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        """``folder`` holds the files of the group ``WEIGHTS``."""
        self._weights = _read(folder)

    def describe(self, picture: Image, mesh: Points) -> Array:
        """The 128 numbers of the face that a mesh (468, 3) was found for in a BGR picture."""
        chip = _upright(picture, mesh[MARKS, :2])
        return self._run((cv2.cvtColor(chip, cv2.COLOR_BGR2RGB).astype(np.float32) - MEAN_RGB) / 256)

    def _run(self, x: Array) -> Array:
        x = _largest_of_3(np.maximum(self._layer(x, "conv32_down", 2), 0))
        for name, count in BLOCKS:
            if name != "conv32":
                x = self._shrunk(x, f"{name}_down")
            for i in range(1, count + 1):
                x = self._kept(x, f"{name}_{i}")
        x = self._shrunk(x, "conv256_down_out")
        return np.asarray(x.mean((0, 1)) @ self._weights["fc"], np.float32)

    def _kept(self, x: Array, name: str) -> Array:
        inner = np.maximum(self._layer(x, f"{name}/conv1", 1), 0)
        return np.maximum(self._layer(inner, f"{name}/conv2", 1) + x, 0)

    def _shrunk(self, x: Array, name: str) -> Array:
        """At half the size, and up to twice the channels: what has no counterpart on one side is added to nothing."""
        inner = np.maximum(self._layer(x, f"{name}/conv1", 2), 0)
        y = self._layer(inner, f"{name}/conv2", 1)
        h, w = x.shape[0] // 2, x.shape[1] // 2
        half = x[: 2 * h, : 2 * w].reshape(h, 2, w, 2, -1).mean((1, 3))
        out = np.zeros((max(h, y.shape[0]), max(w, y.shape[1]), y.shape[2]), np.float32)
        out[: y.shape[0], : y.shape[1]] += y
        out[:h, :w, : half.shape[2]] += half
        return np.maximum(out, 0)

    def _layer(self, x: Array, name: str, stride: int) -> Array:
        w = self._weights
        y = _convolved(x, w[f"{name}/conv/filters"], stride) + w[f"{name}/conv/bias"]
        return np.asarray(y * w[f"{name}/scale/weights"] + w[f"{name}/scale/biases"], np.float32)


def _upright(picture: Image, marks: Array) -> Image:
    """The face, eyes and nose near their ``PLACES`` (least squares over shift, turn and scale)."""
    places = (PADDING + PLACES) / (2 * PADDING + 1) * SIDE
    there, here = (p[:, 0] + 1j * p[:, 1] for p in (places, marks.astype(np.float64)))
    factor = np.vdot(here - here.mean(), there - there.mean()) / np.vdot(here - here.mean(), here - here.mean())
    shift = there.mean() - factor * here.mean()
    scale = abs(factor)
    if scale < 1:  # no fine pattern of a large picture may turn into a false one of a small face
        picture = cv2.GaussianBlur(picture, (0, 0), 0.5 / scale)
    turn = np.array([[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]])
    return np.asarray(cv2.warpAffine(picture, turn, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE))


def _convolved(x: Array, filters: Array, stride: int) -> Array:
    """``x`` (height, width, channels); at stride 1 the size is kept, else only whole windows count."""
    size = filters.shape[0]
    if stride == 1:
        x = np.pad(x, ((size // 2, size // 2), (size // 2, size // 2), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(0, 1))[::stride, ::stride]
    flat = windows.transpose(0, 1, 3, 4, 2).reshape(-1, size * size * x.shape[2])
    return np.asarray((flat @ filters.reshape(-1, filters.shape[3])).reshape(*windows.shape[:2], -1), np.float32)


def _largest_of_3(x: Array) -> Array:
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(0, 1))[::2, ::2]
    return np.asarray(windows.max((3, 4)))


def _read(folder: Path) -> dict[str, npt.NDArray[np.float32]]:
    """Tensors by name, in the order of the list: bytes, each times its scale above its lowest value, or floats."""
    listed = json.loads((folder / "weights.json").read_text(encoding="utf-8"))[0]["weights"]
    data, at, tensors = (folder / "model.bin").read_bytes(), 0, {}
    for entry in listed:
        kind = np.uint8 if "quantization" in entry else np.float32
        values = np.frombuffer(data, kind, int(np.prod(entry["shape"])), at).reshape(entry["shape"])
        at += values.nbytes
        how = entry.get("quantization", {"scale": 1, "min": 0})
        tensors[entry["name"]] = values.astype(np.float32) * np.float32(how["scale"]) + np.float32(how["min"])
    return tensors
