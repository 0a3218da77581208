"""Signs of mathematics, raised and lowered numbers, fractions and numbers in circles, in words."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from services.tts.text import units

Say = Any
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿⁱˣ", "0123456789+-nix", strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋ₙₓᵢ", "0123456789+-nxi", strict=True))
_KEPT = {*_RAISED, *_LOWERED, "〇"}
_SUPER = re.compile(f"[{''.join(_RAISED)}]+")
_SUB = re.compile(f"[{''.join(_LOWERED)}]+")
_POWER = re.compile(
    r"(?<=[\w)\]°])\s?(?:\^|\*\*)\s?(?:\{\s*([^{}]{1,24}?)\s*\}|\(\s*([^()]{1,24})\s*\)|([-+−]?\d+(?:\.\d+)?|[A-Za-z](?![A-Za-z])))"
)
_COMPARED = [
    (re.compile(p), c) for p, c in ((r"!==?|/=(?=\s)|<>|≠", "≠"), ("<=|≦|⩽", "≤"), (">=|≧|⩾", "≥"), ("===?", "="))
]
_ARROWS = [(re.compile(p), c) for p, c in (("<-+>|<=+>|↔|⇔|⟷", " ↔ "), ("-+>|=+>|⇒|⟶|➜|➡️?|➔", " → "))]
_ELEMENT = r"(?:He|Li|Na|Mg|Al|Si|Cl|Ca|Fe|Cu|Zn|Ag|Mn|Ti|[HCNOSPKF])"
_FORMULA = re.compile(
    rf"(?<![A-Za-z\d])(?=[A-Za-z]*\d)(?:{_ELEMENT}\d?){{2,7}}(?![A-Za-z\d.])|(?<![A-Za-z\d])(?:H|O|N|Cl)[23](?![A-Za-z\d.])"
)
_BASIS = r"[\dA-Za-z)\u4e00-\u9fff²³]"


_SCIENTIFIC = re.compile(
    rf"(?:(?<=\d)\s?[×xX*·]\s?)?(?<![\d.])10(?:\^\{{?([-−+]?\d+)\}}?|([⁺⁻⁰¹²³⁴-⁹]+))(?:\s?(/?)({units.PATTERN})(?![A-Za-z²³]))?"
)


def _scientific(m: re.Match[str], say: Say) -> str:
    """3×10⁸m/s: times, and the unit, which stands behind no digit."""
    times = f" {say.SYMBOLS['×']} " if m.group()[0] in "×xX*· " else ""
    said = say.power(m[1] or "".join(_RAISED[c] for c in m[2]))
    unit = m[4] if m[4] and units.find(m[4]) else ""
    rest = "" if unit else (m[3] or "") + (m[4] or "")
    per = say.PER if m[3] else ""
    return f"{times}10 {said} {per}{say.unit_name(unit) if unit else rest} "


def signs(text: str, say: Say) -> str:
    """The text with these signs in words, or in signs that ``say.SYMBOLS`` has."""
    for pattern, sign in (*_COMPARED, *_ARROWS):
        text = pattern.sub(sign, text)
    text = re.sub(r"(?<![A-Za-z\d])([CFJQ])#", lambda m: f" {m[1]} sharp ", text)
    text = re.sub(r"(?<![A-Za-z\d])([A-Za-z]{1,8})\+\+", lambda m: f" {m[1]} {say.PLUS_PLUS} ", text)
    text = re.sub(r"(?<![\w.])\.NET\b", f" {say.DOT} NET ", text)
    text = _FORMULA.sub(lambda m: " " + " ".join(re.findall(rf"{_ELEMENT}|\d", _lower(m.group()))) + " ", _lower(text))
    text = re.sub(r"(?<=[⁰¹²³⁴-⁹])\s?[-−]\s?(?=[\dA-Za-z(])|(?<=\^[\dA-Za-z])[-−](?=[\dA-Za-z(])", " − ", text)
    text = _SCIENTIFIC.sub(lambda m: _scientific(m, say), text)
    text = _SUPER.sub(lambda m: _raise(m, say), text)
    text = _POWER.sub(lambda m: f" {say.power(m[1] or m[2] or m[3])} ", text)
    text = _numbers(text, say)
    text = re.sub(rf"(?<={_BASIS})\s?[-−]\s?(?=\d[\d.]*\s*=)", f" {say.SYMBOLS['−']} ", text)
    text = re.sub(rf"(?<={_BASIS})(?:\s/\s(?=[\dA-Za-z])|/(?=\d[\d.]*\s*=))", f" {say.SYMBOLS['÷']} ", text)
    text = re.sub(r"(?<=[\dA-Za-z)])\s\*\s(?=[\dA-Za-z(])|(?<=\d)\*(?=\d)", " × ", text)
    return re.sub(r"(?<=\d)\s?[xX×]\s?(?=\d)", f" {say.BY} ", text) if not re.search(r"[×xX].*=", text) else text


def _lower(text: str) -> str:
    """Lowered numbers as numbers of their own: H₂O, x₁."""
    return _SUB.sub(lambda m: "".join(_LOWERED[c] for c in m.group()) + _gap(m), text)


def _gap(m: re.Match[str]) -> str:
    return "" if m.string[m.end() : m.end() + 1].isascii() and m.string[m.end() : m.end() + 1].isalpha() else " "


def _raise(m: re.Match[str], say: Say) -> str:
    plain = "".join(_RAISED[c] for c in m.group())
    if re.search(r"(?:\d\s?|[/·每])(?:[kcdm]?m|s)$", m.string[: m.start()]):
        return m.group()  # a unit
    before = m.string[: m.start()][-1:]
    if not before or not (before.isalnum() or before in ")]°）"):
        return f" {plain} "  # a note's number
    return f" {say.power(plain)} "


def _numbers(text: str, say: Say) -> str:
    """½ 3½ ① Ⅳ ⒈ ㈠ in words."""
    out: list[str] = []
    for i, c in enumerate(text):
        kind = unicodedata.category(c)
        value = unicodedata.numeric(c, None) if kind in ("No", "Nl") and c not in _KEPT else None
        if value is None:
            out.append(c)
        elif value != int(value):
            top, _, bottom = unicodedata.normalize("NFKC", c).partition("\u2044")
            whole = re.search(r"\d+\s?$", "".join(out))
            if whole:
                out = ["".join(out)[: whole.start()]]
            said = say.mixed(whole.group().strip() if whole else "", int(top or 1), int(bottom or 1))
            out.append(f" {said} ")
        elif kind == "Nl":
            out.append(str(int(value)))
        else:
            is_first = not "".join(out).strip() or text[:i].rstrip()[-1:] in tuple("，。；：、,.;:（(")
            out.append(f"{'' if is_first else say.PAUSE}{int(value)}{say.PAUSE}")
    return "".join(out)
