"""What was recognised in a film, as sentences: a recogniser gives stretches between pauses, not sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence

from services.gateway.dubbing.table import Line
from services.gateway.studio.types import Word
from services.gateway.studio.words_written import is_wide

SHORTEST_S, LONGEST_S = 1.0, 12.0
PAUSE_S = 1.0
"""A silence that ends a sentence, whatever is written."""
_END = re.compile(r"(?:[。！？!?…；;]|(?<![A-Za-z])\.|\w{2}\.)[\"'”’」』）)\]]*\s*$")
_ABBREVIATED = re.compile(r"(?:^|\W)(?:mr|mrs|ms|dr|prof|st|vs|no|inc|ltd|jr|sr)\.\s*$", re.IGNORECASE)
_COMMA = re.compile(r"[，、,：:—][\"'”’]*\s*$")
_COMMA_S = 0.6
"""A comma is as good a place for a break as a silence of so many seconds."""


def spaced(text: str) -> str:
    """A stretch with a space at its end where words have spaces between them: the next one follows it."""
    plain = text.strip()
    return plain if not plain or is_wide(plain[-1]) else plain + " "


def sentences_of(words: Sequence[Word]) -> list[Line]:
    """Sentences of 1 to 12 s, as far as pauses and punctuation allow: fragments are joined, long ones broken at pauses
    and commas. A shorter one stays alone where nobody speaks within a second of it."""
    groups = [part for group in _split(words) for part in _broken(group)]
    lines: list[Line] = []
    for group in _joined(groups):
        text = "".join(w.text for w in group).strip()
        if text:
            lines.append(Line(len(lines), group[0].start_s, group[-1].end_s, text))
    return lines


def _split(words: Sequence[Word]) -> list[list[Word]]:
    out: list[list[Word]] = []
    for word in words:
        last = out[-1][-1] if out else None
        if last is None or _ends(last.text) or word.start_s - last.end_s >= PAUSE_S:
            out.append([])
        out[-1].append(word)
    return out


def _ends(text: str) -> bool:
    return bool(_END.search(text)) and not _ABBREVIATED.search(text)


def _length(group: Sequence[Word]) -> float:
    return group[-1].end_s - group[0].start_s


def _broken(group: list[Word]) -> list[list[Word]]:
    """A sentence that is too long, in pieces: at the longest pause or a comma, rather in the middle."""
    if _length(group) <= LONGEST_S or len(group) < 2:
        return [group]
    middle, half = (group[0].start_s + group[-1].end_s) / 2, _length(group) / 2

    def worth(k: int) -> float:
        pause = group[k].start_s - group[k - 1].end_s + (_COMMA_S if _COMMA.search(group[k - 1].text) else 0.0)
        return pause - abs(group[k].start_s - middle) / half

    at = max(range(1, len(group)), key=worth)
    return [*_broken(group[:at]), *_broken(group[at:])]


def _joined(groups: list[list[Word]]) -> list[list[Word]]:
    """Without pieces that are too short, where one beside them is near."""
    out = [list(g) for g in groups]
    k = 0
    while k < len(out):
        near = [
            (out[b][0].start_s - out[a][-1].end_s, a)
            for a, b in ((k - 1, k), (k, k + 1))
            if a >= 0 and b < len(out) and out[b][-1].end_s - out[a][0].start_s <= LONGEST_S
        ]
        near = [n for n in near if n[0] < PAUSE_S]
        if _length(out[k]) >= SHORTEST_S or not near:
            k += 1
            continue
        _, a = min(near)
        out[a : a + 2] = [out[a] + out[a + 1]]
        k = a
    return out
