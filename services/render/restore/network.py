"""Runs a face restorer in ONNX: an aligned face in, the same face with more detail out.

The form is that of open restorers: the first input and the first output are float32 RGB from -1 to 1, (1, 3, S, S). A
further input must be one number, a weight between detail and likeness.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from services.common.errors import HuashengError

Floats = npt.NDArray[np.float32]

LEAST_SIDE, MOST_SIDE, USUAL_SIDE = 256, 1024, 512
"""Sides that a network may take, and that of one which leaves it open."""
WEIGHT = 0.5
"""Value of a further input, the middle of its usual range from 0 to 1."""
NUMBERS = {"tensor(float)": np.float32, "tensor(double)": np.float64}


class Network:
    """A loaded restorer. Thread-safe: ``onnxruntime`` sessions are."""

    side: int
    """Pixels along the sides of the pictures that it takes."""
    trial_s: float
    """Seconds that it took for one face when it was loaded."""

    def __init__(self, model: Path, name: str, threads: int) -> None:
        """Load and try it once. Raises ``restorer-unavailable``, which says what is wrong with the file.

        Files that the model names for its weights are read from its own folder only: ``onnxruntime`` refuses others.
        """
        import onnxruntime  # here, not above: the server imports this module and must stay free of onnxruntime

        if not model.is_file():
            raise HuashengError("restorer-unavailable", cause="restorer-missing", file=model.name)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._name = name
        try:
            self._session: Any = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        except Exception as e:  # onnxruntime's own exception types are not public
            raise HuashengError("restorer-unavailable", cause="does-not-load", text=_first_line(e, model)) from e
        first, *others = self._session.get_inputs()
        self._input, self.side = first.name, _side(first)
        self._others = {other.name: _weight(other) for other in others}
        self._output = self._session.get_outputs()[0].name
        self._try(model)

    def _try(self, model: Path) -> None:
        """One run of all colours: what only running shows is found before the first video."""
        ramp = np.linspace(-1, 1, self.side, dtype=np.float32)
        across, down = np.meshgrid(ramp, ramp)
        started = time.perf_counter()
        try:
            found = self._run(np.stack([across, down, across * down]))
        except Exception as e:
            raise HuashengError("restorer-unavailable", cause="does-not-load", text=_first_line(e, model)) from e
        self.trial_s = time.perf_counter() - started
        wanted = (1, 3, self.side, self.side)
        if found.shape != wanted or found.dtype != np.float32:
            raise _unfit("output", f"{found.dtype} {found.shape}", f"float32 {wanted}")
        if not np.isfinite(found).all():
            raise HuashengError("restorer-unavailable", cause="restorer-not-finite")

    def restored(self, face: Floats) -> Floats:
        """The face (3, side, side), RGB, both from -1 to 1. Raises ``engine-failed``, also for what is no number."""
        try:
            found: Floats = self._run(face)[0]
        except Exception as e:
            raise HuashengError("engine-failed", engine=self._name, why=type(e).__name__) from e
        if not np.isfinite(found).all():
            raise HuashengError("engine-failed", engine=self._name, cause="restorer-not-finite")
        return np.clip(found, -1, 1)

    def _run(self, face: Floats) -> npt.NDArray[Any]:
        (found,) = self._session.run([self._output], {self._input: face[None], **self._others})
        return np.asarray(found)


def _side(found: Any) -> int:
    """The side of the pictures that an input takes. Raises ``restorer-unavailable``."""
    shape = list(found.shape)
    is_picture = found.type == "tensor(float)" and len(shape) == 4 and _is(shape[0], 1) and _is(shape[1], 3)
    sides = {d for d in shape[2:] if isinstance(d, int)} or {USUAL_SIDE} if is_picture else set[int]()
    if len(sides) != 1 or not LEAST_SIDE <= max(sides) <= MOST_SIDE:
        needed = f"tensor(float) (1, 3, S, S), S from {LEAST_SIDE} to {MOST_SIDE}"
        raise _unfit("input", f"{found.type} {tuple(shape)}", needed)
    return max(sides)


def _is(dimension: Any, wanted: int) -> bool:
    return dimension == wanted or not isinstance(dimension, int)


def _weight(found: Any) -> npt.NDArray[Any]:
    """What a further input gets. Raises ``restorer-unavailable`` for one that is not a single number."""
    if found.type not in NUMBERS or any(d != 1 for d in found.shape):
        raise _unfit(f"input {found.name}", f"{found.type} {tuple(found.shape)}", "tensor(float) with one number")
    return np.full(found.shape, WEIGHT, NUMBERS[found.type])


def _unfit(what: str, found: str, needed: str) -> HuashengError:
    return HuashengError("restorer-unavailable", cause="restorer-unfit", part=what, found=found, needed=needed)


def _first_line(error: Exception, model: Path) -> str:
    """What went wrong, without the folders of this machine."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text.replace(f"{model.parent.resolve()}/", "").replace(f"{model.parent}/", "")[:300]
