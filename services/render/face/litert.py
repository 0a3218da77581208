"""Runs a TensorFlow Lite model on one CPU thread."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt


class LiteRtModel:
    """One input, named outputs. Not thread-safe."""

    def __init__(self, path: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter  # slow to import, and not needed to draw

        self._interpreter = Interpreter(model_path=str(path), num_threads=1)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = {d["name"]: d["index"] for d in self._interpreter.get_output_details()}

    def run(self, x: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[np.float32]]:
        """Outputs by tensor name."""
        self._interpreter.set_tensor(self._input, x)
        self._interpreter.invoke()
        return {name: self._interpreter.get_tensor(index) for name, index in self._outputs.items()}
