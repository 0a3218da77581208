"""Brings HDR and wide-gamut films to the colours of every screen: BT.709, 8 bit, as FFmpeg's own filters would.

PyAV's FFmpeg has no ``zscale``, which FFmpeg's usual chain needs to make light linear. The chain is computed here once,
for a cube of colours, and FFmpeg's ``lut3d`` applies the cube to the pictures. Sources: ITU-R BT.2100-2 (HLG, PQ and
their display light), BT.2087-0 (primaries), BT.1886 (the display's gamma); the tone curve is Hable's, as in FFmpeg's
``tonemap``.
"""

from __future__ import annotations

import struct
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation

Floats = npt.NDArray[np.float64]

PQ, HLG = 16, 18
"""Transfer functions of HDR (``AVCOL_TRC_SMPTE2084``, ``AVCOL_TRC_ARIB_STD_B67``)."""
WIDE = {
    # red, green, blue: x and y; the white of both is D65
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
"""Primaries wider than BT.709's: BT.2020 and P3-D65."""
BT709 = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
D65 = (0.3127, 0.3290)
WHITE_NITS = 100.0
"""Light of an SDR white."""
HLG_NITS = 1000.0
"""Nominal peak of an HLG display; also the peak taken for a film that does not tell its own."""
CUBE = 33
"""Colours along an edge of the cube."""
_CURVE = (0.15, 0.50, 0.10, 0.20, 0.02, 0.30)


def needs_mapping(frame: VideoFrame) -> bool:
    """Whether the frame has a transfer function or primaries that an ordinary player of 8-bit video gets wrong."""
    return frame.color_trc in (PQ, HLG) or frame.color_primaries in WIDE


def peak_nits(frame: VideoFrame) -> float:
    """Brightest light of the film by its own account (MaxCLL, then the mastering display), else ``HLG_NITS``."""
    if frame.color_trc == PQ:
        level = side_data(frame, "CONTENT_LIGHT_LEVEL")
        if len(level) >= 4 and (brightest := struct.unpack_from("<I", level)[0]):
            return float(np.clip(brightest, 2 * WHITE_NITS, 10_000))
        mastering = side_data(frame, "MASTERING_DISPLAY_METADATA")
        if len(mastering) >= 88:  # 3 primaries and a white of two rationals each, least and most light, two flags
            number, part, _, has_light = struct.unpack_from("<iiii", mastering, 72)
            if has_light and number > 0 and part > 0:
                return float(np.clip(number / part, 2 * WHITE_NITS, 10_000))
    return HLG_NITS


def side_data(frame: VideoFrame, name: str) -> bytes:
    """What travels beside a frame under this name, b"" for nothing."""
    data: Any = frame.side_data.get(name)
    return bytes(data) if data is not None else b""


class ColourMap:
    """Maps the frames of one film; not thread-safe."""

    def __init__(self) -> None:
        self._graphs: dict[tuple[int, int, float, int, int], Graph] = {}

    def to_bgr(self, frame: VideoFrame, width: int, height: int, interpolation: Interpolation) -> npt.NDArray[np.uint8]:
        """The frame as BGR (height, width, 3) in BT.709."""
        wide = frame.reformat(
            width=width,
            height=height,
            format="gbrp16le",
            src_colorspace=Colorspace(frame.colorspace) if frame.colorspace in list(Colorspace) else Colorspace.ITU709,
            src_color_range=ColorRange.JPEG if frame.color_range == ColorRange.JPEG else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            interpolation=interpolation,
            threads=1,
        )
        key = (int(frame.color_trc), int(frame.color_primaries), peak_nits(frame), width, height)
        if key not in self._graphs:
            self._graphs = {key: _graph(*key)}
        graph = self._graphs[key]
        graph.push(wide)
        found = graph.pull()
        assert isinstance(found, VideoFrame)
        out = found.reformat(format="bgr24", interpolation=Interpolation.ACCURATE_RND | Interpolation.POINT, threads=1)
        return np.asarray(out.to_ndarray(), np.uint8)


def _graph(transfer: int, primaries: int, peak: float, width: int, height: int) -> Graph:
    """``lut3d`` with the cube for such frames; it keeps none of them."""
    graph = Graph()
    with tempfile.TemporaryDirectory(prefix="huasheng-cube-") as folder:
        path = Path(folder) / "map.cube"
        path.write_text(cube_text(transfer, primaries, peak), encoding="ascii")
        graph.link_nodes(
            graph.add_buffer(
                width=width, height=height, format=av.VideoFormat("gbrp16le"), time_base=Fraction(1, 1000)
            ),
            graph.add("lut3d", f"file={path}:interp=tetrahedral"),
            graph.add("buffersink"),
        ).configure()
    return graph


def cube_text(transfer: int, primaries: int, peak: float) -> str:
    """The cube as a file that ``lut3d`` reads: red runs fastest."""
    steps = np.linspace(0, 1, CUBE)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    rows = mapped(np.stack([red, green, blue], -1).reshape(-1, 3), transfer, primaries, peak)
    return f"LUT_3D_SIZE {CUBE}\n" + "\n".join(f"{r:.6f} {g:.6f} {b:.6f}" for r, g, b in rows.tolist()) + "\n"


def mapped(rgb: Floats, transfer: int, primaries: int, peak: float) -> Floats:
    """Coded colours (n, 3), 0 to 1, as coded BT.709 colours; ``peak`` is the film's brightest light in nits."""
    light = _light(rgb, transfer)
    if primaries in WIDE:
        light = light @ (np.linalg.inv(_to_xyz(BT709)) @ _to_xyz(WIDE[primaries])).T
    if transfer in (PQ, HLG):
        brightest = np.maximum(light.max(1, keepdims=True), 1e-6)
        light = light * _hable(brightest) / _hable(np.array(peak / WHITE_NITS)) / brightest
    return np.asarray(np.clip(light, 0, 1) ** (1 / 2.4))


def _light(rgb: Floats, transfer: int) -> Floats:
    """Light on a display, 1 for an SDR white, of coded colours."""
    if transfer == PQ:
        m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
        power = rgb ** (1 / m2)
        return np.asarray((np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1) * 10_000 / WHITE_NITS)
    if transfer == HLG:
        a = 0.17883277
        b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
        scene = np.where(rgb <= 0.5, rgb**2 / 3, (np.exp((rgb - c) / a) + b) / 12)
        # the gamma of a display of 1000 nits, channel by channel as FFmpeg's zscale does it
        return np.asarray(scene**1.2 * HLG_NITS / WHITE_NITS)
    return np.asarray(rgb**2.4)


def _hable(light: Floats) -> Floats:
    a, b, c, d, e, f = _CURVE
    return np.asarray((light * (light * a + b * c) + d * e) / (light * (light * a + b) + d * f) - e / f)


def _to_xyz(primaries: tuple[tuple[float, float], ...]) -> Floats:
    """Matrix from light in these primaries to CIE XYZ."""
    columns = np.array([(x / y, 1, (1 - x - y) / y) for x, y in primaries]).T
    white = np.array([D65[0] / D65[1], 1, (1 - D65[0] - D65[1]) / D65[1]])
    return np.asarray(columns * np.linalg.solve(columns, white))
