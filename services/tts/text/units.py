"""Units of measure, alone and joined: mmHg, μg/m³, N·m, m/s²."""

from __future__ import annotations

import re
from pathlib import Path


def _read() -> dict[str, tuple[str, str]]:
    """By symbol: Chinese and English name."""
    lines = Path(__file__).with_name("units.txt").read_text(encoding="utf-8").splitlines()
    parts = (line.split() for line in lines if not line.startswith("#"))
    return {symbol: (zh.replace("_", " "), en.replace("-", " ")) for symbol, zh, en in parts}


_UNITS = _read()
_ONLY_JOINED = {"t", "d", "a", "K", "M", "N", "mo", "yr", "wk", "day", "hour", "person", "U", "s²", "nit", "mi"}
"""Too short or too common a word to be a unit on its own."""
_LOWER: dict[str, str] = {}
for _symbol in _UNITS:
    if len(_symbol) > 1:
        _LOWER.setdefault(_symbol.lower(), _symbol)
_PLURALS = {"foot": "feet", "hertz": "hertz", "lux": "lux"}
_FIXED = {"kilohertz", "megahertz", "gigahertz", "terahertz"}
_names = sorted(_UNITS, key=len, reverse=True)
_SINGLE = "|".join(re.escape(n) for n in _names)
PATTERN = rf"(?:{_SINGLE})(?:[/·⋅](?:{_SINGLE}))*"
"""Any unit, alone or joined; whether it is one where it stands is for ``find``."""


def spelled(text: str) -> str:
    """Units with one spelling: ㎡ and m2 are m², µ is μ, ℃ is °C."""
    for written, plain in (
        ("℃", "°C"),
        ("℉", "°F"),
        ("µ", "μ"),
        ("㎡", "m²"),
        ("㎥", "m³"),
        ("㎝", "cm"),
        ("㎏", "kg"),
    ):
        text = text.replace(written, plain)
    for written, plain in (
        ("㎜", "mm"),
        ("㎞", "km"),
        ("㎎", "mg"),
        ("㎖", "mL"),
        ("㏄", "mL"),
        ("Ω", "Ω"),
        ("㎢", "km²"),
    ):
        text = text.replace(written, plain)
    text = re.sub(r"(?<=\d)\s(?=°)", "", text)
    return re.sub(r"(?<=[\d\s/])((?:[kcdm]?m|s))\^?([23])(?![\w.])", lambda m: m[1] + "²³"[int(m[2]) - 2], text)


def find(symbol: str) -> list[tuple[str, str]]:
    """The parts of a unit, Chinese and English; empty for none."""
    parts = re.split(r"[/·⋅]", symbol)
    out = []
    for part in parts:
        known = part if part in _UNITS else _LOWER.get(part.lower(), "")
        if not known or (len(parts) == 1 and known in _ONLY_JOINED):
            return []
        out.append(_UNITS[known])
    return out


def chinese(symbol: str) -> str:
    """μg/m³ → 微克每立方米."""
    joined = re.findall(r"[/·⋅]", symbol)
    names = [zh for zh, _ in find(symbol)]
    return names[0] + "".join(("每" if j == "/" else "") + n for j, n in zip(joined, names[1:], strict=True))


def english(symbol: str, is_one: bool) -> str:
    """m/s² → meters per second squared; N·m → newton meters."""
    joined = re.findall(r"[/·⋅]", symbol)
    names = [en for _, en in find(symbol)]
    head, tail = names[0], ""
    for j, n in zip(joined, names[1:], strict=True):
        if j == "/":
            tail += f" per {n}"
        else:
            head += f" {n}"
    return (head if is_one else _many(head)) + tail


def _many(name: str) -> str:
    for word in (" per ", " of ", " squared"):
        head, sep, rest = name.partition(word)
        if sep:
            return _many(head) + sep + rest
    if name.startswith("degree"):
        return name.replace("degree", "degrees", 1)
    first, _, last = name.rpartition(" ")
    last = last if last in _FIXED else _PLURALS.get(last, last + "s")
    return f"{first} {last}".strip()
