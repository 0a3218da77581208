"""Which phonemes belong to which written word: letters and pinyin beside sounds, by the cheapest way through both.

The speech service says which sounds are in a clause and when, not which word each belongs to: numbers, units and
initialisms are spoken in words that nobody wrote. So letters are set against sounds that they may stand for, as in the
alignment of two strings (Needleman and Wunsch 1970); what is said otherwise than written may have any sounds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pypinyin import lazy_pinyin

from services.common.script import HAN

_VOWELS = frozenset("ɑɐæəɛɜɪʊuioɔʌɒeaɚɨɤyɥø") | {"eɪ", "aɪ", "oʊ", "əʊ", "aʊ", "ɔɪ"}
_SOUNDS = {
    **{"b": "bp", "p": "pf", "m": "m", "f": "fv", "d": "dtɾʤ", "t": "tɾʧʃθðd", "n": "nŋ", "l": "l", "g": "ɡkʤŋʒf"},
    **{"k": "kn", "h": "hx", "j": "ʨʤji", "q": "ʨk", "x": "ɕksz", "z": "ʦꭧzs", "c": "ʦꭧksʧʃ", "s": "szʂʃʒ"},
    **{"r": "ɹɻɚɜʐ", "y": "jiɥyɪ", "w": "wu", "v": "v"},
}
_GLIDES = {"i": "jɥ", "u": "wɥ", "o": "w"}
_NAMES = {
    "zh": ("ling", "yi", "er", "san", "si", "wu", "liu", "qi", "ba", "jiu"),
    "en": ("zero", "wun", "tu", "thre", "for", "fiv", "six", "seven", "ate", "nin"),
}
_ANY = "?"
"""A sound of which nothing is known."""
_PAUSE = ","
_FREE = re.compile(r"\d|[A-Z]\.?[A-Z]|[%℃$¥€£+=&@/]|\b[A-Z][a-z]{0,3}\.")
"""In words that may be said otherwise than they are written: numbers, initialisms, short forms."""
_SKIP_LETTER, _SKIP_VOWEL, _SKIP_SOUND, _SKIP_SOUND_FREE = 0.6, 0.4, 0.7, 0.2


@dataclass(frozen=True)
class _Sign:
    """A letter of a word, or a pause after it."""

    letter: str
    word: int
    is_free: bool
    """Whether the word may be said otherwise than it is written."""


def _signs(words: list[str], language: str) -> list[_Sign]:
    out: list[_Sign] = []
    digits = _NAMES["zh" if language == "zh" else "en"]
    for k, word in enumerate(words):
        is_free = bool(_FREE.search(word))
        letters = ""
        for part in re.findall(rf"[{HAN}]+|\d|[^\W\d_]", word):
            if part.isdecimal():
                letters += digits[int(part)]
            elif re.match(f"[{HAN}]", part):
                letters += "".join(lazy_pinyin(part))
            else:
                letters += part.lower() if part.isascii() else _ANY
        out += [_Sign(c, k, is_free) for c in letters.replace("ü", "u")]
        if re.search(r"[，。！？；：、,.!?;:…—\n]\W*$", word):
            out.append(_Sign(_PAUSE, k, is_free=False))
    return out


def _price(sign: _Sign, sound: str) -> float:
    """What it costs to say that this sound is this letter."""
    if (sign.letter == _PAUSE) != (not sound):
        return 9.0
    if sign.letter == _PAUSE:
        return -0.5
    if sign.letter == _ANY:
        return 0.3
    if sign.letter in "aeiou":
        if sound in _VOWELS:
            return 0.0 if sound[0] == sign.letter else 0.1
        return 0.1 if sound in _GLIDES.get(sign.letter, "") else 1.1
    return 0.0 if sound in _SOUNDS.get(sign.letter, "") else 1.1


def _skip(sign: _Sign) -> float:
    """What it costs that a letter is not heard."""
    return 0.0 if sign.letter == _PAUSE else _SKIP_VOWEL if sign.letter in "aeiouhr" else _SKIP_LETTER


def owners(words: list[str], sounds: list[str], language: str) -> list[int]:
    """For each sound (IPA, empty for silence) the number of the word that it belongs to; never falls."""
    signs = _signs(words, language)
    n, m = len(signs), len(sounds)
    if not n or not m:
        return [min(len(words) - 1, k * len(words) // max(m, 1)) for k in range(m)]
    price = [[0.0] * (m + 1) for _ in range(n + 1)]
    way = [bytearray(m + 1) for _ in range(n + 1)]  # 1: a letter unheard, 2: a sound unwritten, 0: one is the other
    for i in range(n + 1):
        row, above = price[i], price[i - 1]
        sign = signs[i - 1] if i else None
        unheard = _skip(sign) if sign else 0.0
        free = (sign and sign.is_free) or (i < n and signs[i].is_free)
        unwritten = _SKIP_SOUND_FREE if free else _SKIP_SOUND
        for j in range(m + 1):
            if not i and not j:
                continue
            best, how = 1e9, 0
            if sign and j:
                best = above[j - 1] + _price(sign, sounds[j - 1])
            if sign and above[j] + unheard < best:
                best, how = above[j] + unheard, 1
            if j and (other := row[j - 1] + (unwritten if sounds[j - 1] else 0.1)) < best:
                best, how = other, 2
            row[j], way[i][j] = best, how
    out = [0] * m
    i, j = n, m
    while j:
        how = way[i][j]
        if how != 1:
            # a sound that nobody wrote goes with the word that may be said otherwise, else with the one before
            at = i - 1 if not (how == 2 and i < n and signs[i].is_free and not (i and signs[i - 1].is_free)) else i
            out[j - 1] = signs[max(at, 0)].word
            j -= 1
        if how != 2:
            i -= 1
    return out
