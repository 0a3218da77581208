"""Entries of a pronunciation dictionary: a word, and how its user wants it said."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from services.common.errors import HuashengError

MAX_ENTRIES = 1000
"""Entries that one person may have, and that go with one request."""
MAX_WORD, MAX_SAY = 40, 120
"""Longest word and longest pronunciation, in characters."""
IPA = frozenset("abdefhijklmnopstuvwzðŋɑɐɒɔəɚɛɜɝɡgɪɫɹrɾʃʊʌʒθæʔːˈˌ ˑ͡.ʤʧɒᵊᵻ")
"""Symbols of English in IPA; ``tʃ``, ``eɪ`` and their like are written with two of them."""

SYLLABLES = frozenset(Path(__file__).with_name("pinyin.txt").read_text(encoding="utf-8").split())
"""The syllables of Mandarin, without tones, ü written v."""
_SPLIT = re.compile(r"[\s'’·-]+|(?<=\d)(?=[A-Za-zü])")


@dataclass(frozen=True)
class Pronunciation:
    """An entry."""

    word: str
    """As it stands in texts."""
    say: str
    """Pinyin with tone numbers; ``/IPA/``; or other words."""
    language: str
    """``zh`` or ``en``."""

    @property
    def is_ipa(self) -> bool:
        """Whether it is said by its phonemes."""
        return self.language == "en" and self.say.startswith("/")

    @property
    def is_respelling(self) -> bool:
        """Whether it is said by other words, which every engine can read."""
        return self.language == "en" and not self.is_ipa


def syllables(say: str) -> list[str]:
    """The syllables of pinyin with tone numbers, ü written v, 0 written 5. Raises ``pinyin-unclear``."""
    out = []
    for part in filter(None, _SPLIT.split(say.strip())):
        plain = part.lower().replace("ü", "v").replace("u:", "v")
        syllable, tone = plain[:-1], plain[-1:]
        if tone not in tuple("012345") or _jqxy(syllable) not in SYLLABLES:
            raise HuashengError("pinyin-unclear", what=part)
        out.append(_jqxy(syllable) + ("5" if tone == "0" else tone))
    return out


def _jqxy(syllable: str) -> str:
    """``jv`` and its like are written ``ju``."""
    return syllable.replace("v", "u") if syllable[:1] in ("j", "q", "x", "y") else syllable


def checked(word: str, say: str, language: str) -> Pronunciation:
    """An entry as it is kept.

    Raises ``dictionary-word``, ``pinyin-unclear``, ``ipa-unclear`` and ``respelling-unclear`` with what is wrong.
    """
    word, say = unicodedata.normalize("NFC", word).strip(), unicodedata.normalize("NFC", say).strip()
    if not 0 < len(word) <= MAX_WORD or not any(c.isalnum() for c in word) or not word.isprintable():
        raise HuashengError("dictionary-word", what=word[:MAX_WORD], limit=MAX_WORD)
    if language == "zh":
        if not (said := syllables(say[: MAX_SAY + 1])) or len(say) > MAX_SAY:
            raise HuashengError("pinyin-unclear", what=say[:MAX_SAY])
        return Pronunciation(word, " ".join(said), "zh")
    if language != "en":
        raise HuashengError("bad-request", what="language: zh or en")
    if say.startswith("/"):
        inner = say[1:-1]
        unknown = sorted(set(inner) - IPA)
        if len(say) > MAX_SAY or not say.endswith("/") or not inner.strip(" .ˈˌ") or unknown:
            raise HuashengError("ipa-unclear", what=" ".join(unknown) or say[:MAX_SAY])
    elif len(say) > MAX_SAY or not re.fullmatch(r"[A-Za-z\u00c0-\u024f][A-Za-z\u00c0-\u024f' .-]*", say):
        raise HuashengError("respelling-unclear", what=say[:MAX_SAY])
    return Pronunciation(word, say, "en")
