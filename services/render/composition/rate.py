"""Brings drawn pictures to another rate: each is shown at the moments nearest to its own, none of them moves."""

from __future__ import annotations

import math
from fractions import Fraction


class Rate:
    """From ``drawn`` to ``shown`` pictures a second. Counts are those of the whole video, so parts of it fit."""

    def __init__(self, drawn: float, shown: float) -> None:
        self.fps = shown or drawn
        self._ratio = Fraction(self.fps).limit_denominator(1001) / Fraction(drawn).limit_denominator(1001)

    def numbers(self, drawn: int) -> range:
        """Numbers of the shown pictures whose middle lies within drawn picture number ``drawn``."""
        return range(self._first(drawn), self._first(drawn + 1))

    def _first(self, drawn: int) -> int:
        return math.ceil(drawn * self._ratio - Fraction(1, 2))
