"""What numbers mean in Chinese sentences: dates, scores, hours, models, service numbers, codes, short forms."""

from __future__ import annotations

import re
from collections.abc import Callable

from services.common.script import HAN
from services.tts.text import codes, say_zh
from services.tts.text.roman import value as roman

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]
_DASH = r"\s?[-–—~～〜至到]\s?"
_TEMPERATURE = r"\s?(?:°C|°F|摄氏度|华氏度|度)"

_WON = (
    "拿下|先胜|战胜|击败|打败|获胜|取胜|胜出|大胜|完胜|险胜|逆转|横扫|"
    "淘汰|惜败|不敌|负于|轻取|力克|领先|落后|战平|平局|胜|负|赢|输"
)
_SCORE_BEFORE = (
    "比分|赛果|第[一二三四五1-5][局节盘场]|战成|打成|扳成|改写为|锁定|终场|大胜|战胜|"
    "击败|险胜|完胜|逆转|横扫|惜败|不敌|战平|领先|落后|赢了|输了"
)
_RATIO_BEFORE = "比例|比例尺|宽高比|画幅|配比|比率|赔率|混合比|性别比|长宽比|比为|比是"
_DATE_BEFORE = "节|日|于|在|至|自|从|到|截止|截至|日期|生日|每年|今年|明年|去年|定于|改到|周[一二三四五六日]"
_DATE_AFTER = (
    "放假|上线|开学|开始|开业|发布|发售|结束|截止|购物|促销|活动|大促|当天|凌晨|上午|下午|晚|前|后|号|日|起|至|到|节|出发|举行|"
    "妇女|劳动|国庆|儿童|情人|青年|教师|建军|植树|愚人|高考|见|生效"
)
_NEGATIVE = "是为到于低温约达至在额值分数率得等差下了负升降跌盈利润℃，。、：；（("
_CODE = (
    "订单号?|单号|运单|快递|验证码|校验码|密码|口令|编号|编码|工号|学号|卡号|账号|帐号|号码|邮编|邮政编码|身份证号?|证号|尾号|"
    "车牌号?|QQ群?号?|微信号?|代码|股票|流水号|序列号|取件码|提取码|识别码|邀请码|会议号|房间号?|分机|批次|端口|ID|PIN"
)
_CALL = (
    "打(?:了|过|给)?|事故|消防|公安|查号|举报|求助|拨打?|致电|热线|电话|急救|报警|"
    "火警|匪警|客服|投诉|短号|发送|编辑短信"
)


def _rule(pattern: str, say: Callable[[re.Match[str]], str], flags: int = 0) -> Rule:
    return re.compile(pattern, flags | re.ASCII), say


def _slash(m: re.Match[str]) -> str:
    """24/7, a date, or a fraction."""
    a, b = int(m["a"]), int(m["b"])
    before, after = m.string[max(0, m.start() - 6) : m.start()], m.string[m.end() : m.end() + 4]
    if (a, b) == (24, 7):
        return "二十四七"
    if before.endswith("第") and (page := re.match(rf"\s?([{HAN}])", after)):
        return f"{say_zh.number(m['a'])}{page[1]}共{say_zh.number(m['b'])}"
    is_date = 1 <= a <= 12 and 1 <= b <= 31
    if a > b and a > 31:
        return say_zh.ratio(m["a"], m["b"])
    has_context = re.match(rf"\s?(?:{_DATE_AFTER})", after) or re.search(rf"(?:{_DATE_BEFORE})[是为：:]?\s?$", before)
    is_usual = a < b and (b <= 10 or re.match(r"\s?[的杯勺块份个页圈]", after) or re.search(r"[占约剩了]\s?$", before))
    if is_date and (has_context or not is_usual):
        return f"{say_zh.date(None, a, b)}"
    return say_zh.fraction(a, b) if b else m.group()


def _dash(m: re.Match[str]) -> str:
    """歼-20 is a name, 是-5 a negative number."""
    before, plain, after = m["h"], m["n"], m.string[m.end() : m.end() + 3]
    is_negative = before[-1] in _NEGATIVE or "." in plain or re.match(rf"{_TEMPERATURE}|\s?[%元]", after)
    if re.match(r"\s?[%‰]", after):
        return f"{before}负{plain}"
    if is_negative:
        return f"{before}负{say_zh.number(plain)}" if not re.match(_TEMPERATURE, after) else f"{before}零下{plain}"
    return before + (say_zh.number(plain) if len(plain) < 3 else say_zh.code(plain))


def _short(m: re.Match[str]) -> str:
    """10w, 3k, 15K."""
    scale, after = m["k"], m.string[m.end() : m.end() + 3]
    before = m.string[max(0, m.start() - 6) : m.start()]
    is_people = re.search(
        "粉丝|月薪|年薪|工资|薪|播放|点赞|阅读|浏览|收入|销量|用户|关注|下载|涨|破|首付|房价|投资|融资|预算|存款|彩礼|总价|售价|元",
        before + after,
    )
    if scale in "WK" and not is_people:
        return m.group()
    if scale in "Kk":
        return say_zh.amount(m["n"], "k") if len(m["n"]) > 1 or "." in m["n"] else say_zh.number(m["n"]) + "千"
    return say_zh.number(m["n"]) + "万"


