"""Amounts of money, written in any of the common ways, said once: ¥5元, HK$100, US$3.5B, 50¢, RMB 88."""

from __future__ import annotations

import re
from typing import Any

Say = Any
NUMBER = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
"""1,234.5 or 1234.5."""
# code: signs and letters, Chinese, English with its plural where that differs, the hundredth part
_TABLE = """
CNY ¥ ￥ RMB¥ RMB￥ CN¥ CN￥ RMB CNY;元 人民币 块钱 块;yuan;fen
USD $ US$ USD USD$ ＄;美元 美金;dollar;cent
HKD HK$ HKD HKD$;港元 港币 港幣;Hong Kong dollar;cent
TWD NT$ TWD NTD;新台币 台币 新臺幣;Taiwan dollar;cent
SGD S$ SG$ SGD;新加坡元 新元 新币;Singapore dollar;cent
CAD CA$ C$ CAD;加元 加拿大元 加币;Canadian dollar;cent
AUD A$ AU$ AUD;澳元 澳币;Australian dollar;cent
NZD NZ$ NZD;新西兰元 纽元;New Zealand dollar;cent
MOP MOP$ MOP;澳门元 澳门币;Macau pataca;cent
EUR € EUR;欧元;euro;cent
GBP £ GBP;英镑;pound;penny
JPY JP¥ JP￥ JPY;日元 日圆;yen=yen;
KRW ₩ KRW;韩元;won=won;
INR ₹ INR;卢比 印度卢比;rupee;paisa
RUB ₽ RUB;卢布;ruble;kopeck
THB ฿ THB;泰铢;baht=baht;
VND ₫ VND;越南盾;dong=dong;
PHP ₱ PHP;比索 菲律宾比索;peso;centavo
TRY ₺;里拉;lira;
ILS ₪;谢克尔;shekel;
UAH ₴;格里夫纳;hryvnia=hryvnia;
NGN ₦;奈拉;naira=naira;
BRL R$ BRL;雷亚尔 巴西雷亚尔;Brazilian real;centavo
CHF CHF;瑞士法郎 瑞郎;Swiss franc;centime
BTC ₿;比特币;bitcoin;
"""
_BY_SIGN: dict[str, tuple[list[str], str, str, str]] = {}
for _line in _TABLE.strip().splitlines():
    _signs, _zh, _en, _part = _line.split(";")
    _one, _, _more = _en.partition("=")
    _many = _more or ("yuan" if _one == "yuan" else _one + "s")
    for _sign in _signs.split()[1:]:
        _BY_SIGN[_sign] = (_zh.split(), _one, _many, _part)
_COINS = {"penny": "pence", "paisa": "paise", "fen": "fen"}
_SIGNS = "|".join(rf"(?<![A-Za-z$]){re.escape(s)}" for s in sorted(_BY_SIGN, key=len, reverse=True))
_SCALE = r"\s?(?:thousand|million|billion|trillion|bn|mn|百万|千万|[万亿千]|[kKmMbBtT](?![A-Za-z]))"
_WORDS = "|".join(sorted({w for zh, *_ in _BY_SIGN.values() for w in zh}, key=len, reverse=True))
_EN_WORDS = r"(?:US |Hong Kong )?(?:dollars?|euros?|pounds?|yuan|yen)\b"
_DASH = r"\s?[-–—~～至]\s?"
_BEFORE = re.compile(
    rf"(?P<p>(?:{_WORDS})\s?(?=[^\d\s]))?(?P<m>[-−]?)(?P<c>{_SIGNS})\s?(?P<m2>[-−]?)(?P<n>{NUMBER})(?P<k>{_SCALE})?"
    rf"(?:{_DASH}(?P<c2>(?P=c))?(?P<n2>{NUMBER})(?P<k2>{_SCALE})?)?(?P<w>\s?(?:{_WORDS}|{_EN_WORDS}))?"
)
_SUFFIX = "|".join(re.escape(s) for s in sorted(_BY_SIGN, key=len, reverse=True) if s != "RMB¥")
_AFTER = re.compile(rf"(?<![\w.])(?P<n>{NUMBER})(?P<k>{_SCALE})?\s?(?P<c>¢|{_SUFFIX})(?![A-Za-z\d])", re.ASCII)
_YUAN = re.compile(rf"(?<![\w.])(?P<n>\d[\d,]*\.\d+)(?P<w>万|亿)?(?=(?:{_WORDS}))", re.ASCII)
_POWERS = {"k": 3, "thousand": 3, "m": 6, "mn": 6, "million": 6, "b": 9, "bn": 9, "billion": 9, "t": 12, "trillion": 12}


def money(text: str, say: Say) -> str:
    """The text with amounts of money in words."""
    text = _BEFORE.sub(lambda m: _before(m, say), text)
    text = _AFTER.sub(lambda m: f" {_amount(m['c'], m['n'], m['k'], '', say)} ", text)
    if say.LANGUAGE == "zh":  # 5.50元 is 五点五元
        text = _YUAN.sub(lambda m: f"{trimmed(m['n'])}{m['w'] or ''}", text)
    return text


def _before(m: re.Match[str], say: Say) -> str:
    sign = f"{say.MINUS} " if m["m"] or m["m2"] else ""
    word, prefix = (m["w"] or "").strip(), (m["p"] or "").strip()
    if prefix and (prefix == "元" or prefix not in _BY_SIGN[m["c"]][0]):
        sign = f"{m['p']} {sign}"  # of another thing
    if m["n2"] is None:
        return f" {sign}{_amount(m['c'], m['n'], m['k'], word, say)} "
    scale = m["k"] or m["k2"]  # $1-2 million: both are millions
    low = say.amount(m["n"], scale if say.LANGUAGE == "zh" or m["k"] else None)
    return f" {sign}{low} {say.TO} {_amount(m['c'], m['n2'], m['k2'] or (scale if not m['k2'] else None), word, say)} "


def _amount(sign: str, number: str, scale: str | None, word: str, say: Say) -> str:
    if sign == "¢":
        return f"{say.number(number)} {say.CENT}{'' if number == '1' or say.LANGUAGE == 'zh' else 's'}"
    zh, one, many, part = _BY_SIGN[sign]
    if say.LANGUAGE == "zh":
        name = word if word in zh and word not in ("块", "块钱", "人民币") else zh[0]
        if word and word not in zh and re.search("[\u4e00-\u9fff]", word):
            name = word if sign in ("$", "¥", "￥") else zh[0]  # $5港元: the words are more precise than the sign
        return f"{say.amount(number, scale)}{name}"
    if scale:
        return f"{say.amount(number, scale)} {many}"
    whole, _, cents = number.replace(",", "").partition(".")
    if len(cents) != 2 or not part or part == "fen":
        return f"{say.number(trimmed(number))} {one if number == '1' else many}"
    count = int(cents)
    said = f"{say.number(whole)} {one if whole == '1' else many}" if int(whole) or not count else ""
    coins = _COINS.get(part, part + "s") if count != 1 else part
    return " and ".join(p for p in (said, f"{say.number(cents)} {coins}" if count else "") if p)


def trimmed(number: str) -> str:
    """Without zeros that say nothing: 12.50 → 12.5, 12.00 → 12."""
    return number.rstrip("0").rstrip(".") if "." in number else number


def power(scale: str) -> int:
    """Zeros of a scale in Latin letters: k has 3."""
    return _POWERS[scale.strip().lower()]
