"""What numbers mean in English sentences: decades, scores, hours, roman numerals, codes, short forms."""

from __future__ import annotations

import re
from collections.abc import Callable

from services.tts.text import codes, say_en
from services.tts.text.roman import value as roman

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]
_DASH = r"\s?(?:[-–—~]|to)\s?"
_MONARCHS = (
    "Henry|Louis|Charles|George|Edward|Richard|William|James|Elizabeth|Mary|Philip|Napoleon|Peter|Catherine|Alexander|"
    "Nicholas|Ivan|Frederick|Wilhelm|Leopold|Albert|Victor|Ferdinand|Francis|Joseph|Paul|John|Benedict|Pius|Gregory|Leo|"
    "Innocent|Clement|Urban|Boniface|Rams?es|Ramesses|Otto|Juan|Carlos|Felipe|Alfonso|Maximilian|Christian|Haakon|Gustav|"
    "Oscar|Ptolemy|Darius|Xerxes|Mehmed|Selim|Murad|Rama|Isabella|Margaret|Harald|Olav|Umberto|Abdullah|Robert|Emanuele|"
    "Thutmose|Amenhotep|Baldwin|Edmund|Stephen|Sigismund|Rudolf|Constantine|Theodosius|Cleopatra|Malcolm"
)
_NUMBERED = (
    "War|Part|Chapter|Volume|Vol\\.|Book|Act|Scene|Section|Phase|Type|Level|Stage|Grade|Class|Episode|Appendix|Article|Title|"
    "Round|Mark|Tier|Division|Figure|Table|Lesson|Unit|Step|Schedule|Group|Category|Factor|Verse|Canto|Bowl"
)
_DATE_BEFORE = (
    r"\b(?:on|by|until|till|since|before|after|from|between|dated|of|for|due|Mon|Tue|Wed|Thu|Fri|Sat|Sun|\w+day),?\s$"
)
_CODE = (
    r"order|code|PIN|flight|account|ID|ticket|zip|tracking|confirmation|invoice|serial|extension|ext\.?|room|passcode|password|"
    r"hotline|reference|case|card|badge|license|routing|postcode|OTP|number"
)
_WON = (
    "won|wins?|winning|lost|loses?|lose|losing|beat|beats|beating|defeated|scores?|scored|led|leads?|trailing|tied|final|"
    "victory|draw|drew"
)


def _rule(pattern: str, say: Callable[[re.Match[str]], str], flags: int = 0) -> Rule:
    return re.compile(pattern, flags | re.ASCII), say


def _slash(m: re.Match[str]) -> str:
    """24/7, 9/11, a date, or a fraction."""
    a, b = int(m["a"]), int(m["b"])
    before, after = m.string[max(0, m.start() - 24) : m.start()], m.string[m.end() : m.end() + 12]
    if (a, b) in ((24, 7), (50, 50), (20, 20), (9, 11)):
        return f"{say_en.number(m['a'])} {say_en.number(m['b'])}"
    is_date = 1 <= a <= 12 and 1 <= b <= 31
    if is_date and (
        (re.search(_DATE_BEFORE, before) and not re.match(r"\s(?:of|cups?|\w*spoon)", after)) or a >= b > 0
    ):
        return say_en.date(None, a, b)
    is_rating = b in (5, 10, 100) and re.search(
        r"(?:rat|scor|grade|mark|gave|give|got)\w*[^.]{0,16}$|\ba\s$", before + ""
    )
    if is_rating or re.match(r"\s(?:rating|score|stars)", after):
        return f"{say_en.number(m['a'])} out of {say_en.number(m['b'])}"
    if b == 0:
        return m.group()
    if a > b and a > 31:
        return f"{say_en.number(m['a'])} over {say_en.number(m['b'])}"
    return say_en.fraction(a, b) if b <= 100 else f"{say_en.number(m['a'])} over {say_en.number(m['b'])}"


def _roman_name(m: re.Match[str]) -> str:
    n = roman(m[2])
    return f"{m[1]} the {say_en.ordinal(n).title()}" if n else m.group()


