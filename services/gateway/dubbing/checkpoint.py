"""Reads the variables of a TensorFlow checkpoint (an index of tensors beside one file of their bytes) with numpy.

The index is a sorted string table in blocks, as of LevelDB; its values are messages (``BundleEntryProto``).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

Variables = dict[str, npt.NDArray[np.float32]]
_FOOTER = 48
_FLOAT = 1
_SHAPE, _OFFSET, _DIM, _SIZE = 2, 4, 2, 1
"""Numbers of fields."""


def variables(index: Path, data: Path) -> Variables:
    """All variables of 32-bit floats by name, mapped from the file. Raises ``ValueError`` for another form."""
    table = index.read_bytes()
    footer, at = table[-_FOOTER:], 0
    for _ in range(2):  # where the meta index is, which says nothing here
        _, at = _varint(footer, at)
    start, at = _varint(footer, at)
    size, _ = _varint(footer, at)
    found: Variables = {}
    for _, handle in _entries(table, start, size):
        start, at = _varint(handle, 0)
        size, _ = _varint(handle, at)
        for key, value in _entries(table, start, size):
            entry = _fields(value)
            if key and entry.get(1, [0])[0] == _FLOAT and (shape := _shape(entry)):
                offset = entry.get(_OFFSET, [0])[0]
                assert isinstance(offset, int)
                found[key.decode()] = np.memmap(data, np.dtype("<f4"), "r", offset, shape)
    return found


def _shape(entry: dict[int, list[int | bytes]]) -> tuple[int, ...]:
    out = []
    for shape in entry.get(_SHAPE, []):
        assert isinstance(shape, bytes)
        for dim in _fields(shape).get(_DIM, []):
            assert isinstance(dim, bytes)
            size = _fields(dim).get(_SIZE, [0])[0]
            assert isinstance(size, int)
            out.append(size)
    return tuple(out)


def _entries(table: bytes, start: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    if table[start + size] != 0:
        raise ValueError("a compressed index")
    block = table[start : start + size]
    restarts = struct.unpack("<I", block[-4:])[0]
    end, at, key = size - 4 - 4 * restarts, 0, b""
    while at < end:
        shared, at = _varint(block, at)
        rest, at = _varint(block, at)
        length, at = _varint(block, at)
        key = key[:shared] + block[at : at + rest]
        at += rest
        yield key, block[at : at + length]
        at += length


def _fields(message: bytes) -> dict[int, list[int | bytes]]:
    at, out = 0, dict[int, list[int | bytes]]()
    while at < len(message):
        tag, at = _varint(message, at)
        value: int | bytes
        match tag & 7:
            case 0:
                value, at = _varint(message, at)
            case 2:
                length, at = _varint(message, at)
                value, at = message[at : at + length], at + length
            case 5:
                value, at = message[at : at + 4], at + 4
            case 1:
                value, at = message[at : at + 8], at + 8
            case _:
                raise ValueError("not a message")
        out.setdefault(tag >> 3, []).append(value)
    return out


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
