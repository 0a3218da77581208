"""The words of a scene and when each is said."""

from __future__ import annotations

import re
from bisect import bisect_left

from huasheng.common.v1 import common_pb2

from services.common.script import HAN, main_language
from services.gateway.studio.types import SpokenScene, Word
from services.gateway.studio.words_aligned import owners
from services.gateway.studio.words_paced import paced, voiced
from services.gateway.studio.words_written import cores, shown, split_words
from services.gateway.turn.events import SpokenClause

_STRONG, _WEAK = re.compile(r"[。！？!?…；;\n]|\.(?:\s|$)"), re.compile(r"[，、：,:—]")
_PAUSES = (1.5, 0.7)
"""How long a pause at the end of a sentence and within it is, in syllables."""


def words_of(scene: SpokenScene) -> list[Word]:
    """The words of a scene in order, each within its clause; where phonemes are known, with their times.

    Without phonemes (recordings, engines that know none) what is not silent of a clause is shared out by syllables.
    """
    out: list[Word] = []
    spans = sorted(scene.spans, key=lambda s: s.start_us)
    starts = [s.start_us for s in spans]
    for clause in _whole(scene.clauses):
        text = shown(clause.text)
        if not cores(text):
            if out and text:  # punctuation alone: shown with the word before, as it is
                out[-1] = Word(out[-1].text + text, out[-1].start_s, out[-1].end_s)
            continue
        if clause.text[-1:].isspace():
            text += " "
        written = split_words(text)
        first, last = (bisect_left(starts, round(t * 1e6) - 1) for t in (clause.start_s, clause.end_s))
        sounds = spans[first:last]
        if any(s.phoneme for s in sounds):
            out += _heard(written, sounds, clause, main_language(text))
        else:
            stretches = voiced(scene.pcm, scene.rate_hz, clause.start_s, clause.end_s)
            out += paced(written, [max(syllables(w), 0.5) for w in written], stretches)
    return out


def _whole(clauses: list[SpokenClause]) -> list[SpokenClause]:
    """Clauses that each have text: those without extend the one before."""
    out: list[SpokenClause] = []
    for c in clauses:
        if c.text.strip():
            out.append(c)
        elif out:
            out[-1] = SpokenClause(out[-1].text, out[-1].start_s, c.end_s)
    return out


def _heard(written: list[str], sounds: list[common_pb2.PhonemeSpan], clause: SpokenClause, language: str) -> list[Word]:
    """Words from the sounds that belong to them; a word without any stands, for no time, where it would be."""
    while len(sounds) > 1 and not sounds[0].phoneme:
        sounds = sounds[1:]
    while len(sounds) > 1 and not sounds[-1].phoneme:
        sounds = sounds[:-1]
    owner = owners(written, [s.phoneme for s in sounds], language)
    out, at = [], max(clause.start_s, sounds[0].start_us / 1e6)
    for k, text in enumerate(written):
        own = [s for s, o in zip(sounds, owner, strict=True) if o == k]
        while own and not own[-1].phoneme:  # the silence after a word
            own.pop()
        start = max(at, own[0].start_us / 1e6) if own else at
        end = min(clause.end_s, own[-1].end_us / 1e6) if own else at
        out.append(Word(text, min(start, clause.end_s), max(min(start, clause.end_s), end)))
        at = out[-1].end_s
    return out


def syllables(word: str) -> float:
    """About how many syllables a word has."""
    han = len(re.findall(f"[{HAN}]", word))
    digits = sum(c.isdecimal() for c in word)
    signs = len(re.findall(r"[%℃$¥￥€£+=]", word))
    each = 2.0 if re.search(r"\d,\d", word) else 1.4  # thousands and hundreds are said
    other = sum(c.isalpha() for c in word) - han
    latin = re.findall(r"[a-z]+", word.lower())
    groups = sum(max(1, len(re.findall(r"[aeiouy]+", w.removesuffix("e")))) if len(w) > 1 else 1 for w in latin)
    return han + each * digits + 2 * signs + groups + 0.6 * max(0, other - sum(len(w) for w in latin))


def spread(written: list[str], start_s: float, end_s: float) -> list[Word]:
    """Words shared out over a time by their syllables; pauses at punctuation but for the end."""
    heavy = [max(syllables(w), 0.5) for w in written]
    pauses = [_PAUSES[0] if _STRONG.search(w) else _PAUSES[1] if _WEAK.search(w) else 0.0 for w in written]
    pauses[-1] = 0.0
    unit = (end_s - start_s) / (sum(heavy) + sum(pauses))
    out, done = [], 0.0
    for text, h, p in zip(written, heavy, pauses, strict=True):
        begin, done = done, done + h
        out.append(Word(text, start_s + begin * unit, min(end_s, start_s + done * unit)))
        done += p
    return out
