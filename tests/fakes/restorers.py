"""Tiny face restorers in ONNX, written field by field: the package ``onnx`` is not needed to run one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

FLOAT, INT64, FLOAT16, DOUBLE = 1, 7, 10, 11
"""Types of tensors, ``TensorProto.DataType``."""
SIDE = 256
Shape = Sequence[int | str]


def field(number: int, value: int | str | bytes) -> bytes:
    """One field of a protobuf message: a number, or a text or message with its length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def port(name: str, shape: Shape, kind: int = FLOAT) -> bytes:
    """An input or output, ``ValueInfoProto``; a dimension that is a name is left open."""
    dimensions = b"".join(field(1, field(1, d) if isinstance(d, int) else field(2, d)) for d in shape)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, dimensions)))


def node(op: str, inputs: Sequence[str], output: str, **integers: int | Sequence[int]) -> bytes:
    """``NodeProto``; attributes are integers or lists of them."""
    out = b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, op)
    for name, value in integers.items():
        is_one = isinstance(value, int)
        values = field(3, value) if is_one else b"".join(field(8, v) for v in value)  # type: ignore[arg-type,union-attr]
        out += field(5, field(1, name) + values + field(20, 2 if is_one else 7))
    return out


def constant(name: str, values: np.ndarray) -> bytes:
    """``TensorProto`` of floats."""
    dims = b"".join(field(1, d) for d in values.shape)
    return dims + field(2, FLOAT) + field(8, name) + field(9, values.astype("<f4").tobytes())


def elsewhere(name: str, size: int, location: str) -> bytes:
    """``TensorProto`` whose floats are in another file."""
    entries = {"location": location, "offset": "0", "length": str(4 * size)}
    where = b"".join(field(13, field(1, k) + field(2, v)) for k, v in entries.items())
    return field(1, size) + field(2, FLOAT) + field(8, name) + where + field(14, 1)


def model(
    path: Path,
    nodes: Sequence[bytes],
    *,
    takes: Shape = (1, 3, SIDE, SIDE),
    gives: Shape | None = None,
    kind: int = FLOAT,
    constants: Sequence[bytes] = (),
    others: Sequence[bytes] = (),
) -> Path:
    """Write ``ModelProto``: the nodes make ``y`` of ``x`` and of ``others``."""
    graph = b"".join(field(1, n) for n in nodes) + field(2, "restorer") + b"".join(field(5, c) for c in constants)
    graph += b"".join(field(11, i) for i in (port("x", takes, kind), *others))
    graph += field(12, port("y", takes if gives is None else gives, kind))
    path.write_bytes(field(1, 8) + field(8, field(1, "") + field(2, 17)) + field(7, graph))
    return path


def identity(path: Path, side: int | str = SIDE) -> Path:
    """Changes nothing."""
    return model(path, [node("Identity", ["x"], "y")], takes=("n", 3, side, side))


def inverting(path: Path) -> Path:
    """Turns every colour into its opposite."""
    return model(path, [node("Neg", ["x"], "y")])


def sharpening(path: Path, side: int = 512, strength: float = 1.5) -> Path:
    """Adds what a blur of five pixels takes away, so many times."""
    kernel = np.full((3, 1, 5, 5), -strength / 25)
    kernel[:, :, 2, 2] += 1 + strength
    conv = node("Conv", ["x", "k"], "y", group=3, pads=(2, 2, 2, 2))
    return model(path, [conv], takes=(1, 3, side, side), constants=[constant("k", kernel)])


def tinted(path: Path) -> Path:
    """Makes the picture paler and bluer, as a network that was trained on other pictures might."""
    shift, scale = np.array([-0.1, 0, 0.2]).reshape(1, 3, 1, 1), np.full((1, 1, 1, 1), 0.7)
    nodes = [node("Mul", ["x", "a"], "z"), node("Add", ["z", "b"], "y")]
    return model(path, nodes, constants=[constant("a", scale), constant("b", shift)])


def without_numbers(path: Path) -> Path:
    """Gives out nothing but NaN."""
    return model(path, [node("Sub", ["x", "x"], "z"), node("Div", ["z", "z"], "y")])


def failing_on_faces(path: Path) -> Path:
    """NaN as soon as a picture is not of middle grey in the mean: a trial does not show it."""
    nodes = [
        node("ReduceMean", ["x"], "m", keepdims=1),
        node("Abs", ["m"], "a"),
        node("Sub", ["most", "a"], "d"),
        node("Sqrt", ["d"], "r"),
        node("Add", ["x", "r"], "y"),
    ]
    return model(path, nodes, constants=[constant("most", np.full((1, 1, 1, 1), 0.001))])


def weighted(path: Path, kind: int = DOUBLE, shape: Shape = (1,)) -> Path:
    """``x`` times twice its weight, as CodeFormer has one: unchanged at 0.5."""
    nodes = [
        node("Cast", ["w"], "v", to=FLOAT),
        node("Add", ["v", "v"], "two"),
        node("Mul", ["x", "two"], "y"),
    ]
    return model(path, nodes, others=[port("w", shape, kind)])
