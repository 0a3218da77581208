"""Which reading of a Chinese character is meant: by part of speech, by the words beside it, by phrase.

pypinyin knows phrases. It reads characters that stand alone by their commonest reading, and knows no parts of speech:
地 and 得 as particles, 还 and 教 as verbs, 曾 任 单 as surnames.
"""

from __future__ import annotations

import logging
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

Word = tuple[str, str]
"""A word and its part of speech, as jieba names them."""
_TITLE = re.compile(
    "先生|女士|老师|小姐|教授|医生|总|经理|主任|同学|师傅|局长|书记|博士|院士|校长|队长|处长|科长|部长|律师|护士|太太|夫人|大夫|阿姨|某|氏|家"
)
_TRANSLITERATED = re.compile(
    "查(?:理|尔|普|克|德)|华(?:为|盛顿|尔|沙|莱|伦|纳)|解(?:放|决)|任(?:天堂|命|务)|万|单(?:于|车|词)|区块"
)
_GOT = "了到过出奖分票知以益罪救病胜失逞意主当体手名"
"""After these 得 is to get, not must."""
_RETURNED = (
    "钱",
    "债",
    "款",
    "书",
    "清",
    "账",
    "贷",
    "贷款",
    "本",
    "息",
    "礼",
    "愿",
    "手",
    "价",
    "债务",
    "欠款",
    "车",
    "人情",
    "本金",
)
_PEOPLE = ("我", "你", "他", "她", "它", "您", "咱", "我们", "你们", "他们", "她们", "咱们", "人家", "大家")


@cache
def _own() -> dict[str, dict[str, str]]:
    """Our table: ``surnames`` and ``phrases`` with their pinyin."""
    tables: dict[str, dict[str, str]] = tomllib.loads(
        Path(__file__).with_name("readings.toml").read_text(encoding="utf-8")
    )
    return tables


class Reader:
    """Cuts Chinese text into words and reads each; loading jieba and its tags takes a second."""

    def __init__(self) -> None:
        import jieba
        import jieba.posseg
        from pypinyin import load_phrases_dict

        jieba.setLogLevel(logging.WARNING)
        jieba.initialize()
        phrases = {word: [[_mark(s)] for s in said.split()] for word, said in _own()["phrases"].items()}
        load_phrases_dict(phrases, style="tone2")
        for word in phrases:
            jieba.add_word(word)
        self._cut: Any = jieba.posseg.lcut

    def __call__(self, text: str) -> list[list[str]]:
        """The syllables of each word, with tone numbers, as they are said one after the other."""
        words = [(str(w.word), str(w.flag)) for w in self._cut(text)]
        return [said for i in range(len(words)) if (said := _read(words, i))]


def _mark(syllable: str) -> str:
    """Pinyin with the tone behind the vowel, as pypinyin keeps it: hang2 → ha2ng."""
    plain, tone = syllable[:-1], syllable[-1]
    if tone == "5":
        return plain
    for vowels in ("a", "e", "ou"):
        if vowels in plain:
            return plain.replace(vowels[0], vowels[0] + tone, 1)
    place = max(plain.rfind(v) for v in "iouüv")
    return plain[: place + 1] + tone + plain[place + 1 :]


def _read(words: list[Word], i: int) -> list[str]:
    from pypinyin import Style, lazy_pinyin

    word = words[i][0]
    said: list[str] = lazy_pinyin(
        word, style=Style.TONE3, neutral_tone_with_five=True, errors="ignore", tone_sandhi=len(word) > 1
    )
    if len(said) != len(word):
        return said
    surname = _surname(words, i)
    if surname:
        return surname + said[len(surname) :]
    if len(word) == 1:
        return [_alone(words, i) or said[0]]
    if word[-1] == "地" and words[i][1] in ("d", "z", "ad", "uv", "l", "i") and len(word) > 2:
        return [*said[:-1], "de5"]
    if word[0] == "第" and word[-1] == "行":
        return [*said[:-1], "hang2"]
    if len(word) == 2 and word[0] == "得" and word[1] not in _GOT and words[i][1].startswith("v"):
        return ["dei3", said[1]]
    if word == "还给":
        return [_huan([*words[:i], ("还", "d"), ("给", "p"), *words[i + 1 :]], i, "给"), "gei3"]
    if word == "教会" and words[i + 1 : i + 2] and words[i + 1][1].startswith(("r", "nr")):
        return ["jiao1", "hui4"]
    if word[-1] == "得" and words[i][1] in ("v", "d", "ud") and len(word) == 2 and word[0] not in "获取所难":
        return [*said[:-1], "de5"]
    return said


