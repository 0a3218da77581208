"""What the programs of the checkout print, read: how far they are, and what they found."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_BAR = re.compile(r"(\d{1,3})%.*?(\d+)/(\d+)\s*\[")
_EPOCH = re.compile(r"^==> Start Training Epoch (\d+)")
_EVALUATE = re.compile(r"^\+\+> Evaluate at epoch (\d+)")
_LOSS = re.compile(r"loss=([-+.\deE]+|nan|inf)\s*\(([-+.\deE]+|nan|inf)\)")
_FIGURE = re.compile(r"^(PSNR|LPIPS|LMD)(?: \([^)]*\))? = ([-+.\deE]+|nan|inf)$")
FIGURES = {"PSNR": "psnr_db", "LPIPS": "lpips", "LMD": "lmd_px"}
"""Their names of figures, and ours: dB, a distance of features (0 is the same), pixels between mouth landmarks."""
RANDOM = "No checkpoint found, model randomly initialized"
"""Printed where it goes on without a model, as if that were of use."""
UNFIT = "[WARN] missing keys"


def bar(line: str) -> tuple[int, int] | None:
    """Done and whole of a progress bar (tqdm), None for other lines."""
    found = _BAR.search(line)
    return (int(found[2]), int(found[3])) if found and int(found[3]) > 0 else None


@dataclass
class Fit:
    """How far ``main.py`` is with training; fed with its lines."""

    epoch: int = 0
    """The one at work, counted from 1; 0 before the first."""
    part: float = 0.0
    """Of that epoch, 0 to 1."""
    loss: float = 0.0
    """Newest; not a number when the training has gone wrong."""
    held_loss: float = 0.0
    """Mean over the held-out part, as last judged."""
    figures: dict[str, float] = field(default_factory=dict)
    """Newest held-out figures."""
    evaluated: int = 0
    """Epoch of these."""
    is_random: bool = False
    _evaluating: bool = False

    def read(self, line: str) -> bool:
        """Take a line; whether it told something new."""
        line = line.strip()
        if found := _EPOCH.match(line):
            self.epoch, self.part, self._evaluating = int(found[1]), 0.0, False
        elif found := _EVALUATE.match(line):
            self._evaluating, self.evaluated = True, int(found[1])
        elif found := _FIGURE.match(line):
            self.figures[FIGURES[found[1]]] = float(found[2])
        elif RANDOM in line:
            self.is_random = True
        elif self.epoch and (loss := _LOSS.match(line)) and (counted := bar(line)):
            if self._evaluating:
                self.held_loss = float(loss[2])
            else:
                self.part, self.loss = counted[0] / counted[1], float(loss[1])
        else:
            return False
        return True
