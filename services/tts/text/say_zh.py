"""How Chinese says numbers, dates, times, money and units."""

from __future__ import annotations

from decimal import Decimal

import cn2an

from services.tts.text import units
from services.tts.text.money import power as zeros
from services.tts.text.money import trimmed

PAUSE = "，"
LANGUAGE = "zh"

_DIGITS = "零一二三四五六七八九"
MEASURES = (
    "个位只张条次天年月点本件元块层楼岁号种台辆倍份名家座步分秒页章节场杯瓶双对套根支颗头匹篇首句行列遍架间门项届"
    "款片段批组排束串把幅册艘道顿米升斤克吨里亩度周代"
)
"""Characters before which 2 is said 两; ``号楼层度月`` and the like are excepted in ``number``."""
_TWO_STAYS_ER = "月号楼层度"
SYMBOLS = {
    **{
        "+": "加",
        "=": "等于",
        "×": "乘以",
        "÷": "除以",
        "−": "减",
        "&": "和",
        "@": " at ",
        "%": "百分号",
        "‰": "千分号",
    },
    **{
        "<": "小于",
        ">": "大于",
        "≤": "小于等于",
        "≥": "大于等于",
        "≈": "约等于",
        "≠": "不等于",
        "±": "正负",
        "≡": "恒等于",
    },
    **{"#": "号", "→": "到", "↔": "与", "←": "向左", "↑": "向上", "↓": "向下", "°": "度", "∞": "无穷大", "√": "根号"},
    **{
        "∑": "求和",
        "∏": "连乘",
        "∫": "积分",
        "∂": "偏",
        "∇": "梯度",
        "∈": "属于",
        "∉": "不属于",
        "⊂": "包含于",
        "⊆": "包含于",
    },
    **{
        "∪": "并",
        "∩": "交",
        "∅": "空集",
        "∀": "对任意",
        "∃": "存在",
        "∴": "所以",
        "∵": "因为",
        "∠": "角",
        "⊥": "垂直于",
    },
    **{
        "∥": "平行于",
        "△": "三角形",
        "§": "第",
        "№": "第",
        "$": "美元",
        "€": "欧元",
        "£": "英镑",
        "¥": "元",
        "￥": "元",
    },
    **{
        "¢": "美分",
        "℃": "摄氏度",
        "∝": "正比于",
        "¬": "非",
        "∧": "且",
        "∨": "或",
        "⊕": "异或",
        "∽": "相似于",
        "≅": "全等于",
    },
}
"""Signs that are said wherever they stand."""
GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρστυφχψω",
        (
            *(
                "阿尔法",
                "贝塔",
                "伽马",
                "德尔塔",
                "艾普西龙",
                "泽塔",
                "伊塔",
                "西塔",
                "约塔",
                "卡帕",
                "拉姆达",
                "缪",
                "纽",
            ),
            *("克西", "奥密克戎", "派", "柔", "西格玛", "陶", "宇普西龙", "斐", "希", "普西", "欧米伽"),
        ),
        strict=True,
    )
)
BY, PLUS_PLUS, CENT, PER = "乘", "加加", "美分", "每"
BOUNDS = {"sum": "求和", "int": "积分", "prod": "连乘"}
DOT, SLASH, AT, DASH, UNDERSCORE, TO, MINUS = "点", "斜杠", "at", "杠", "下划线", "到", "负"


def digits(s: str) -> str:
    """One digit after the other: 404 → 四零四."""
    return "".join(_DIGITS[int(c)] for c in s if c.isdecimal())


def code(s: str) -> str:
    """A number that names something, digit by digit, 1 said 幺: 1234 → 幺二三四."""
    return digits(s).replace("一", "幺")


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
    word = units.chinese(name)
    if name in ("°C", "°F") and amount[:1] in "-−":
        return f"零下{number(amount[1:])}{word}"
    return number(amount, word[0]) + word


def amount(plain: str, scale: str | None) -> str:
    """A number with its scale, without zeros that say nothing: ("3.5", "B") → 三十五亿; ("2", "万") → 二万."""
    scale = (scale or "").strip()
    if scale and not scale.isascii():
        return number(trimmed(plain), "万") + scale
    if not scale:
        return number(trimmed(plain), "元")
    value = Decimal(plain.replace(",", "")) * 10 ** zeros(scale)
    for size, name in ((10**8, "亿"), (10**4, "万")):
        if value >= size and (size == 10**8 or value >= 10**5):
            return number(trimmed(f"{value / size:f}"), name) + name
    return number(trimmed(f"{value:f}"), "元")


def unit_name(name: str) -> str:
    """m² → 平方米."""
    return units.chinese(name)


def percent(amount: str) -> str:
    """20 → 百分之二十."""
    sign = "负" if amount[:1] in "-−" else ""
    return f"{sign}百分之{number(amount.lstrip('-−'))}"


def fraction(a: int, b: int) -> str:
    """(3, 4) → 四分之三."""
    return f"{number(str(b))}分之{number(str(a))}"


def mixed(whole: str, a: int, b: int) -> str:
    """("2", 1, 4) → 二又四分之一."""
    return f"{number(whole)}又{fraction(a, b)}" if whole else fraction(a, b)


def over(a: str, b: str) -> str:
    """A fraction of a formula."""
    return f"{b} 分之 {a}"


def bounds(sign: str, a: str, b: str) -> str:
    """A sum, product or integral of a formula with its bounds."""
    return f"从 {a} 到 {b} {BOUNDS[sign]}"


def root(x: str, n: str) -> str:
    """A root of a formula."""
    return f"{x} 的 {n} 次方根" if n else f"根号 {x}"


def power(n: str) -> str:
    """("2") → 的平方."""
    plain = n.strip().replace("−", "-")
    if plain in ("2", "3"):
        return "的平方" if plain == "2" else "的三次方"
    said = number(plain) if plain.lstrip("+-").replace(".", "").isdigit() else plain.replace("-", " 负 ")
    return f"的{said}次方"


def ratio(a: str, b: str) -> str:
    """3:2 → 三比二."""
    return f"{number(a)}比{number(b)}"


def version(parts: list[str]) -> str:
    """3.11.2 → 三点十一点二."""
    return "点".join(number(p) for p in parts)
