"""Reads model files safely and loads them strictly: no code is executed, and no tensor may be missing or left over.

Errors name the cause: the file is missing, a web page, truncated, of another network, or of other sizes.
"""

from __future__ import annotations

import fnmatch
import logging
import pickle
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from services.common.weights import WeightsError

log = logging.getLogger("huasheng.render.joygen")

Net = TypeVar("Net", bound=nn.Module)
Tensors = dict[str, Tensor]

_SCALAR = np.float64(0).__reduce__()[0]  # what numpy pickles its numbers with
_SCALARS: list[Any] = [
    # checkpoints of older trainers carry their best loss as a numpy number; numpy refuses objects there
    (_SCALAR, "numpy.core.multiarray.scalar"),
    (_SCALAR, "numpy._core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(t)) for t in (np.float64, np.float32, np.int64, np.int32, np.bool_)),
]


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What a ``.safetensors`` or torch file holds, on the CPU and mapped rather than copied where the format allows.

    Raises ``WeightsError`` naming the file. Only tensors and plain values are read; code in a file is refused.
    """
    if not path.is_file():
        raise WeightsError(f"weights file {path} is missing")
    with path.open("rb") as f:
        head = f.read(512)
    if head.lstrip()[:1] == b"<":
        raise WeightsError(f"weights file {path} is a web page: the download was refused; fetch it again")
    if head.startswith(b"version https://git-lfs"):
        raise WeightsError(f"weights file {path} is a Git LFS pointer; fetch the file itself")
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        with torch.serialization.safe_globals(_SCALARS):
            found = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError) as e:
        first = (str(e).splitlines() or [type(e).__name__])[0]
        raise WeightsError(
            f"weights file {path} ({path.stat().st_size / 1e6:.1f} MB) is broken off, damaged or holds code: {first}"
        ) from e
    if not isinstance(found, dict):
        raise WeightsError(f"weights file {path} holds a {type(found).__name__}, not named tensors")
    return found


def named_tensors(found: Mapping[str, Any], path: Path, prefix: str = "", unused: Iterable[str] = ()) -> Tensors:
    """The tensors whose names begin with ``prefix``, without it; names that match a pattern of ``unused`` are left out.

    Raises ``WeightsError`` if there is none.
    """
    tensors = {k[len(prefix) :]: v for k, v in found.items() if isinstance(v, Tensor) and k.startswith(prefix)}
    dropped = [k for k in tensors if any(fnmatch.fnmatchcase(k, pattern) for pattern in unused)]
    for name in dropped:
        del tensors[name]
    if not tensors:
        raise WeightsError(f"weights file {path} holds no tensors named {prefix}…: it belongs to another model")
    if dropped:
        log.debug("tensors not needed here", extra={"file": str(path), "count": len(dropped)})
    return tensors


def fold_weight_norm(tensors: Tensors) -> Tensors:
    """Weight-normalised layers (Salimans & Kingma 2016) as plain ones: direction and length become one ``weight``.

    Handles torch's old names (``weight_g``, ``weight_v``) and its new ones (``parametrizations.weight.original…``).
    """
    out = dict(tensors)
    new = "parametrizations.weight.original"
    for length, direction in (("weight_g", "weight_v"), (new + "0", new + "1")):
        for name in [n for n in out if n.endswith("." + length)]:
            stem = name[: -len(length)]
            if stem + direction not in out:
                continue
            length_, direction_ = out.pop(name), out.pop(stem + direction)
            dims = [d for d in range(direction_.dim()) if length_.shape[d] == 1]
            out[stem + "weight"] = direction_ * (length_ / torch.linalg.vector_norm(direction_, dim=dims, keepdim=True))
    return out


def build_network(make: Callable[[], Net], tensors: Tensors, path: Path) -> Net:
    """The network with these weights, in evaluation mode, without gradients. Memory is taken once, not twice.

    Raises ``WeightsError`` with a report of every kind of mismatch.
    """
    with torch.device("meta"):
        net = make()
    if problems := mismatches(net, tensors):
        raise WeightsError(f"weights file {path} does not fit {type(net).__name__}: " + "; ".join(problems))
    net.load_state_dict(tensors, strict=True, assign=True)
    return net.eval().requires_grad_(False)


def mismatches(net: nn.Module, tensors: Mapping[str, Tensor], limit: int = 3) -> list[str]:
    """What does not fit: missing and unexpected names and other shapes, the first few of each; empty if all fits."""
    shapes = {name: tuple(t.shape) for name, t in net.state_dict().items()}
    groups = {
        "missing": [n for n in shapes if n not in tensors],
        "unexpected": [n for n in tensors if n not in shapes],
        "of another shape": [
            f"{n} {tuple(tensors[n].shape)} instead of {shape}"
            for n, shape in shapes.items()
            if n in tensors and tuple(tensors[n].shape) != shape
        ],
    }
    return [
        f"{len(names)} {what} ({', '.join(names[:limit])}{', …' if len(names) > limit else ''})"
        for what, names in groups.items()
        if names
    ]
