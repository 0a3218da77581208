"""Rules that both languages share: addresses, dates, times, units, telephone and other numbers, in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from services.common.script import addresses as find_addresses
from services.tts.text import say_en, say_zh, units
from services.tts.text.money import NUMBER
from services.tts.text.script import LeftOut

Say = Any
"""``say_en`` or ``say_zh``: modules with the same functions."""

_SIGNED = rf"(?<![A-Za-z0-9.)\]-])[-−]?(?:{NUMBER})|(?:{NUMBER})"
_MONTH_NAMES = "|".join(m if len(m) == 3 else f"{m}|{m[:3]}\\.?" for m in say_en.MONTHS).replace("Sep\\.?", "Sept?\\.?")
_DASH = r"\s*[-–—~～〜至]\s*"


def _month(name: str) -> int:
    return [m[:3] for m in say_en.MONTHS].index(name[:3].title()) + 1


def _valid(m: int, d: int) -> bool:
    return 1 <= m <= 12 and 1 <= d <= 31


def addresses(text: str, say: Say) -> tuple[str, list[LeftOut]]:
    """The text with addresses in words, and the queries in them, which no one could note down by ear."""
    left: list[LeftOut] = []
    for start, end in reversed(find_addresses(text)):
        address = text[start:end]
        query = re.search(r"[?#].*", address)
        if query:
            left.insert(0, LeftOut(query.group()))
        before = text[:start].rstrip("<")
        text = f"{before} {_spell(address[: query.start()] if query else address, say)} {text[end:].lstrip('>')}"
    return text, left


def _url(m: re.Match[str], say: Say) -> str:
    return f" {_spell(m.group(), say)} "


def _spell(address: str, say: Say) -> str:
    address = re.sub(r"^(https?|ftp)://(www\.)?|^mailto:|/$", "", address, flags=re.I)
    names = {".": say.DOT, "/": say.SLASH, "@": say.AT, "-": say.DASH, "_": say.UNDERSCORE}
    return " ".join(
        names.get(
            t,
            say.digits(t) if t.isdecimal() else t.upper() if len(t) == 1 and t.isalpha() else t if t.isalpha() else " ",
        )
        for t in re.findall(r"[A-Za-z]+|\d+|.", address)
    )


def _iso_date(m: re.Match[str], say: Say) -> str:
    y, mo, d = (int(x) for x in m.groups())
    return f" {say.date(y, mo, d)} " if _valid(mo, d) else m.group()


def _us_date(m: re.Match[str], say: Say) -> str:
    mo, d, y = (int(x) for x in m.groups())
    if mo > 12 >= d:
        mo, d = d, mo
    return f" {say.date(y, mo, d)} " if _valid(mo, d) else m.group()


def _month_first(m: re.Match[str], say: Say) -> str:
    d = int(m["d"])
    return f" {say.date(int(m['y']) if m['y'] else None, _month(m['m']), d)} " if 1 <= d <= 31 else m.group()


def _day_first(m: re.Match[str], say: Say) -> str:
    return _month_first(m, say)


def _month_year(m: re.Match[str], say: Say) -> str:
    return f" {say.date(int(m['y']), _month(m['m']), None)} "


def _time(m: re.Match[str], say: Say) -> str:
    h, mi = int(m["h"]), int(m["m"] or 0)
    if h > 24 or mi > 59:
        return m.group()
    half = (m["half"] or "").replace(".", "").replace(" ", "").lower()
    return f" {say.clock(h, mi, int(m['s']) if m['s'] else None, half)} "


def _hour(m: re.Match[str], say: Say) -> str:
    return (
        f" {say.clock(int(m['h']), 0, None, m['half'].replace('.', '').lower())} " if int(m["h"]) <= 12 else m.group()
    )


def _unit(m: re.Match[str], say: Say) -> str:
    return f" {say.unit(m['n'], m['u'])} " if units.find(m["u"]) else m.group()


def _ranges(m: re.Match[str], say: Say) -> str:
    return f"{m['a']}{m['au'] or ''} {say.TO} {m['b']}{m['bu'] or ''}"


def _phone(m: re.Match[str], say: Say) -> str:
    return f" {say.telephone(m.group())} "


def _number(m: re.Match[str], say: Say) -> str:
    text, whole = m.group(), m.string
    plain = text.lstrip("-−")
    if plain.isdigit() and ((plain[0] == "0" and len(plain) > 1) or len(plain) > 12):
        return f" {say.digits(plain)} "
    if say is say_zh:
        is_ordinal = whole[: m.start()].endswith(tuple("第十百千零周期初"))
        said = say_zh.number(text, "" if is_ordinal else whole[m.end() : m.end() + 1])
    elif re.fullmatch(r"1[1-9]\d\d|20[0-9]\d", plain) and plain[1:] != "000":
        said = say_en.year(int(plain))
    else:
        said = say_en.number(text)
    return f" {said} "


Rule = tuple[re.Pattern[str], Callable[[re.Match[str], Say], str]]


def _rule(pattern: str, say: Callable[[re.Match[str], Say], str], flags: int = 0) -> Rule:
    # ASCII: a Chinese character beside a Latin one is a word boundary
    return re.compile(pattern, flags | re.ASCII), say


_RULES: list[Rule] = [
    _rule(
        r"(?<![\w@.])(?:[A-Za-z][\w-]*\.)+(?:py|js|ts|md|json|toml|txt|mp4|mp3|wav|yml|yaml|html|css|csv|pdf|docx?|xlsx?|pptx?|"
        r"jpe?g|png|gif|zip|exe|cpp|java|go|rs|sh|sql|xml)\b",
        _url,
    ),
    _rule(
        r"\b(\d{1,3}(?:\.\d{1,3}){3})\b", lambda m, s: f" {f' {s.DOT} '.join(s.digits(p) for p in m[1].split('.'))} "
    ),
    _rule(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)", _iso_date),
    _rule(r"(?<!\d)(\d{1,2})/(\d{1,2})/(\d{4})(?!\d)", _us_date),
    _rule(rf"\b(?P<m>{_MONTH_NAMES})\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+(?P<y>[12]\d{{3}}))?\b", _month_first),
    _rule(
        rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<m>{_MONTH_NAMES})(?:,?\s+(?P<y>[12]\d{{3}}))?\b",
        _day_first,
    ),
    _rule(rf"\b(?P<m>{_MONTH_NAMES}),?\s+(?P<y>[12]\d{{3}})\b", _month_year),
    _rule(
        r"(?<![\d:.])(?P<h>\d{1,2})[:：](?P<m>\d{2})(?::(?P<s>\d{2}))?(?P<half>\s?(?:[AaPp]\.[Mm]\.|[AaPp][Mm]\b))?(?![\d:])",
        _time,
    ),
    _rule(r"(?<![\d:.])(?P<h>\d{1,2})\s?(?P<half>[AaPp]\.[Mm]\.|[AaPp][Mm]\b)", _hour),
    _rule(rf"(?<![\d.])({NUMBER}):({NUMBER})(?![\d:])", lambda m, s: f" {s.ratio(m[1], m[2])} "),
    # telephone numbers: mobile, groups of digits joined by hyphens, international
    _rule(
        r"(?<![\w.])\+\d{1,3}(?:[- ]?\(?\d{1,4}\)?){1,2}[- ]\d{3,4}[- ]?\d{4}(?!\d)|"
        r"\(0\d{2,3}\)\s?\d{3,4}[- ]?\d{4}(?!\d)|"
        r"(?<![\w.])(?:\+\d{1,3}[- ]?)?(?:1[3-9]\d{9}|\(?\d{3,4}\)?[- ]\d{3,4}[- ]\d{4}|0\d{2,3}-\d{7,8}|"
        r"400-?\d{3}-?\d{4}|\d{3}-\d{4})(?![\w-])",
        _phone,
    ),
    _rule(
        rf"(?<![\w.])(?P<a>{NUMBER})(?P<au>%|℃|°C)?{_DASH}(?P<b>{NUMBER})(?P<bu>%|℃|°C)?(?!\d|-\d|\s*=)",
        _ranges,
    ),
    _rule(r"\b(1[0-9]\d0|20\d0)s\b", lambda m, s: f" {s.decade(int(m[1]))} "),
    _rule(rf"(?P<n>{_SIGNED})\s?(?P<u>{units.PATTERN})(?![A-Za-z²³])", _unit, re.I),
    _rule(r"(?<![A-Za-z\d])(km²|m²|cm²|mm²|km³|m³|cm³|mm³)(?![\w²³])", lambda m, s: f" {s.unit_name(m[1])} "),
    _rule(rf"({_SIGNED})\s?%", lambda m, s: f" {s.percent(m[1])} "),
    _rule(r"\b(\d{1,9})(?:st|nd|rd|th)\b", lambda m, s: f" {s.ordinal(int(m[1]))} "),
    _rule(r"(?<![\d.])(\d+(?:\.\d+){2,})(?![\d.])", lambda m, s: f" {s.version(m[1].split('.'))} "),
]


def apply(text: str, say: Say) -> str:
    """The text with these in words."""
    for pattern, rule in _RULES:
        text = pattern.sub(lambda m, r=rule: r(m, say), text)  # type: ignore[misc]  # the default binds the loop variable
    text = re.sub(r"(?<=[A-Za-z])-(?=[A-Za-z0-9])|(?<=\d)-(?=[A-Za-z])", " ", text)  # GPT-4, a well-known 5-day
    return re.sub(_SIGNED, lambda m: _number(m, say), text)
