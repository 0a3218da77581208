"""Turns written text into words: numbers, dates, times, money, units, addresses and signs are written out.

What comes out holds letters, Chinese characters and plain punctuation only, and is said as it stands. One table of
patterns serves both languages; ``say_en`` and ``say_zh`` hold the words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from types import ModuleType
from typing import Any

from services.common.script import HAN
from services.tts.text import say_en, say_zh
from services.tts.text.dictionary import FIRST, LAST
from services.tts.text.script import LeftOut, tidy

Say = Any
"""``say_en`` or ``say_zh``: modules with the same functions."""

_N = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"  # 1,234.5 or 1234.5
_SIGNED = rf"(?<![A-Za-z0-9.)\]-])[-−]?(?:{_N})|(?:{_N})"
_UNIT_NAMES = (
    "km/h|km²|kwh|kbps|mbps|gbps|mph|m/s|m²|m³|khz|mhz|ghz|km|cm|mm|kg|mg|ml|ms|min|hz|kw|kb|mb|gb|tb|fps|px|dpi|lb|ft|°c|°f|"
    "(?-i:[mglshLWV])|°"
)
_MONTH_NAMES = "|".join(m if len(m) == 3 else f"{m}|{m[:3]}\\.?" for m in say_en.MONTHS).replace("Sep\\.?", "Sept?\\.?")
_DASH = r"\s*[-–—~～〜至]\s*"


def _month(name: str) -> int:
    return [m[:3] for m in say_en.MONTHS].index(name[:3].title()) + 1


def _valid(m: int, d: int) -> bool:
    return 1 <= m <= 12 and 1 <= d <= 31


def _url(m: re.Match[str], say: Say) -> str:
    text = re.sub(r"^(https?|ftp)://(www\.)?|^mailto:|[/?#]$", "", m.group().strip("<>"), flags=re.I)
    trail = re.search(r"[.,;:!?。，；：！？)]+$", text)
    end = trail.group() if trail else ""
    text = text[: len(text) - len(end)]
    names = {
        ".": say.DOT,
        "/": say.SLASH,
        "@": say.AT,
        "-": say.DASH,
        "_": say.UNDERSCORE,
        ":": " ",
        "?": " ",
        "=": " ",
        "&": " ",
        "#": " ",
        "%": " ",
        "+": " ",
        "~": " ",
    }
    words = [
        names.get(t, say.digits(t) if t.isdecimal() else t.upper() if len(t) == 1 else t)
        for t in re.findall(r"[A-Za-z]+|\d+|.", text)
    ]
    return f" {' '.join(words)} {end}"


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


def _money(m: re.Match[str], say: Say) -> str:
    return f" {say.money(m['c'], m['n'], (m['k'] or '').strip())} "


def _unit(m: re.Match[str], say: Say) -> str:
    return f" {say.unit(m['n'], m['u'].lower())} " if say.is_unit(m["u"].lower()) else m.group()


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
        said = say_zh.number(text, whole[m.end() : m.end() + 1])
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
    _rule(r"<?\b(?:https?|ftp)://[^\s<>，。；！？、（）一-鿿]+>?", _url, re.I),
    _rule(r"(?<![\w.])[A-Za-z0-9][\w.+-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", _url),
    _rule(
        r"(?<![\w@.])(?:www\.)?(?:[A-Za-z][\w-]*\.)+(?:com|org|net|io|ai|cn|dev|edu|gov|co|py|js|md|json|toml|txt|mp4|wav|"
        r"yml|yaml|html)\b(?:/[\w./-]*)?",
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
    _rule(r"(?<![\d.])(\d{1,3}):(\d{1,3})(?![\d:])", lambda m, s: f" {s.ratio(m[1], m[2])} "),
    # telephone numbers: mobile, groups of digits joined by hyphens, international
    _rule(
        r"(?<![\w.])(?:\+\d{1,3}[- ]?)?(?:1[3-9]\d{9}|\(?\d{3,4}\)?[- ]\d{3,4}[- ]\d{4}|0\d{2,3}-\d{7,8}|"
        r"400-?\d{3}-?\d{4}|\d{3}-\d{4})(?![\w-])",
        _phone,
    ),
    _rule(
        rf"(?<![\w.])(?P<a>{_N})(?P<au>%|℃|°C)?{_DASH}(?P<b>{_N})(?P<bu>%|℃|°C)?(?!\d|-\d|\s*=)",
        _ranges,
    ),
    _rule(
        rf"(?P<c>[$€£¥￥₹₩])\s?(?P<n>{_N})(?P<k>\s?(?:thousand|million|billion|trillion|bn|[kKmMbB](?![A-Za-z])))?",
        _money,
    ),
    _rule(r"(?<=\d)\s?[*xX×]\s?(?=\d)", lambda _, s: f" {'by' if s is say_en else '乘'} "),
    _rule(r"\b(1[0-9]\d0|20\d0)s\b", lambda m, s: f" {s.decade(int(m[1]))} "),
    _rule(rf"(?P<n>{_SIGNED})\s?(?P<u>{_UNIT_NAMES})(?![A-Za-z²³/])", _unit, re.I),
    _rule(rf"({_SIGNED})\s?%", lambda m, s: f" {s.percent(m[1])} "),
    _rule(r"\b(\d{1,9})(?:st|nd|rd|th)\b", lambda m, s: f" {s.ordinal(int(m[1]))} "),
    _rule(r"(?<![\d.])(\d+(?:\.\d+){2,})(?![\d.])", lambda m, s: f" {s.version(m[1].split('.'))} "),
    _rule(r"(?<![\d./])(\d{1,2})/(\d{1,3})(?![\d/.])", lambda m, s: f" {s.fraction(int(m[1]), int(m[2]))} "),
    _rule(r"(?<=\d)\s?[-−]\s?(?=\d+\s*=)", lambda _, s: f" {s.SYMBOLS['−']} "),
]

# these are written out before any number: what follows them decides how they are read
_ZH_FIRST: list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = [
    (
        re.compile(r"(?<!\d)(\d{4})\s?[-–—~～至到]\s?(\d{4})(?=\s?年)"),
        lambda m: f"{say_zh.digits(m[1])}到{say_zh.digits(m[2])}",
    ),
    (re.compile(r"(?<!\d)(\d{4})\s?年"), lambda m: say_zh.digits(m[1]) + "年"),
    (re.compile(r"(?<!\d)(\d{2})(?=年代)"), lambda m: say_zh.number(m[1])),
    (
        re.compile(r"(?<=[房间号门线路])(\d{3,4})(?!\d)|(?<!\d)(\d{3,4})(?=[路室房])"),
        lambda m: say_zh.digits(m[1] or m[2]),
    ),
]
_EN_SHORT = [
    (re.compile(rf"\b{short}", 0 if short[0].isupper() else re.I), full)
    for short, full in {
        r"Dr\.": "Doctor",
        r"Mr\.": "Mister",
        r"Mrs\.": "Missus",
        r"Ms\.": "Miz",
        r"Prof\.": "Professor",
        r"St\.(?= [A-Z])": "Saint",
        r"e\.g\.,?": "for example,",
        r"i\.e\.,?": "that is,",
        r"etc\.(?=\s+[a-z]|,)": "et cetera",
        r"etc\.": "et cetera.",
        r"vs\.?(?=\s)": "versus",
        r"approx\.": "approximately",
        r"No\.(?= ?\d)": "number",
        r"Fig\.(?= ?\d)": "figure",
        r"Inc\.": "Incorporated",
        r"Ltd\.": "Limited",
        r"w/o\b": "without",
        r"w/(?= )": "with",
        r"a\.k\.a\.": "also known as",
    }.items()
]
_SPOKEN_PUNCTUATION = set(".,!?;:…—'\"()“”‘’-")
_ZH_PUNCTUATION = set("，。！？；：、…—（）《》「」【】『』“”‘’·")


_MISSED = {"Sm": "Mathematics", "Sc": "Currency", "No": "Number", "Nl": "Number"}
"""Signs that the listener would miss."""


def strip_markup(text: str) -> str:
    """Markdown as language models write it, made plain."""
    text = re.sub(r"```\w*\n?|`", "", text)
    text = re.sub(r"!?\[([^\]]*)\]\((?:[^()]|\([^()]*\))*\)", r"\1", text)
    text = re.sub(r"^\s{0,3}(?:#{1,6}\s+|[-*+•]\s+|>\s?)", "", text, flags=re.M)
    text = re.sub(r"^\s*(?:-{3,}|\*{3,}|_{3,})\s*$", "", text, flags=re.M)
    text = re.sub(r"^\s*(\d{1,2})[.)]\s+(?=\D)", r"\1, ", text, flags=re.M)
    return re.sub(r"\*{1,3}([^*\n]+)\*{1,3}|(?<!\w)_{1,2}([^_\n]+)_{1,2}(?!\w)|~~([^~]+)~~", r"\1\2\3", text)


def normalise(text: str, language: str) -> str:
    """The text in words, by the rules of ``language`` (``en`` or ``zh``); perhaps nothing is left."""
    return in_words(text, language)[0]


def in_words(text: str, language: str) -> tuple[str, list[LeftOut]]:
    """The text in words, and the signs that are not said."""
    say: ModuleType = say_zh if language == "zh" else say_en
    text = strip_markup(tidy(text)).replace("℃", "°C").replace("℉", "°F").replace("㎡", "m²")
    text = re.sub(r"(?<=\d)\s(?=°)", "", text)
    if say is say_zh:
        for pattern, zh in _ZH_FIRST:
            text = pattern.sub(zh, text)
    for pattern, full in _EN_SHORT:
        text = pattern.sub(full, text)
    for pattern, rule in _RULES:
        text = pattern.sub(lambda m, r=rule: r(m, say), text)  # type: ignore[misc]  # the default binds the loop variable
    text = re.sub(r"(?<=[A-Za-z])-(?=[A-Za-z0-9])|(?<=\d)-(?=[A-Za-z])", " ", text)  # GPT-4, a well-known 5-day
    text = re.sub(_SIGNED, lambda m: _number(m, say), text)
    return _clean(text, say)


def _clean(text: str, say: Say) -> tuple[str, list[LeftOut]]:
    """Signs in words, emoji and the like away, spaces put right; and what went away."""
    out: list[str] = []
    left: list[LeftOut] = []
    for c in text:
        kind = unicodedata.category(c)
        if c in say.SYMBOLS:
            out.append(f" {say.SYMBOLS[c]} ")
        elif c.isspace():
            out.append(" ")
        elif kind[0] == "L" or FIRST <= ord(c) <= LAST or c in _SPOKEN_PUNCTUATION or c in _ZH_PUNCTUATION:
            out.append(c)
        elif kind == "Mn":
            continue
        else:
            out.append(" ")  # emoji, brackets, underscores, rare signs
            if kind in _MISSED or kind[0] in "SN":
                left.append(LeftOut(c, _MISSED.get(kind, "")))
    text = re.sub(r"\s+", " ", "".join(out)).strip()
    text = re.sub(rf"(?<=[{HAN}]) (?=[{HAN}])| ?([，。！？；：、]) ?", r"\1", text)
    return re.sub(r" (?=[,.!?;:])", "", text), left
