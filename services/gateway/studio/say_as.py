"""SSML's ``say-as``: text rewritten so that the speech service's own rules read it in the way that was asked for."""

from __future__ import annotations

import datetime
import re

_MONTHS = [
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
]
_TELEPHONE_ZH = str.maketrans("0123456789+", "零幺二三四五六七八九加")
_AS_WRITTEN = {
    "time": r"\d{1,2}:\d{2}(?::\d{2})?\s*(?:[AaPp]\.?[Mm]\.?)?",
    "fraction": r"\d+(?:\s+\d+)?/\d+",
    "currency": r"(?:[$€£¥￥]|[A-Z]{3}\s?)\s*-?[\d,]+(?:\.\d+)?"
    r"|-?[\d,]+(?:\.\d+)?\s*(?:[$€£¥元]|[A-Z]{3}|美元|欧元|英镑)",
    "unit": r"-?[\d,]+(?:\.\d+)?\s*\S{1,12}",
}
"""Kinds that the speech service reads rightly by itself, where the text has this form."""
_SAME = {
    "spell-out": "characters",
    "verbatim": "characters",
    "letters": "characters",
    "number_digit": "digits",
    "number": "cardinal",
}


def as_said(text: str, kind: str, form: str, language: str) -> str | None:
    """``text`` as it has to be given to be read as ``kind`` (``interpret-as``) with ``form`` (``format``).

    ``language`` is ``zh`` or ``en``. None where it cannot be done.
    """
    text, kind = text.strip(), _SAME.get(kind, kind)
    if kind in _AS_WRITTEN:
        return text if re.fullmatch(_AS_WRITTEN[kind], text) else None
    match kind:
        case "characters":
            return " ".join(c for c in text.upper() if not c.isspace())
        case "digits":
            return _digits(text)
        case "telephone":
            return _telephone(text, language)
        case "cardinal":
            number = re.fullmatch(r"(-?)(\d[\d,]{0,30})(\.\d+)?", text)
            return f"{number[1]}{int(number[2].replace(',', '')):,}{number[3] or ''}" if number else None
        case "ordinal":
            return _ordinal(text, language)
        case "date":
            return _date(text, form.lower(), language)
    return None


def _digits(text: str) -> str | None:
    groups = re.findall(r"\d+", text)
    return ", ".join(" ".join(g) for g in groups) if groups and not re.search(r"[^\d\s().-]", text) else None


def _telephone(text: str, language: str) -> str | None:
    groups = re.findall(r"\+?\d+", text)
    if not groups or re.search(r"[^\d\s()+.-]", text):
        return None
    if language == "zh":
        return "，".join(groups).translate(_TELEPHONE_ZH)
    return ", ".join(" ".join(g).replace("+", "plus") for g in groups)


def _ordinal(text: str, language: str) -> str | None:
    found = re.fullmatch(r"(?:第\s*)?(\d{1,9})(?:st|nd|rd|th)?", text, re.I)
    if not found:
        return None
    number = int(found[1])
    if language == "zh":
        return f"第{number}"
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _date(text: str, form: str, language: str) -> str | None:
    parts = re.findall(r"\d+", text[:40])
    if re.search(r"[^\d\s/.,年月日号-]", text) or not parts:
        return None
    if len(parts) == 1 and len(parts[0]) == 8 and form in ("", "ymd", "yyyymmdd"):
        parts = [text[:4], text[4:6], text[6:]]
    order = re.sub(r"(.)\1+", r"\1", form)
    if not order and len(parts[0]) == 4:
        order = "ymd"[: len(parts)]
    if sorted(order) not in (sorted("ymd"), sorted("ym"), sorted("md"), ["y"], ["m"], ["d"]) or len(order) != len(
        parts
    ):
        return None
    by_letter = {letter: int(part) for letter, part in zip(order, parts, strict=True)}
    try:  # 4 stands for every leap year
        datetime.date(by_letter.get("y", 4), by_letter.get("m", 1), by_letter.get("d", 1))
    except (ValueError, OverflowError):
        return None
    return _written_date(by_letter, language)


def _written_date(parts: dict[str, int], language: str) -> str:
    if language == "zh":
        return "".join(
            f"{parts[letter]}{sign}" for letter, sign in zip("ymd", "年月日", strict=True) if letter in parts
        )
    month = _MONTHS[parts["m"] - 1] if "m" in parts else ""
    day, year = str(parts.get("d", "")), str(parts.get("y", ""))
    if day and not month:
        return _ordinal(day, "en") or day
    if day and year:
        return f"{month} {day}, {year}"
    return f"{month} {day}{year}".strip()
