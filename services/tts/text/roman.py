"""Roman numerals."""

from __future__ import annotations

import re

_VALID = re.compile(r"(?=.)C{0,3}(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})$")
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}


def value(numeral: str) -> int:
    """The number, 1 to 399; 0 for what is no roman numeral."""
    if not _VALID.match(numeral):
        return 0
    total = 0
    for c, after in zip(numeral, numeral[1:] + " ", strict=True):
        total += -_VALUES[c] if _VALUES.get(after, 0) > _VALUES[c] else _VALUES[c]
    return total
