"""How Chinese says numbers, dates, times, money and units."""

from __future__ import annotations

import cn2an

_DIGITS = "零一二三四五六七八九"
_UNITS = {
    "km": "公里",
    "cm": "厘米",
    "mm": "毫米",
    "m": "米",
    "kg": "公斤",
    "g": "克",
    "mg": "毫克",
    "ml": "毫升",
    "l": "升",
    "km/h": "公里每小时",
    "m/s": "米每秒",
    "mph": "英里每小时",
    "ms": "毫秒",
    "s": "秒",
    "min": "分钟",
    "h": "小时",
    "hz": "赫兹",
    "khz": "千赫兹",
    "mhz": "兆赫兹",
    "ghz": "吉赫兹",
    "w": "瓦",
    "kw": "千瓦",
    "kwh": "千瓦时",
    "v": "伏",
    "kb": " K B",
    "mb": " M B",
    "gb": " G B",
    "tb": " T B",
    "fps": "帧每秒",
    "px": "像素",
    "°c": "摄氏度",
    "°f": "华氏度",
    "°": "度",
    "m²": "平方米",
    "km²": "平方公里",
    "m³": "立方米",
    "lb": "磅",
    "ft": "英尺",
    "dpi": " D P I",
    "kbps": " K B P S",
    "mbps": "兆比特每秒",
    "gbps": " G B P S",
}
_MONEY = {"$": "美元", "€": "欧元", "£": "英镑", "¥": "元", "￥": "元", "₹": "卢比", "₩": "韩元"}
_SCALES = {
    "k": "千",
    "m": "百万",
    "bn": "十亿",
    "b": "十亿",
    "t": "万亿",
    "thousand": "千",
    "million": "百万",
    "billion": "十亿",
    "trillion": "万亿",
}
MEASURES = (
    "个位只张条次天年月点本件元块层楼岁号种台辆倍份名家座步分秒页章节场杯瓶双对套根支颗头匹篇首句行列遍架间门项届"
    "款片段批组排束串把幅册艘道顿米升斤克吨里亩度周代"
)
"""Characters before which 2 is said 两; ``号楼层度月`` and the like are excepted in ``number``."""
_TWO_STAYS_ER = "月号楼层度"
SYMBOLS = {
    "+": "加",
    "=": "等于",
    "×": "乘以",
    "÷": "除以",
    "−": "减",
    "&": "和",
    "@": " at ",
    "%": "百分号",
    "<": "小于",
    ">": "大于",
    "≤": "小于等于",
    "≥": "大于等于",
    "≈": "约等于",
    "±": "正负",
    "#": "号",
    "→": "到",
    "°": "度",
    "‰": "千分之一",
    "℃": "摄氏度",
    "$": "美元",
    "€": "欧元",
    "£": "英镑",
    "¥": "元",
}
DOT, SLASH, AT, DASH, UNDERSCORE, TO, MINUS = "点", "斜杠", "at", "杠", "下划线", "到", "负"


def digits(s: str) -> str:
    """One digit after the other: 404 → 四零四."""
    return "".join(_DIGITS[int(c)] for c in s if c.isdecimal())


def telephone(s: str) -> str:
    """Digits with 1 said 幺, in the groups they are written in, a mobile number in 3-4-4."""
    plain = "".join(c for c in s if c.isdecimal())
    groups = "".join(c if c.isdecimal() else " " for c in s).split()
    if len(groups) == 1 and len(plain) == 11:
        groups = [plain[:3], plain[3:7], plain[7:]]
    return "，".join(digits(g).replace("一", "幺") for g in groups)


def number(s: str, after: str = "") -> str:
    """A cardinal, perhaps with commas, sign and decimals; ``after`` is the next character: 2 before a measure is 两."""
    s = s.replace(",", "")
    sign = "负" if s[:1] in "-−" else ""
    whole, _, part = s.lstrip("+-−").partition(".")
    if not part and whole == "2" and after and after in MEASURES and after not in _TWO_STAYS_ER:
        return sign + "两"
    said = digits(whole) if len(whole) > 16 else str(cn2an.an2cn(int(whole or "0"), "low"))
    return sign + said + (f"点{digits(part)}" if part else "")


def ordinal(n: int) -> str:
    """3 → 第三."""
    return "第" + number(str(n))


def year(n: int) -> str:
    """2024 → 二零二四."""
    return digits(str(n))


def decade(n: int) -> str:
    """1990 → 一九九零年代."""
    return digits(str(n)) + "年代"


def date(y: int | None, m: int, d: int | None) -> str:
    """(2024, 5, 1) → 二零二四年五月一日."""
    return (f"{year(y)}年" if y else "") + f"{number(str(m))}月" + (f"{number(str(d))}日" if d else "")


def clock(h: int, m: int, s: int | None, half: str) -> str:
    """(3, 30) → 三点三十分; ``half`` is "", "am" or "pm"."""
    said = {"am": "上午", "pm": "下午"}.get(half, "") + number(str(h), "点") + "点"
    if m or s is not None:
        said += ("零" if m < 10 else "") + (number(str(m)) if m else "") + "分"
    return said + (f"{number(str(s))}秒" if s is not None else "")


def unit(amount: str, name: str) -> str:
    """("5", "km") → 五公里."""
    word = _UNITS[name]
    if name in ("°c", "°f") and amount[:1] in "-−":
        return f"零下{number(amount[1:])}{word}"
    return number(amount, word[0]) + word


def is_unit(name: str) -> bool:
    """Whether ``unit`` knows it (lower case)."""
    return name in _UNITS


def money(symbol: str, amount: str, scale: str) -> str:
    """("$", "5", "") → 五美元."""
    return number(amount, "" if scale else "元") + _SCALES.get(scale.lower(), "") + _MONEY[symbol]


def percent(amount: str) -> str:
    """20 → 百分之二十."""
    sign = "负" if amount[:1] in "-−" else ""
    return f"{sign}百分之{number(amount.lstrip('-−'))}"


def fraction(a: int, b: int) -> str:
    """(3, 4) → 四分之三."""
    return f"{number(str(b))}分之{number(str(a))}"


def ratio(a: str, b: str) -> str:
    """3:2 → 三比二."""
    return f"{number(a)}比{number(b)}"


def version(parts: list[str]) -> str:
    """3.11.2 → 三点十一点二."""
    return "点".join(number(p) for p in parts)
