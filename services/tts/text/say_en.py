"""How English says numbers, dates, times, money and units."""

from __future__ import annotations

from num2words import num2words

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
_UNITS = {
    "km": "kilometer",
    "cm": "centimeter",
    "mm": "millimeter",
    "m": "meter",
    "kg": "kilogram",
    "g": "gram",
    "mg": "milligram",
    "ml": "milliliter",
    "l": "liter",
    "km/h": "kilometer per hour",
    "m/s": "meter per second",
    "mph": "mile per hour",
    "ms": "millisecond",
    "s": "second",
    "min": "minute",
    "h": "hour",
    "hz": "hertz",
    "khz": "kilohertz",
    "mhz": "megahertz",
    "ghz": "gigahertz",
    "w": "watt",
    "kw": "kilowatt",
    "kwh": "kilowatt hour",
    "v": "volt",
    "kb": "kilobyte",
    "mb": "megabyte",
    "gb": "gigabyte",
    "tb": "terabyte",
    "fps": "frame per second",
    "px": "pixel",
    "°c": "degree Celsius",
    "°f": "degree Fahrenheit",
    "°": "degree",
    "m²": "square meter",
    "km²": "square kilometer",
    "m³": "cubic meter",
    "lb": "pound",
    "ft": "foot",
    "in": "inch",
    "dpi": "dot per inch",
    "kbps": "kilobit per second",
    "mbps": "megabit per second",
    "gbps": "gigabit per second",
}
_PLURALS = {
    "foot": "feet",
    "inch": "inches",
    "hertz": "hertz",
    "kilohertz": "kilohertz",
    "megahertz": "megahertz",
    "gigahertz": "gigahertz",
}
_MONEY = {
    "$": ("dollar", "cent"),
    "€": ("euro", "cent"),
    "£": ("pound", "penny"),
    "¥": ("yuan", "fen"),
    "￥": ("yuan", "fen"),
    "₹": ("rupee", "paisa"),
    "₩": ("won", ""),
}
_SCALES = {"k": "thousand", "m": "million", "bn": "billion", "b": "billion", "t": "trillion"}
SYMBOLS = {
    "+": "plus",
    "=": "equals",
    "×": "times",
    "÷": "divided by",
    "−": "minus",
    "&": "and",
    "@": "at",
    "%": "percent",
    "<": "less than",
    ">": "greater than",
    "≤": "at most",
    "≥": "at least",
    "≈": "about",
    "±": "plus or minus",
    "#": "number",
    "→": "to",
    "°": "degrees",
    "‰": "per mille",
    "℃": "degrees Celsius",
    "$": "dollars",
    "€": "euros",
    "£": "pounds",
    "¥": "yuan",
}
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
    word = _UNITS[name]
    one = amount in ("1", "-1")
    if not one:
        head, _, rest = word.partition(" per ")
        head = head.replace("degree", "degrees", 1) if head.startswith("degree") else _PLURALS.get(head, head + "s")
        word = f"{head} per {rest}" if rest else head
    return f"{number(amount)} {word}"


def is_unit(name: str) -> bool:
    """Whether ``unit`` knows it (lower case)."""
    return name in _UNITS


def money(symbol: str, amount: str, scale: str) -> str:
    """("$", "5.50", "") → five dollars and fifty cents; ("$", "3.5", "m") → three point five million dollars."""
    big, small = _MONEY[symbol]
    many = big if big in ("yuan", "won") else big + "s"
    scale = _SCALES.get(scale.lower(), scale.lower())
    if scale:
        return f"{number(amount)} {scale} {many}"
    whole, _, part = amount.replace(",", "").partition(".")
    if len(part) == 2 and small and big != "yuan":
        cents = int(part)
        said = f"{number(whole)} {big if whole == '1' else many}" if int(whole) or not cents else ""
        coins = {"penny": "pence", "paisa": "paise"}.get(small, small + "s") if cents != 1 else small
        return " and ".join(p for p in (said, f"{number(part)} {coins}" if cents else "") if p)
    return f"{number(amount)} {big if amount == '1' else many}"


def percent(amount: str) -> str:
    """20 → twenty percent."""
    return f"{number(amount)} percent"


def fraction(a: int, b: int) -> str:
    """(3, 4) → three quarters."""
    if b == 2:
        return "one half" if a == 1 else f"{number(str(a))} halves"
    part = "quarter" if b == 4 else ordinal(b)
    return f"{number(str(a))} {part}{'' if a == 1 else 's'}"


def ratio(a: str, b: str) -> str:
    """3:2 → three to two."""
    return f"{number(a)} to {number(b)}"


def version(parts: list[str]) -> str:
    """3.11.2 → three point eleven point two."""
    return " point ".join(number(p) for p in parts)
