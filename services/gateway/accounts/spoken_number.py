"""The random number of a consent clip, and whether it was said.

A recogniser may write digits, Chinese or English words, and may miss, add or mistake one of them. So one mistake is
allowed. How sure that is: at most 55 of the numbers that may be asked for are within one mistake of what was said (six
digits heard: itself and 6 × 9 others; five: as many; seven: at most 7; more, where it must stand without a mistake: at
most 7). Of 590,490 numbers that is less than one in 10,000, whatever was said.
"""

from __future__ import annotations

import re
import secrets
import unicodedata

from pypinyin import lazy_pinyin

LENGTH = 6
MOST_HEARD = 12
"""Digits that may be heard in all: a number said twice. More would be a list to find it in."""
_ZH = dict(zip("零〇一二三四五六七八九幺两", "0012345678912", strict=True))
_SOUNDS = {
    **{"ling": "0", "lin": "0", "yi": "1", "yao": "1", "er": "2", "liang": "2", "san": "3", "si": "4", "wu": "5"},
    **{"liu": "6", "qi": "7", "ba": "8", "ban": "8", "bai": "8", "jiu": "9"},
}
"""Pinyin of the Chinese digits, and of what is heard for them: recognisers write 起 for 七, 散司版林死物 for 348045."""
_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)
_TEENS = [f"{stem}teen" for stem in ("thir", "four", "fif", "six", "seven", "eigh", "nine")]
_TENS = [f"{stem}ty" for stem in ("twen", "thir", "for", "fif", "six", "seven", "eigh", "nine")]
_EN = (
    {word: str(i) for i, word in enumerate([*_ONES, *_TEENS])}
    | {word: f"{i}0" for i, word in enumerate(_TENS, start=2)}
    | {"oh": "0", "o": "0"}
)
_TOKEN = re.compile(r"[0-9]|[零〇一二三四五六七八九幺两]?十[一二三四五六七八九]?|[\u4e00-\u9fff〇]|[a-z]+")
_BEFORE = "ma"
"""Pinyin of the last character before the number in the Chinese sentence, 号码; before it are sounds of digits too."""


def new_number() -> str:
    """Six random digits, no two of a kind side by side: recognisers take such a pair for one."""
    digits = [secrets.randbelow(10)]
    while len(digits) < LENGTH:
        digit = secrets.randbelow(9)
        digits.append(digit + (digit >= digits[-1]))
    return "".join(map(str, digits))


def in_groups(number: str) -> str:
    """As it is shown: ``382 741``."""
    return f"{number[:3]} {number[3:]}"


def digits_in(text: str) -> str:
    """The digits of a transcript in their order: ``三八二, seven forty-one`` is ``382741``."""
    tokens = _TOKEN.findall(unicodedata.normalize("NFKC", text).lower())
    sounds = [_sound(token) for token in tokens]
    start = len(sounds) - sounds[::-1].index(_BEFORE) if _BEFORE in sounds else 0
    out, tens = "", False
    for token, sound in zip(tokens[start:], sounds[start:], strict=True):
        word = _EN.get(token, "")
        if "十" in token:
            before, after = (_ZH.get(part, "") for part in token.split("十"))
            out += (before or "1") + (after or "0")
        elif word and tens and len(word) == 1 and word != "0":
            out = out[:-1] + word  # twenty, three
        elif token.isdigit():
            out += token
        else:
            out += _ZH.get(token, word) or (_SOUNDS.get(sound, "") if start else "")
        tens = len(word) == 2 and word.endswith("0") and word != "10"
    return out


def _sound(token: str) -> str:
    """Pinyin of a Chinese character without its tone; empty for anything else."""
    return lazy_pinyin(token)[0] if len(token) == 1 and "\u4e00" <= token <= "\u9fff" else ""


def wrong_digits(number: str, heard: str) -> int | None:
    """How many digits of the number were heard wrong, 0 or 1; None when it is not what was said."""
    if number in heard and len(heard) <= MOST_HEARD:
        return 0
    return 1 if abs(len(heard) - LENGTH) <= 1 and _is_near(number, heard) else None


def _is_near(a: str, b: str) -> bool:
    """Whether one digit changed, added or left out makes ``b`` of ``a``."""
    same = 0
    while same < min(len(a), len(b)) and a[same] == b[same]:
        same += 1
    rest_a, rest_b = a[same:], b[same:]
    return rest_a[1:] in (rest_b, rest_b[1:]) or rest_a == rest_b[1:]