def _score(m: re.Match[str]) -> str:
    return f"{m['x']}{say_zh.ratio(m['a'], m['b'])}"


def _service(m: re.Match[str]) -> str:
    """Three digits are a telephone number only where the sentence speaks of calling."""
    near = m.string[max(0, m.start() - 16) : m.start()]
    return say_zh.code(m.group()) if len(m.group()) > 3 or re.search(rf"(?:{_CALL})", near) else m.group()


def _half(year: str, part: str) -> str:
    return (say_zh.digits(year) + "年" if year else "") + ("上半年" if part == "1" else "下半年")


def _time(text: str) -> str:
    h, m = re.split("[:：]", text)
    return say_zh.clock(int(h), int(m), None, "")


_T = r"(?<![\d.])(?<!\d[:：])(?:[01]?\d|2[0-4])[:：][0-5]\d(?![\d:：])"
RULES: list[Rule] = [
    _rule(
        rf"(?P<x>(?:{_SCORE_BEFORE})[{HAN}]{{0,2}}?[：:]?\s?)(?P<a>\d{{1,3}})\s?[-–—:：比]\s?(?P<b>\d{{1,3}})(?![\d:：])",
        _score,
    ),
    _rule(
        rf"(?P<x>)(?<![\d.:：])(?P<a>\d{{1,3}})\s?[-–—:：]\s?(?P<b>\d{{1,3}})(?=\s?的?(?:比分|总比分|优势|成绩)|\s?(?:{_WON}))",
        _score,
    ),
    _rule(
        rf"(?P<x>(?:{_RATIO_BEFORE})(?:大?约|[是为：:])?\s?)(?P<a>\d+(?:\.\d+)?)\s?[:：]\s?(?P<b>\d+(?:\.\d+)?)", _score
    ),
    _rule(
        r"(?P<x>)(?<![\d:：])(?P<a>\d+)\s?[:：]\s?(?P<b>\d+)(?=\s?的?(?:比例|屏|画面|画幅|显示|宽屏|视频|混合|配比))",
        _score,
    ),
    _rule(rf"(?P<a>{_T}){_DASH}(?P<b>{_T})", lambda m: f"{_time(m['a'])}到{_time(m['b'])}"),
    _rule(r"(?<![\d/])(\d{2,3})/(\d{2,3})\s?(?:mmHg|毫米汞柱)", lambda m: say_zh.ratio(m[1], m[2]) + "毫米汞柱"),
    _rule(r"(血压[^\d，。]{0,6})(\d{2,3})\s?/\s?(\d{2,3})", lambda m: f"{m[1]}{say_zh.ratio(m[2], m[3])}"),
    _rule(r"(?<![\d/])(\d+\.\d+)/(\d+)(?![\d/])", lambda m: f"{say_zh.number(m[2])}分之{say_zh.number(m[1])}"),
    _rule(r"(?<!\d)(\d{4})年?\s?[Qq]([1-4])(?!\d)", lambda m: f"{say_zh.digits(m[1])}年第{say_zh.number(m[2])}季度"),
    _rule(r"(?<![A-Za-z\d])Q([1-4])\s?(20\d\d)(?!\d)", lambda m: f"{say_zh.digits(m[2])}年第{say_zh.number(m[1])}季度"),
    _rule(r"(?<![A-Za-z\d])Q([1-4])(?![A-Za-z\d])", lambda m: f"第{say_zh.number(m[1])}季度"),
    _rule(r"(?<!\d)(20\d\d)年?\s?H([12])(?!\d)", lambda m: _half(m[1], m[2])),
    _rule(r"(?<![A-Za-z\d])FY\s?(20\d\d)(?!\d)", lambda m: f"{say_zh.digits(m[1])}财年"),
    _rule(
        r"(?<!\d)(\d{4})\s?[-–—~～至到]\s?(\d{4})(?=\s?年)", lambda m: f"{say_zh.digits(m[1])}到{say_zh.digits(m[2])}"
    ),
    _rule(
        r"(?<!\d)(20\d\d)\s?[-–—~～至到]\s?(20\d\d)(?=\s?(?:学年|赛季|财年|年度))",
        lambda m: f"{say_zh.digits(m[1])}到{say_zh.digits(m[2])}",
    ),
    _rule(r"(?<![\dA-Za-z])(\d\d)Q([1-4])(?!\d)", lambda m: f"{say_zh.digits(m[1])}年第{say_zh.number(m[2])}季度"),
    _rule(r"(?<![A-Za-z\d])H([12])(?=业绩|财报|营收|收入|利润|净利)", lambda m: _half("", m[1])),
    _rule(r"['’](?=\d\d年代)", lambda _: ""),
    _rule(r"(?<!\d)(\d{4})\s?年", lambda m: say_zh.digits(m[1]) + "年"),
    _rule(r"(?<!\d)(\d{2})(?=年代)", lambda m: say_zh.number(m[1])),
    _rule(r"(?<![\d第])([5-9][05]|0[05])(?=后(?![来悔面续天台半期方盖代果颈门卫勤]))", lambda m: say_zh.digits(m[1])),
    _rule(r"(?<![\d/.])(?P<a>\d{1,3})/(?P<b>\d{1,3})(?![\d/.]|\s?=)", _slash),
    _rule(r"(?<=[日号月年时分])\s?[-–—~～]\s?(?=[\d一二三四五六七八九十])", lambda _: "到"),
    _rule(
        rf"((?:{_CALL})[{HAN}]{{0,3}}?(?:号码|号)?[：:是为]?\s?)(\d{{3,8}})(?![\d.\-A-Za-z]|\s?{codes.COUNTED_ZH})",
        lambda m: m[1] + say_zh.code(m[2]),
    ),
    _rule(rf"(?<![\d.\-+=×÷*/<>≥≤≈~])(?:{codes.SERVICE_ZH})(?![\d.\-+=×÷*/]|\s?{codes.COUNTED_ZH})", _service),
    _rule(
        rf"((?:{_CODE})(?:码|号)?(?:分别)?[是为：:]?\s*)(\d{{3,}})(?![\d.])", lambda m: m[1] + say_zh.code(m[2]), re.I
    ),
    _rule(r"(?<=[房间号门线路])(\d{3,4})(?!\d)|(?<!\d)(\d{3,4})(?=[路室房])", lambda m: say_zh.digits(m[1] or m[2])),
    _rule(
        r"(波音|空客)\s?(A?)(\d{3})(?:-(\d{1,3}))?",
        lambda m: f"{m[1]} {m[2]} {say_zh.digits(m[3])} {say_zh.digits(m[4] or '')} ",
    ),
    _rule(rf"(?P<h>[{HAN}])[-−](?P<n>\d+(?:\.\d+)?)(?![\d.\-–~～]|\s?[-~～到至]\s?\d)", _dash),
    _rule(
        rf"(?<=[{HAN}：:，])\s?[-−](\d+(?:\.\d+)?)(?=\s?[~～到至-]\s?\d+(?:\.\d+)?{_TEMPERATURE})",
        lambda m: f"零下{m[1]}",
    ),
    _rule(r"(?<![\w.])(?P<n>\d+(?:\.\d+)?)\s?(?P<k>[wWkK])(?![A-Za-z])", _short),
    _rule(
        r"(?<![A-Za-z\d])([A-Z]{1,5})-?(\d{3,})(?![\d.]|\s?[%°])",
        lambda m: f" {' '.join(m[1]) if len(m[1]) < 3 else m[1]} {say_zh.code(m[2])} ",
    ),
    _rule(r"第([IVXLC]{1,6})(?=[章节部分卷篇条届代期类级型季集幕])", lambda m: f"第{_roman(m[1])}"),
    _rule(
        rf"(?<=[{HAN}])([IVX]{{2,5}})(?![A-Za-z\d])|(?<![A-Za-z\d])([IVX]{{1,5}})(?=[世型期类级])",
        lambda m: _roman(m[1] or m[2]),
    ),
    _rule(r"(?<=[A-Za-z] )([IVX]{2,5})(?![A-Za-z\d])", lambda m: _roman(m[1])),
    _rule(rf"(?<=[元次人个吨米克升件块分万千台])\s?/\s?(?=[{HAN}]|k?m²|m³)", lambda _: "每"),
    _rule(r"(?<!\d)(\d{3,4})[pP](?![A-Za-z])", lambda m: say_zh.digits(m[1]) + " P "),
    _rule(r"(?<!\d)(\d{4})(?=网站|网(?![络格点球]))", lambda m: say_zh.digits(m[1])),
    _rule(r"(?<![A-Za-z\d])([A-Za-z]{1,4}\d{1,2})-(\d{3,})", lambda m: f"{m[1]} {say_zh.digits(m[2])}"),
    _rule(r"(?<![A-Za-z])([A-Z]{2,5})\s(\d{4})(?![\d.])", lambda m: f"{m[1]} {say_zh.digits(m[2])}"),
    _rule(r"[↑⬆]\s?(?=\d)", lambda _: "上升"),
    _rule(r"[↓⬇]\s?(?=\d)", lambda _: "下降"),
    _rule(r"(\d+(?:\.\d+)?)\s?‰", lambda m: f"千分之{say_zh.number(m[1])}"),
    _rule(r"(?<![\w%‰°])[~～∼](?=\s?\d)", lambda _: "约"),
    _rule(r"满(\d+)[-−](\d+)", lambda m: f"满{say_zh.number(m[1])}减{say_zh.number(m[2])}"),
    _rule(r"No\.?\s?(?=\d)", lambda _: "第"),
    _rule(r"(?<=[A-Za-z])2(?=[个只条件张])", lambda _: "二"),
]


def _roman(numeral: str) -> str:
    n = roman(numeral)
    return say_zh.number(str(n)) if n and not re.fullmatch("X{2,3}|I", numeral) else numeral


def apply(text: str) -> str:
    """The text with these in words."""
    for pattern, say in RULES:
        text = pattern.sub(say, text)
    return text
