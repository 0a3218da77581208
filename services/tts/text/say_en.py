"""How English says numbers, dates, times, money and units."""

from __future__ import annotations

from num2words import num2words

from services.tts.text import units
from services.tts.text.script import GREEK as GREEK

PAUSE = ", "
LANGUAGE = "en"

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_SCALES = {
    "k": "thousand",
    "m": "million",
    "mn": "million",
    "万": "ten thousand",
    "亿": "hundred million",
    "bn": "billion",
    "b": "billion",
    "t": "trillion",
}
SYMBOLS = {
    **{
        "+": "plus",
        "=": "equals",
        "×": "times",
        "÷": "divided by",
        "−": "minus",
        "&": "and",
        "@": "at",
        "%": "percent",
    },
    **{"<": "less than", ">": "greater than", "≤": "at most", "≥": "at least", "≈": "about", "≠": "is not equal to"},
    **{
        "±": "plus or minus",
        "≡": "is identical to",
        "#": "number",
        "→": "to",
        "↔": "to and from",
        "←": "left",
        "↑": "up",
    },
    **{"↓": "down", "°": "degrees", "‰": "per mille", "∞": "infinity", "√": "the square root of", "∑": "the sum of"},
    **{"∏": "the product of", "∫": "the integral of", "∂": "partial", "∇": "nabla", "∈": "in", "∉": "not in"},
    **{"⊂": "subset of", "⊆": "subset of", "∪": "union", "∩": "intersection", "∅": "the empty set", "∀": "for all"},
    **{"∃": "there is", "∴": "therefore", "∵": "because", "∠": "angle", "⊥": "perpendicular to", "∥": "parallel to"},
    **{"△": "triangle", "§": "section", "№": "number", "$": "dollars", "€": "euros", "£": "pounds", "¥": "yuan"},
    **{
        "￥": "yuan",
        "¢": "cents",
        "∝": "proportional to",
        "¬": "not",
        "∧": "and",
        "∨": "or",
        "⊕": "exclusive or",
        "∽": "similar to",
        "≅": "congruent to",
    },
}
"""Signs that are said wherever they stand."""
BY, PLUS_PLUS, CENT, PER = "by", "plus plus", "cent", "per "
BOUNDS = {"sum": "sum", "int": "integral", "prod": "product"}
DOT, SLASH, AT, DASH, UNDERSCORE, TO, MINUS = "dot", "slash", "at", "dash", "underscore", "to", "minus"


def digits(s: str) -> str:
    """One digit after the other: 404 → four zero four."""
    return " ".join(_DIGITS[int(c)] for c in s if c.isdecimal())


def telephone(s: str) -> str:
    """Digits in the groups they are written in, with a small pause between groups."""
    groups = [g for g in "".join(c if c.isdecimal() else " " for c in s).split() if g]
    return ", ".join(digits(g) for g in groups)


def number(s: str) -> str:
    """A cardinal, perhaps with commas, sign and decimals: 2.50 → two point five zero."""
    s = s.replace(",", "")
    sign = "minus " if s[:1] in "-−" else ""
    whole, _, part = s.lstrip("+-−").partition(".")
    said = digits(whole) if len(whole) > 15 else num2words(int(whole or "0")).replace("-", " ").replace(",", "")
    return sign + said + (f" point {digits(part)}" if part else "")


def ordinal(n: int) -> str:
    """3 → third."""
    return str(num2words(n, to="ordinal")).replace("-", " ")


def year(n: int) -> str:
    """1998 → nineteen ninety eight; 2005 → two thousand and five."""
    return str(num2words(n, to="year")).replace("-", " ")


def decade(n: int) -> str:
    """1990 → nineteen nineties."""
    said = year(n)
    return said[:-1] + "ies" if said.endswith("y") else said + "s"


def date(y: int | None, m: int, d: int | None) -> str:
    """(2024, 5, 1) → May first, twenty twenty four. Day or year may be missing."""
    said = MONTHS[m - 1] + (f" {ordinal(d)}" if d else "")
    return said + (f", {year(y)}" if y and d else f" {year(y)}" if y else "")


def clock(h: int, m: int, s: int | None, half: str) -> str:
    """(3, 30) → three thirty; ``half`` is "", "am" or "pm"."""
    if s is not None:
        return f"{number(str(h))} {_low(m)} and {number(str(s))} seconds" + _half(half)
    if m:
        said = f"{number(str(h))} {_low(m)}"
    else:
        said = number(str(h)) + ("" if half or h > 12 or h == 0 else " o'clock") + (" hundred" if h > 12 else "")
    return said + _half(half)


def _low(n: int) -> str:
    return f"oh {number(str(n))}" if 0 < n < 10 else "o'clock" if n == 0 else number(str(n))


def _half(half: str) -> str:
    return {"am": " A M", "pm": " P M"}.get(half, "")


def unit(amount: str, name: str) -> str:
    """("5", "km") → five kilometers."""
    return f"{number(amount)} {units.english(name, amount in ('1', '-1'))}"


def amount(plain: str, scale: str | None) -> str:
    """A number with its scale: ("3.5", "m") → three point five million."""
    scale = (scale or "").strip()
    return f"{number(plain)} {_SCALES.get(scale.lower(), scale)}".strip()


def unit_name(name: str) -> str:
    """m² → square meter."""
    return units.english(name, is_one=False)


def percent(amount: str) -> str:
    """20 → twenty percent."""
    return f"{number(amount)} percent"


def fraction(a: int, b: int) -> str:
    """(3, 4) → three quarters."""
    if b == 2:
        return "one half" if a == 1 else f"{number(str(a))} halves"
    part = "quarter" if b == 4 else ordinal(b)
    return f"{number(str(a))} {part}{'' if a == 1 else 's'}"


def mixed(whole: str, a: int, b: int) -> str:
    """("3", 1, 2) → three and a half; ("", 1, 4) → a quarter."""
    said = fraction(a, b)
    if a == 1:
        said = ("an" if b in (8, 11, 18) else "a") + said.removeprefix("one")
    return f"{number(whole)} and {said}" if whole and int(whole) else said


def over(a: str, b: str) -> str:
    """A fraction of a formula."""
    return f"{a} over {b}"


def bounds(sign: str, a: str, b: str) -> str:
    """A sum, product or integral of a formula with its bounds."""
    return f"the {BOUNDS[sign]} from {a} to {b} of"


def root(x: str, n: str) -> str:
    """A root of a formula."""
    name = {"": "the square root of", "3": "the cube root of"}.get(n.strip())
    return f"{name or f'root {n} of'} {x}"


def power(n: str) -> str:
    """("2") → squared."""
    plain = n.strip().replace("−", "-")
    if plain in ("2", "3"):
        return "squared" if plain == "2" else "cubed"
    said = number(plain) if plain.lstrip("+-").replace(".", "").isdigit() else plain.replace("-", " minus ")
    return f"to the power of {said}"


def code(s: str) -> str:
    """A number that names something, digit by digit."""
    return digits(s)


def ratio(a: str, b: str) -> str:
    """3:2 → three to two."""
    return f"{number(a)} to {number(b)}"


def version(parts: list[str]) -> str:
    """3.11.2 → three point eleven point two."""
    return " point ".join(number(p) for p in parts)
