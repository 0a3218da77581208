from random import Random

import pytest

from services.common.markup import plain
from services.tts.text.normalise import normalise

ENGLISH = {
    "It's 3:30 pm.": "It's three thirty P M.",
    "at 3:05": "at three oh five",
    "10:00 sharp": "ten o'clock sharp",
    "from 5pm": "from five P M",
    "at 6 p.m. today": "at six P M today",
    "at 18:00": "at eighteen hundred",
    "10:05:30": "ten oh five and thirty seconds",
    "2024-05-01": "May first, twenty twenty four",
    "2024/12/31": "December thirty first, twenty twenty four",
    "May 5, 2024": "May fifth, twenty twenty four",
    "12/25/2023": "December twenty fifth, twenty twenty three",
    "on Jan. 5": "on January fifth",
    "5 March 1999": "March fifth, nineteen ninety nine",
    "in 1998": "in nineteen ninety eight",
    "the 1990s": "the nineteen nineties",
    "1,234 people": "one thousand two hundred and thirty four people",
    "3.14": "three point one four",
    "007": "zero zero seven",
    "-5 below": "minus five below",
    "12.5%": "twelve point five percent",
    "20℃": "twenty degrees Celsius",
    "-5°C": "minus five degrees Celsius",
    "72 °F": "seventy two degrees Fahrenheit",
    "5km": "five kilometers",
    "1 kg": "one kilogram",
    "16GB": "sixteen gigabytes",
    "80 km/h": "eighty kilometers per hour",
    "25 fps": "twenty five frames per second",
    "44.1 kHz": "forty four point one kilohertz",
    "512x512 px": "five hundred and twelve by five hundred and twelve pixels",
    "$5.50": "five dollars and fifty cents",
    "$1": "one dollar",
    "$0.99": "ninety nine cents",
    "$3.5 million": "three point five million dollars",
    "$5M": "five million dollars",
    "£20": "twenty pounds",
    "¥99": "ninety nine yuan",
    "1st, 2nd and 103rd": "first, second and one hundred and third",
    "10-20": "ten to twenty",
    "10%-20%": "ten percent to twenty percent",
    "1/2 and 3/4": "one half and three quarters",
    "score 3:2": "score three to two",
    "555-123-4567": "five five five, one two three, four five six seven",
    "1+1=2": "one plus one equals two",
    "R&D": "R and D",
    "Dr. Smith": "Doctor Smith",
    "e.g. this": "for example, this",
    "No. 5": "number five",
    "cats, dogs, etc.": "cats, dogs, et cetera.",
    "GPT-4": "GPT four",
    "GLM-4-Plus": "GLM four Plus",
    "GPT-SoVITS": "GPT SoVITS",
    "5G": "five G",
    "H100": "H one hundred",
    "Python 3.11.2": "Python three point eleven point two",
    "192.168.0.1": "one nine two dot one six eight dot zero dot one",
    "https://www.example.com/docs": "example dot com slash docs",
    "me@foo-bar.io": "me at foo dash bar dot io",
    "run main.py": "run main dot py",
    "Hello 😀👍🏽!": "Hello!",
    "a **bold** `word`": "a bold word",
    "see [the page](https://a.b/c)": "see the page",
    "well-known": "well known",
    "ＡＢＣ １２": "ABC twelve",
    "😀": "",
}
CHINESE = {
    "2024年5月1日": "二零二四年五月一日",
    "2024-05-01": "二零二四年五月一日",
    "2020-2024年": "二零二零到二零二四年",
    "90年代": "九十年代",
    "下午3:30": "下午三点三十分",
    "3:05": "三点零五分",
    "8:00": "八点",
    "2:15pm": "下午两点十五分",
    "10:05:30": "十点零五分三十秒",
    "20℃": "二十摄氏度",
    "最低-5℃": "最低零下五摄氏度",
    "5km": "五公里",
    "80km/h": "八十公里每小时",
    "100㎡": "一百平方米",
    "16GB内存": "十六 G B 内存",
    "12.5%": "百分之十二点五",
    "10%-20%": "百分之十到百分之二十",
    "3-5天": "三到五天",
    "10～20个": "十到二十个",
    "1/2": "二分之一",
    "比分3:2": "比分三比二",
    "第3名": "第三名",
    "2个": "两个",
    "2月2号": "二月二号",
    "2点": "两点",
    "12个": "十二个",
    "¥12.5": "十二点五元",
    "$999": "九百九十九美元",
    "14.1亿": "十四点一亿",
    "1,234": "一千二百三十四",
    "305房间": "三零五房间",
    "房间305": "房间三零五",
    "拨打13812345678": "拨打幺三八，幺二三四，五六七八",
    "验证码0042": "验证码零零四二",
    "12345678901234": "一二三四五六七八九零一二三四",
    "1+1=2": "一加一等于二",
    "GLM-4-Plus": "GLM 四 Plus",
    "访问https://example.com/docs。": "访问 example 点 com 斜杠 docs。",
    "发到a@b.com": "发到 A at B 点 com",
    "好的😀，走吧": "好的，走吧",
    "# 标题": "标题",
    "在2020年用AI": "在二零二零年用AI",
}


@pytest.mark.parametrize(("text", "said"), ENGLISH.items())
def test_english(text: str, said: str) -> None:
    assert normalise(text, "en") == said


@pytest.mark.parametrize(("text", "said"), CHINESE.items())
def test_chinese(text: str, said: str) -> None:
    assert normalise(text, "zh") == said


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_unsaid_is_left(language: str) -> None:
    odd = "99/99/9999 25:99 $ % @ # 1.2.3.4.5 --- ~~ 0x1F 1e5 ½ ² III ① (a) [b] {c} <d> 3:2:1 1,2,3 +86 13800000000 -"
    assert not set(normalise(odd, language)) & set("0123456789%@#$~[]{}<>|\\^*_")


_PARTS = list("12309.,:/-%$¥€@b~+=x()*_#年月日点个第到A²½１٣。， \n")
_PARTS += ["°C", "℃", "km", "GB", "th", "st", "am", ".com", "http://", "May ", "million"]


def test_no_text_breaks_the_rules() -> None:
    random = Random(1)
    for _ in range(1500):
        text = "".join(random.choices(_PARTS, k=random.randint(1, 14)))
        for language in ("en", "zh"):
            assert not set(normalise(text, language)) & set("0123456789%@#$"), text
    for text in ("1" * 500, "1" * 500 + "th", "$" + "9" * 400, "9" * 400 + "km", "a." * 400):
        for language in ("en", "zh"):
            assert normalise(text, language)


def test_markdown_is_not_read_out() -> None:
    assert plain("## Title\n- one\n- **two**\n> three\n```py\nx\n```") == "Title\none\ntwo\nthree\nx\n"
