"""Which reading of a character is meant."""

from __future__ import annotations

from functools import cache

import pytest

from services.tts.engines.kokoro.text.ipa import from_ipa, to_ipa
from services.tts.engines.kokoro.text.reading import Reader

READINGS = {
    "他悄悄地离开": "de5",
    "客观地说": "de5",
    "这块地很大": "di4",
    "她唱得好": "de5",
    "你得早点来": "dei3",
    "他得了冠军": "de2",
    "我觉得不错": "de5",
    "明天还书": "huan2",
    "请还我五十块": "huan2",
    "把伞还给他": "huan2",
    "他还在家": "hai2",
    "他还给我买了花": "hai2",
    "教我唱歌": "jiao1",
    "教育部": "jiao4",
    "曾先生": "zeng1",
    "曾国荃": "zeng1",
    "未曾想到": "ceng2",
    "任老师": "ren2",
    "信任": "ren4",
    "单小姐": "shan4",
    "孤单": "dan1",
    "解教授": "xie4",
    "了解": "jie3",
    "第五行": "hang2",
    "银行": "hang2",
    "行人": "xing2",
    "孩子长高了": "zhang3",
    "路很长": "chang2",
    "院长": "zhang3",
    "重来一次": "chong2",
    "很重": "zhong4",
    "音乐会": "yue4",
    "乐意": "le4",
    "朝南": "chao2",
    "朝气": "zhao1",
    "调动": "diao4",
    "调味": "tiao2",
    "自传": "zhuan4",
    "传统": "chuan2",
}


@cache
def reader() -> Reader:
    return Reader()


@pytest.mark.parametrize(("text", "syllable"), READINGS.items())
def test_reading(text: str, syllable: str) -> None:
    said = [s for word in reader()(text) for s in word]
    assert syllable in said, said


def test_ipa_there_and_back() -> None:
    assert from_ipa("tʃeɪndʒ") == "ʧAnʤ"
    assert to_ipa(from_ipa("ˈdʒeɪsən")) == "ˈʤeɪsən"