def _roman_part(m: re.Match[str]) -> str:
    n = roman(m[2])
    return f"{m[1]}{say_en.number(str(n))}" if n else m.group()


def _decade(m: re.Match[str]) -> str:
    said = say_en.number(m["d"] + "0")
    return said[:-1] + "ies" if said.endswith("y") else said + "s"


def _range(m: re.Match[str]) -> str:
    return f"{_clock(m['a'], m['ah'])} to {_clock(m['b'], m['bh'])}"


def _clock(text: str, half: str | None) -> str:
    h, _, mi = text.partition(":")
    return say_en.clock(int(h), int(mi or 0), None, (half or "").replace(".", "").strip().lower())


_H = r"(?:\s?(?:[AaPp]\.?[Mm]\.?)(?![A-Za-z]))"
_T = r"(?<![\d:.])(?:[01]?\d|2[0-4]):[0-5]\d(?![\d:])"
_SCALES = {"k": "thousand", "m": "million", "b": "billion"}
_QUARTERS = {"1": "first", "2": "second", "3": "third", "4": "fourth"}
_DAY = {d[:3]: d for d in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")}
_DAYS = "|".join(_DAY)
RULES: list[Rule] = [
    _rule(
        r"(\b(?:[Rr]atio|[Ss]cale|[Oo]dds|[Pp]roportion)s?\b[^.\d]{0,16})(\d+):(\d+)",
        lambda m: m[1] + say_en.ratio(m[2], m[3]),
    ),
    _rule(rf"(?P<a>{_T})(?P<ah>{_H})?{_DASH}(?P<b>{_T})(?P<bh>{_H})?", _range),
    _rule(rf"(?<![\d:.])(?P<a>\d{{1,2}})(?P<ah>{_H}){_DASH}(?P<b>\d{{1,2}})(?P<bh>{_H})", _range),
    _rule(r"(?<![\w'’])['’](?P<d>[1-9])0s\b", _decade),
    _rule(r"(?<=[Tt]he )(?P<d>[1-9])0s\b|(?<=(?:ate|rly|mid|his|her|our|eir)[ -])(?P<e>[1-9])0s\b", lambda m: _tens(m)),
    _rule(
        r"(?<![\w'’])['’](\d\d)(?![\d\w])",
        lambda m: say_en.number(m[1]) if m[1][0] != "0" else "oh " + say_en.number(m[1]),
    ),
    _rule(
        r"\bQ([1-4])\s?(?:of\s)?,?\s?((?:19|20)\d\d)\b",
        lambda m: f"the {_QUARTERS[m[1]]} quarter of {say_en.year(int(m[2]))}",
    ),
    _rule(r"\b((?:19|20)\d\d)\s?Q([1-4])\b", lambda m: f"the {_QUARTERS[m[2]]} quarter of {say_en.year(int(m[1]))}"),
    _rule(r"\bFY\s?((?:19|20)\d\d)\b", lambda m: f"fiscal year {say_en.year(int(m[1]))}"),
    _rule(
        r"(?<![\d/])(\d{2,3})/(\d{2,3})\s?mm\s?Hg",
        lambda m: f"{say_en.number(m[1])} over {say_en.number(m[2])} millimeters of mercury",
    ),
    _rule(
        r"([Bb]lood pressure[^\d.]{0,24})(\d{2,3})/(\d{2,3})",
        lambda m: f"{m[1]}{say_en.number(m[2])} over {say_en.number(m[3])}",
    ),
    _rule(r"(?<![\d/.])(\d{1,3})\s(\d)/(\d{1,2})(?![\d/])", lambda m: say_en.mixed(m[1], int(m[2]), int(m[3]))),
    _rule(r"(?<![\d/.])(?P<a>\d{1,3})/(?P<b>\d{1,3})(?!\d|[/.]\d|\s?=|/)", _slash),
    _rule(
        r"(\d+)\s?(?:ft|feet|foot)\s(\d+)\s?(?:in|inch|inches)\b",
        lambda m: f"{say_en.number(m[1])} foot {say_en.number(m[2])}",
    ),
    _rule(rf"\b({_DAYS})\.?\s?[-–]\s?({_DAYS})\b\.?", lambda m: f"{_DAY[m[1]]} to {_DAY[m[2]]}"),
    _rule(r"\b(\d{3,4})p\b", lambda m: f"{say_en.year(int(m[1]))} P" if m[1] != "480" else "four eighty P"),
    _rule(r"\b([A-Za-z]{1,4}\d{1,2})-(\d{3,})", lambda m: f"{m[1]} {say_en.digits(m[2])}"),
    _rule(r"(\d+)['′]\s?(\d+)[\"″”]", lambda m: f"{say_en.number(m[1])} foot {say_en.number(m[2])}"),
    _rule(r"(\d)\s?[\"″](?!\w)(?=\s\w)", lambda m: f"{m[1]} inch"),
    _rule(rf"\b({_MONARCHS})\s([IVX]{{1,6}})\b(?!['’][a-z])", _roman_name),
    _rule(rf"((?i:\b(?:{_NUMBERED}))\s)([IVXLC]{{1,7}})\b(?!['’][a-z])", _roman_part),
    _rule(r"(\b[A-Z][a-z]+\s)((?:I{2,3}|IV|VI{1,3}|IX|XI{1,3}|XIV|XVI{0,3}|XIX|XXI{0,3}))\b", _roman_part),
    _rule(
        r"\b(Boeing|Airbus)\s(A?)(\d{3})(?:-(\d{1,4}))?",
        lambda m: f"{m[1]} {m[2]} {say_en.digits(m[3])} {_after(m[4])}",
    ),
    _rule(
        rf"\b((?:{_CODE})(?:\s(?:number|code|no\.?))?\s?(?:is|are|was|:|#)?\s?#?)(\d{{3,}})(?![\d.,]\d|\s?[-%])",
        lambda m: m[1] + say_en.code(m[2]),
        re.I,
    ),
    _rule(rf"(?<![\w.,$€£-])({codes.EN_SERVICE})(?![\w.,-]\w|\s(?:{codes.COUNTED_EN}))", lambda m: _service(m)),
    _rule(r"\b([A-Z]{2,5})(\d{3,})\b", lambda m: f"{' '.join(m[1]) if len(m[1]) < 3 else m[1]} {say_en.code(m[2])}"),
    _rule(
        r"(?<![\w.$€£])(?P<n>\d+(?:\.\d+)?)(?P<k>[kKMB])(?![A-Za-z/²³]|\s(?:run|race|video|resolution|TV|display|monitor|screen)\b)",
        lambda m: f"{say_en.number(m['n'])} {_SCALES[m['k'].lower()]} ",
    ),
    _rule(
        rf"(\b(?:{_WON})\b[^.?!\d]{{0,24}})(\d{{1,3}})\s?[-–:]\s?(\d{{1,3}})\b",
        lambda m: f"{m[1]}{say_en.ratio(m[2], m[3])}",
    ),
    _rule(r"(?<![\w~])[~～](?=\s?\d)", lambda _: "about "),
    _rule(r"(?<=\d)\s?lbs\b", lambda _: " lb"),
]


def _tens(m: re.Match[str]) -> str:
    said = say_en.number((m["d"] or m["e"]) + "0")
    return said[:-1] + "ies" if said.endswith("y") else said + "s"


def _after(number: str | None) -> str:
    if not number:
        return ""
    return say_en.number(number) if number.endswith("00") else say_en.digits(number)


def _service(m: re.Match[str]) -> str:
    near = m.string[max(0, m.start() - 40) : m.start()]
    return (
        say_en.code(m.group())
        if re.search(r"(?i)\b(?:call|dial|text|phone|ring|or|emergency|hotline|reach)\b", near)
        else m.group()
    )


def apply(text: str) -> str:
    """The text with these in words."""
    for pattern, say in RULES:
        text = pattern.sub(say, text)
    return text
