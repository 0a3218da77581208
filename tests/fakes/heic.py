"""HEIC pictures as phones save them: one HEVC picture, or a grid of tiles that are turned for display."""

from __future__ import annotations

import struct
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + kind + body


def _full(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *parts)


def _encoded(picture: Picture) -> tuple[bytes, bytes]:
    """The decoder's configuration (hvcC) and the coded picture with length prefixes."""
    context = av.CodecContext.create("libx265", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.height, context.width = picture.shape[:2]
    context.pix_fmt, context.time_base = "yuv420p", Fraction(1, 25)
    context.options = {"x265-params": "log-level=none:keyint=1:info=0:repeat-headers=1", "crf": "12"}
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
    stream = b"".join(bytes(p) for p in (*context.encode(frame), *context.encode(None)))
    units = [u.rstrip(b"\0") if i else u for i, u in enumerate(stream.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1"))]
    units = [u for u in units if u]
    sets: dict[int, list[bytes]] = {32: [], 33: [], 34: []}
    coded = b""
    for unit in units:
        kind = unit[0] >> 1 & 0x3F
        if kind in sets:
            sets[kind].append(unit)
        elif kind < 32:
            coded += struct.pack(">I", len(unit)) + unit
    profile = sets[33][0].replace(b"\0\0\3", b"\0\0")[3:15]
    arrays = b"".join(
        struct.pack(">BH", 0x80 | kind, len(found)) + b"".join(struct.pack(">H", len(u)) + u for u in found)
        for kind, found in sets.items()
    )
    tail = struct.pack(">HBBBBHBB", 0xF000, 0xFC, 0xFC | 1, 0xF8, 0xF8, 0, 0x0F, len(sets))
    return _box(b"hvcC", b"\1", profile, tail, arrays), coded


def heic(picture: Picture, tile: int = 0, quarter_turns: int = 0) -> bytes:
    """An RGB picture; ``tile`` is the side of its tiles (0: one piece), ``quarter_turns`` how it is turned to the left.

    The picture that is shown is the one given: it is stored turned the other way.
    """
    stored = np.ascontiguousarray(np.rot90(picture, -quarter_turns))
    height, width = stored.shape[:2]
    side = (tile or height, tile or width)
    rows, columns = -(-height // side[0]), -(-width // side[1])
    padded = np.pad(stored, ((0, rows * side[0] - height), (0, columns * side[1] - width), (0, 0)), mode="edge")
    tiles = [
        _encoded(np.ascontiguousarray(padded[r * side[0] : (r + 1) * side[0], c * side[1] : (c + 1) * side[1]]))
        for r in range(rows)
        for c in range(columns)
    ]
    is_grid = len(tiles) > 1
    items = list(range(1, len(tiles) + 1))
    grid = len(tiles) + 1
    primary = grid if is_grid else 1
    grid_data = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)
    infos = [_full(b"infe", struct.pack(">HH", i, 0), b"hvc1", b"\0", version=2) for i in items]
    if is_grid:
        infos.append(_full(b"infe", struct.pack(">HH", grid, 0), b"grid", b"\0", version=2))
    properties = [
        tiles[0][0],
        _full(b"ispe", struct.pack(">II", side[1], side[0])),
        _full(b"ispe", struct.pack(">II", width, height)),
        _box(b"irot", bytes([quarter_turns])),
    ]
    shown = [3, 4] if is_grid else [0x81, 2, 4]
    used = [(i, [0x81, 2]) for i in items] if is_grid else []
    used.append((primary, shown))
    uses = b"".join(struct.pack(">HB", i, len(p)) + bytes(p) for i, p in used)
    ipma = _full(b"ipma", struct.pack(">I", len(used)), uses)
    iprp = _box(b"iprp", _box(b"ipco", *properties), ipma)
    head = _box(b"ftyp", b"heic", struct.pack(">I", 0), b"mif1heic")
    data = [coded for _, coded in tiles] + ([grid_data] if is_grid else [])
    dimg = _box(b"dimg", struct.pack(f">HH{len(items)}H", grid, len(items), *items)) if is_grid else b""

    def meta(start: int) -> bytes:
        places, at = b"", start
        for number, part in enumerate(data, 1):
            places += struct.pack(">HHHII", number, 0, 1, at, len(part))
            at += len(part)
        return _full(
            b"meta",
            _full(b"hdlr", struct.pack(">I", 0), b"pict", bytes(13)),
            _full(b"pitm", struct.pack(">H", primary)),
            _full(b"iloc", struct.pack(">BBH", 0x44, 0, len(data)), places),
            _full(b"iinf", struct.pack(">H", len(infos)), *infos),
            _full(b"iref", dimg) if is_grid else b"",
            iprp,
        )

    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + _box(b"mdat", *data)
