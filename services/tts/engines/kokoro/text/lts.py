"""Letter to sound: how an English word that is in no dictionary is said.

A small sequence-to-sequence GRU (weights ``g2p-en``: trained on CMUdict by Kyubyong Park and Jongseok Kim, Apache-2.0),
run with numpy. It knows lower-case letters only.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

_LETTERS = ["<pad>", "<unk>", "</s>", *"abcdefghijklmnopqrstuvwxyz"]
# ARPAbet to the symbols that the lexicon of misaki uses (American), in the order of the network's classes
_SYMBOLS = {
    "AA": "ɑ",
    "AE": "æ",
    "AH": "ʌ",
    "AO": "ɔ",
    "AW": "W",
    "AY": "I",
    "B": "b",
    "CH": "ʧ",
    "D": "d",
    "DH": "ð",
    "EH": "ɛ",
    "ER": "ɜɹ",
    "EY": "A",
    "F": "f",
    "G": "ɡ",
    "HH": "h",
    "IH": "ɪ",
    "IY": "i",
    "JH": "ʤ",
    "K": "k",
    "L": "l",
    "M": "m",
    "N": "n",
    "NG": "ŋ",
    "OW": "O",
    "OY": "Y",
    "P": "p",
    "R": "ɹ",
    "S": "s",
    "SH": "ʃ",
    "T": "t",
    "TH": "θ",
    "UH": "ʊ",
    "UW": "u",
    "V": "v",
    "W": "w",
    "Y": "j",
    "Z": "z",
    "ZH": "ʒ",
}


def _classes() -> list[str]:
    """The network's output classes: each vowel with stress 0 to 2, UW also without."""
    out = ["<pad>", "<unk>", "<s>", "</s>"]
    for name in _SYMBOLS:
        if name[0] in "AEIOU":
            out += [*(["UW"] if name == "UW" else []), *(name + stress for stress in "012")]
        else:
            out.append(name)
    return out


_CLASSES = _classes()
_START, _STOP, _LONGEST = 2, 3, 30
_MARKS = {"1": "ˈ", "2": "ˌ"}

Array = npt.NDArray[np.float32]


class LetterToSound:
    """The network. Loading takes 3 MB of memory; a word takes about a millisecond per letter."""

    def __init__(self, weights: Path) -> None:
        with np.load(weights) as stored:
            self._w: dict[str, Array] = {name: stored[name] for name in stored.files}
        self.say = lru_cache(4096)(self._say)

    def _step(self, side: str, x: Array, h: Array) -> Array:
        """One step of a gated recurrent unit (Cho et al. 2014, in the form with a reset gate after the product)."""
        w, size = self._w, h.size
        given = w[f"{side}_w_ih"] @ x + w[f"{side}_b_ih"]
        kept = w[f"{side}_w_hh"] @ h + w[f"{side}_b_hh"]
        reset, update = np.split(1 / (1 + np.exp(-(given[: 2 * size] + kept[: 2 * size]))), 2)
        fresh = np.tanh(given[2 * size :] + reset * kept[2 * size :])
        out: Array = (1 - update) * fresh + update * h
        return out

    def _say(self, word: str) -> str:
        """Phonemes of a word of the letters a-z, in misaki's American symbols."""
        h: Array = np.zeros(self._w["enc_w_hh"].shape[1], np.float32)
        for letter in [*word, "</s>"]:
            h = self._step("enc", self._w["enc_emb"][_LETTERS.index(letter)], h)
        out: list[str] = []
        last = _START
        for _ in range(_LONGEST):
            h = self._step("dec", self._w["dec_emb"][last], h)
            last = int(np.argmax(self._w["fc_w"] @ h + self._w["fc_b"]))
            if last == _STOP:
                break
            out.append(_CLASSES[last])
        return "".join(_symbol(c) for c in out if not c.startswith("<"))


def _symbol(arpabet: str) -> str:
    base, stress = (arpabet[:-1], arpabet[-1]) if arpabet[-1].isdigit() else (arpabet, "")
    if stress == "0":
        return {"AH": "ə", "ER": "əɹ", "IY": "i"}.get(base, _SYMBOLS[base])
    return _MARKS.get(stress, "") + _SYMBOLS[base]