def _surname(words: list[Word], i: int) -> list[str]:
    """How a surname with several readings is said; nothing where the word is no name."""
    word, flag = words[i]
    table = _own()["surnames"]
    found = next((s for s in (word[:2], word[:1]) if s in table), "")
    if not found or _TRANSLITERATED.match(word):
        return []
    after = words[i + 1][0] if i + 1 < len(words) else ""
    before = words[i - 1][0] if i else ""
    is_name = flag.startswith("nr") and len(word) > len(found)
    if len(word) == len(found):
        is_name = bool(_TITLE.match(after)) or before.endswith("姓") or len(found) == 2
    elif _TITLE.match(word[len(found) :]):
        is_name = True
    return table[found].split() if is_name else []


def _alone(words: list[Word], i: int) -> str:
    """The reading of a character that is a word of its own; empty for pypinyin's."""
    word = words[i][0]
    before, tag = words[i - 1] if i else ("", "")
    after, next_tag = words[i + 1] if i + 1 < len(words) else ("", "")
    if word == "地":
        is_particle = tag[:1] in tuple("adzilvo") or before == "高兴" or (tag[:1] == "n" and next_tag[:1] == "v")
        is_particle = is_particle and next_tag[:1] in tuple("vadpzil")
        return "de5" if is_particle and after not in ("上", "下", "里", "面", "方") else "di4"
    if word == "得":
        return _de(before, tag, after, next_tag)
    if word == "还":
        return _huan(words, i, after)
    if word == "教":
        return "jiao4" if tag.startswith("n") and not next_tag else "jiao1"
    if word == "行" and (tag.startswith("m") or before in ("第", "几", "每", "各", "本", "同")):
        return "hang2"
    if word == "长":
        grows = next_tag in ("uz", "ul", "ud") or after[:1] in tuple("得着出满成高胖大牙草毛在痘了")
        return "zhang3" if grows else "chang2"
    if word == "数" and (next_tag[:1] in ("m", "r") or after in ("了", "一", "到", "出", "完")):
        return "shu3"
    return {"只": "zhi1"}.get(word, "") if tag.startswith("m") else ""


def _de(before: str, tag: str, after: str, next_tag: str) -> str:
    """得 after a verb or adjective is a particle, before a verb it is must, else it is to get."""
    if after[:1] in tuple(_GOT) and not tag.startswith(("v", "a")):
        return "de2"
    if (tag[:1] in ("v", "a", "z") or before == "高兴") and before not in ("要", "想", "会", "能", "可"):
        return "de5"
    return "dei3" if next_tag[:1] in tuple("vdpazrtc") else "de2"


def _huan(words: list[Word], i: int, after: str) -> str:
    """还 before what is given back, or to whom, is a verb."""
    rest = words[i + 2 : i + 4]
    third, fourth = (*rest, ("", ""), ("", ""))[:2]
    is_taken = any(w in ("把", "将", "归", "偿") for w, _ in words[max(0, i - 3) : i])
    if is_taken and after in ("", "了", "给", "掉", "清", "上", "回"):
        return "huan2"
    if after in _RETURNED or after[:1] == "清":
        return "huan2"
    if after == "给":  # 还给我 is given back, 还给我买了书 is also bought
        return "hai2" if fourth[1].startswith("v") and third[0] in _PEOPLE else "huan2"
    if after in ("了", "过", "不", "得", "不了", "不起"):
        return "huan2" if third[0] in (*_RETURNED, *_PEOPLE, "起", "了", "上", "清") else ""
    if after in _PEOPLE and third[1][:1] in ("m", "n") and not fourth[1].startswith("v"):
        return "huan2"
    return ""
