"""The viseme of each phoneme, in the alphabet of our speech engine (IPA as misaki writes it, en and zh).

A viseme has an ``opening`` (0 lips together, 1 wide as in "ah"), a ``width`` (-1 rounded as in "oo", 0 at rest, 1
spread as in "ee") and a ``hold``: its dominance over its neighbours (Cohen and Massaro 1993). Openings are those of the
inner lips, so they already fall with rounding and rise with spreading.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from services.render.types import PhonemeSpan


@dataclass(frozen=True)
class Viseme:
    """One mouth shape."""

    opening: float
    width: float
    hold: float


REST = Viseme(0.0, 0.0, 1.0)
PAUSE = Viseme(0.3, 0.0, 1.0)
"""Between phrases people breathe in through nose and mouth (Lester and Hoit 2014), so the lips stay parted."""

_GROUPS: tuple[tuple[str, Viseme], ...] = (
    ("aɑ", Viseme(1.0, 0.1, 1.0)),
    ("æ", Viseme(0.95, 0.45, 1.0)),
    ("ʌɐ", Viseme(0.7, 0.1, 0.8)),
    ("əᵊ", Viseme(0.4, 0.05, 0.35)),
    ("ɤ", Viseme(0.5, 0.15, 0.8)),
    ("ɚɜ", Viseme(0.4, -0.25, 0.7)),
    ("ɛe", Viseme(0.7, 0.5, 0.9)),
    ("ɪᵻɨ", Viseme(0.45, 0.5, 0.7)),
    ("i", Viseme(0.35, 0.85, 1.0)),
    ("ɯɰ", Viseme(0.3, 0.25, 0.7)),
    ("ɔɒ", Viseme(0.65, -0.45, 1.0)),
    ("o", Viseme(0.45, -0.65, 1.0)),
    ("ʊ", Viseme(0.28, -0.55, 0.8)),
    ("u", Viseme(0.12, -0.95, 1.1)),
    ("y", Viseme(0.1, -0.9, 1.1)),
    ("øœ", Viseme(0.3, -0.65, 0.9)),
    ("mbp", Viseme(0.0, 0.0, 2.0)),
    ("fvʋ", Viseme(0.02, 0.1, 1.6)),
    ("ɸβ", Viseme(0.0, -0.4, 1.4)),
    ("wɥ", Viseme(0.05, -0.95, 1.3)),
    ("θð", Viseme(0.25, 0.15, 0.7)),
    ("tdnɖɳʈɲ", Viseme(0.22, 0.15, 0.4)),
    ("lʎ", Viseme(0.35, 0.15, 0.45)),
    ("szʦʣ", Viseme(0.08, 0.35, 0.8)),
    ("ʃʒʧʤ", Viseme(0.2, -0.5, 1.0)),
    ("ʂꭧɻʐ", Viseme(0.2, -0.35, 0.9)),
    ("ɕʨʥʝç", Viseme(0.18, 0.55, 0.8)),
    ("j", Viseme(0.25, 0.55, 0.6)),
    ("ɹrɽ", Viseme(0.18, -0.4, 0.8)),
    ("ɾT", Viseme(0.3, 0.1, 0.3)),
    ("kɡgxhŋqχɣcɟɴʁ", Viseme(0.35, 0.0, 0.25)),
    ("ʔ", Viseme(0.3, 0.0, 0.15)),
)
VISEMES: dict[str, Viseme] = {symbol: viseme for symbols, viseme in _GROUPS for symbol in symbols}

COMPOUND_SYMBOLS: dict[str, str] = {"A": "eɪ", "I": "aɪ", "O": "oʊ", "Q": "əʊ", "W": "aʊ", "Y": "ɔɪ", "S": "ʃ"}
"""Symbols that stand for a sequence of others."""
BILABIAL = frozenset("mbp")
LABIODENTAL = VISEMES["f"]
SILENT_SYMBOLS = frozenset(' ;:,.!?—…"()“”')
"""Symbols of silence. Speech runs through a short space between words."""
MODIFIERS = frozenset("ˈˌːʰʲ̃ᵝ↓→↗↘")
"""Marks of stress, length and tone: they lengthen the preceding sound."""
MIN_REST_US = 120_000
"""A pause shorter than this does not bring the mouth to rest."""
PARTED_PAUSE_US = 350_000
"""Time for which lips stay parted after speech; then they close."""


@dataclass(frozen=True)
class TimedViseme:
    """A viseme with its start and end, in microseconds."""

    viseme: Viseme
    start_us: int
    end_us: int
    closes: bool = False
    """True when the lips must meet."""
    after_speech: bool = False
    """True for a silence that follows speech."""


def timed_visemes(spans: Iterable[PhonemeSpan], previous: list[TimedViseme] | None = None) -> list[TimedViseme]:
    """Visemes of phoneme spans, in order, appended to ``previous`` (which is changed and returned).

    A symbol without an entry counts as the weakest consonant.
    """
    visemes: list[TimedViseme] = [] if previous is None else previous
    for span in spans:
        symbols = [
            symbol
            for character in span.phoneme
            for symbol in COMPOUND_SYMBOLS.get(character, character)
            if symbol not in MODIFIERS
        ]
        if not symbols:
            if span.phoneme and visemes:  # a mark alone lengthens what came before
                visemes[-1] = replace(visemes[-1], end_us=span.end_us)
            elif not span.phoneme:
                _append_rest(visemes, span.start_us, span.end_us)
            continue
        length = (span.end_us - span.start_us) / len(symbols)
        for index, symbol in enumerate(symbols):
            start, end = round(span.start_us + index * length), round(span.start_us + (index + 1) * length)
            if symbol in SILENT_SYMBOLS:
                _append_rest(visemes, start, end)
            else:
                visemes.append(TimedViseme(VISEMES.get(symbol, VISEMES["ʔ"]), start, end, symbol in BILABIAL))
    return visemes


def _append_rest(visemes: list[TimedViseme], start: int, end: int) -> None:
    if visemes and visemes[-1].viseme is REST and visemes[-1].end_us >= start:
        visemes[-1] = replace(visemes[-1], end_us=end)
    else:
        after = bool(visemes) and visemes[-1].viseme is not REST and visemes[-1].end_us >= start
        visemes.append(TimedViseme(REST, start, end, after_speech=after))
