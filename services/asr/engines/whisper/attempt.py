"""One decoding of a window by whisper, and whether it can be believed: rules without the model.

Whisper on the short encoder window often stops after a word, or runs in a circle, when the speech is short and of
telephone quality; with a hint before the text it may write the hint, or its first characters, instead of what was said.
Such texts have a low mean log probability, few characters for the time, or pieces of the hint in them.
The thresholds are those of ``python -m benchmarks.telephone``.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

HOME = ("zh", "en")
"""The languages that are told apart by default."""
HINT = {"zh": "以下是普通话的句子。"}
"""Text that is put before the first try: makes whisper write simplified characters with punctuation."""
SURE = -1.0
"""Mean log probability a token from which a text on the short window is believed."""
FEWEST_PER_S = 2.0
"""Chinese characters or words a second from which it is believed; slower speech costs a second try."""
_LANGUAGE_SURE = 0.5  # a language that is less probable is looked for again on the whole window
_OTHER_LANGUAGE = 0.8  # a clip is taken as neither Chinese nor English only when the model is this sure
_REPETITIVE = 2.4  # zlib ratio above which a text repeats itself (whisper's own threshold)
_CIRCLE = re.compile(r"(.{1,12}?)\1{4,}")  # five times the same: too short for zlib to notice
_NO_SPEECH = 0.6
_UNSURE = -1.0  # mean log probability under which a window that whisper doubts to be speech is dropped
_UNIT = re.compile(r"[㐀-鿿]|[^\W_㐀-鿿]+")


@dataclass(frozen=True)
class Attempt:
    """A text (simplified, tidy) and what whisper thinks of it."""

    text: str
    language: str
    score: float
    """Mean log probability of its tokens, at most 0."""
    no_speech: float
    """Probability that there is no speech at all, 0 to 1."""
    hinted: bool = False
    """Whether the hint stood before it."""

    @property
    def loops(self) -> bool:
        """Whether the text runs in a circle."""
        return is_repetitive(self.text)

    @property
    def is_speech(self) -> bool:
        """Whether there are words, and no doubt that somebody said them."""
        return bool(self.text) and not self.loops and not (self.no_speech > _NO_SPEECH and self.score < _UNSURE)


def is_repetitive(text: str) -> bool:
    """Whether a text is a loop: it compresses much better than speech does, or says a thing five times in a row."""
    data = text.encode()
    return len(data) > 40 and (len(data) / len(zlib.compress(data)) > _REPETITIVE or bool(_CIRCLE.search(text)))


def units(text: str) -> list[str]:
    """Chinese characters and words of other scripts, lower case, without punctuation."""
    return _UNIT.findall(text.lower())


def echoes_hint(text: str, language: str) -> bool:
    """Whether any two characters of the hint that follow each other are in the text, or it is how the hint begins."""
    hint = "".join(units(HINT.get(language, "")))
    said = "".join(units(text))
    return bool(said) and (hint.startswith(said) or any(hint[i : i + 2] in said for i in range(len(hint) - 1)))


def may_be_shown(attempt: Attempt) -> bool:
    """Whether a text may be shown while somebody speaks: half a sentence may, the hint may not."""
    return (
        attempt.is_speech
        and "\ufffd" not in attempt.text
        and not (attempt.hinted and echoes_hint(attempt.text, attempt.language))
    )


def is_doubtful(
    attempt: Attempt,
    language_probability: float | None,
    seconds: float,
    sure: float = SURE,
    fewest_per_s: float = FEWEST_PER_S,
) -> bool:
    """Whether the first try must be made again on the whole window.

    ``language_probability``: None when the caller named the language. ``seconds``: length of the speech.
    """
    return (
        not may_be_shown(attempt)
        or attempt.score < sure
        or (language_probability is not None and language_probability < _LANGUAGE_SURE)
        or len(units(attempt.text)) < fewest_per_s * seconds
    )


def best(attempts: Sequence[Attempt]) -> Attempt:
    """The attempt to be believed: the surest one that is speech. A text with the hint before it is taken only where one
    without says the same words, for its punctuation: so the hint is never shown. No words when none is speech."""
    plain = [a for a in attempts if not a.hinted and a.is_speech]
    if not plain:
        return Attempt("", attempts[0].language, 0.0, 1.0)
    surest = max(plain, key=lambda a: a.score)
    for hinted in (a for a in attempts if a.hinted and a.is_speech and a.language == surest.language):
        if units(hinted.text) == units(surest.text):
            return hinted
    return surest


def choose_language(probabilities: dict[str, float]) -> tuple[str, float]:
    """The language of a window: Chinese or English unless the model is very sure of another one."""
    best = max(probabilities, key=lambda k: probabilities[k])
    if probabilities[best] < _OTHER_LANGUAGE:
        best = max(HOME, key=lambda k: probabilities.get(k, 0.0))
    return best, probabilities.get(best, 0.0)
