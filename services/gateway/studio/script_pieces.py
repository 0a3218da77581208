"""What a scene's text consists of: stretches that are said, and pauses between them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from services.common.pronunciation import Pronunciation
from services.common.script import HAN, has_words
from services.gateway.turn.events import TextWarning

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 10.0
SLOWEST, FASTEST = 0.5, 2.0
MARK = re.compile(
    r"[\[［【]\s*(?:pause|停顿|停頓)[\s:：=]*(\d{1,6}(?:\.\d{1,6})?|\.\d{1,6})\s*(ms|毫秒|s|sec|seconds?|秒)?\s*[\]］】]",
    re.I,
)
_CLOSING = re.compile(r"[\s，。！？；：、…,.!?;:”’）】》」』)\]]+")


@dataclass(frozen=True)
class Replaced:
    """A place of ``Said.text`` that is written otherwise."""

    start: int
    end: int
    shown: str
    """As subtitles show it."""


@dataclass(frozen=True)
class Said:
    """A stretch without markup that is spoken in one go."""

    text: str
    """To speak."""
    rate: float = 1.0
    """How fast, 0.5 to 2, as a multiple of the scene's own speed."""
    replaced: tuple[Replaced, ...] = ()
    """In their order, apart from each other."""
    pronunciations: tuple[Pronunciation, ...] = ()
    """Of words in it; they go before those of the user's dictionary."""

    @property
    def shown(self) -> str:
        """As subtitles show it."""
        return self.shown_between(0, len(self.text))

    def shown_between(self, start: int, end: int) -> str:
        """What subtitles show for ``text[start:end]``. Stretches that follow each other give ``shown`` when joined:
        what a replaced place shows belongs to the stretch in which the place begins."""
        out, at = [], start
        for place in self.replaced:
            if place.start >= end:
                break
            if start <= place.start:
                out += [self.text[at : place.start], place.shown]
            at = max(at, place.end)
        return "".join([*out, self.text[at:end]])


@dataclass(frozen=True)
class Pause:
    """Silence, 0.1 to 10 s."""

    seconds: float


@dataclass(frozen=True)
class Script:
    """A scene's text, read. Neighbours that are both ``Said`` differ in their rate."""

    pieces: list[Said | Pause]
    warnings: list[TextWarning] = field(default_factory=list)
    """``pause-clamped``, ``rate-clamped`` and ``ssml-unknown``, each thing once, as it is written."""


@dataclass
class _Open:
    """A stretch that is being written: (to speak, to show) one after the other."""

    rate: float
    parts: list[tuple[str, str]] = field(default_factory=list)
    pronunciations: list[Pronunciation] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(spoken for spoken, _ in self.parts)

    def said(self) -> Said:
        places, at = [], 0
        for spoken, shown in self.parts:
            if spoken != shown:
                places.append(Replaced(at, at + len(spoken), shown))
            at += len(spoken)
        return _stripped(Said(self.text, self.rate, tuple(places), tuple(self.pronunciations)))


def _stripped(said: Said) -> Said:
    cut = len(said.text) - len(said.text.lstrip())
    places = tuple(replace(p, start=max(p.start - cut, 0), end=p.end - cut) for p in said.replaced)
    return replace(said, text=said.text.strip(), replaced=places)


class ScriptWriter:
    """Takes what is said and the pauses in their order; ``finish`` gives the script."""

    def __init__(self) -> None:
        self._pieces: list[_Open | Pause] = []
        self._open = _Open(1.0)
        self._warnings: dict[tuple[str, str], None] = {}

    @property
    def rate(self) -> float:
        """How fast the text that comes next is said."""
        return self._open.rate

    @rate.setter
    def rate(self, rate: float) -> None:
        if rate != self._open.rate:
            self._close(rate)

    def warn(self, reason: str, written: str) -> None:
        """Note something that is not done as it is written."""
        self._warnings[reason, written] = None

    def say(self, text: str) -> None:
        """Text that is shown as it is said; pauses in brackets are understood."""
        at = 0
        for mark in MARK.finditer(text):
            self._say(text[at : mark.start()])
            seconds = float(mark[1]) / (1000 if (mark[2] or "").lower() in ("ms", "毫秒") else 1)
            self.pause(seconds, mark.group())
            at = mark.end()
        self._say(text[at:])

    def _say(self, text: str, shown: str | None = None) -> None:
        if text:
            self._open.parts.append((text, text if shown is None else shown))

    def say_for(self, shown: str, text: str, pronunciation: Pronunciation | None = None) -> None:
        """``text`` is said where ``shown`` is written."""
        if pronunciation and any(p.word == pronunciation.word for p in self._open.pronunciations):
            # an entry holds for all of a stretch: the word that is said otherwise begins one of its own
            known = next(p for p in self._open.pronunciations if p.word == pronunciation.word)
            if known != pronunciation:
                self._close(self._open.rate)
        if pronunciation and pronunciation not in self._open.pronunciations:
            self._open.pronunciations.append(pronunciation)
        self._say(text, shown)

    def space(self) -> None:
        """White space, unless there is some or the stretch begins here."""
        if (parts := self._open.parts) and not parts[-1][0][-1].isspace():
            self._say(" ")

    def end_sentence(self) -> None:
        """The end of a paragraph or sentence, whatever its punctuation."""
        if (parts := self._open.parts) and not parts[-1][0].endswith("\n"):
            self._say("\n")

    def pause(self, seconds: float, written: str) -> None:
        """Silence; what is out of range is brought into it, and named."""
        within = min(max(seconds, SHORTEST_PAUSE_S), LONGEST_PAUSE_S)
        if within != seconds:
            self.warn("pause-clamped", written)
        self._close(self._open.rate)
        self._pieces.append(Pause(round(within, 3)))

    def _close(self, rate: float) -> None:
        if self._open.parts:
            self._pieces.append(self._open)
        self._open = _Open(rate)

    def finish(self) -> Script:
        """All that was written. What has no words to be said (a full stop after a pause) goes with the words before."""
        self._close(1.0)
        pieces: list[_Open | Pause] = []
        for piece in self._pieces:
            before = next((p for p in reversed(pieces) if isinstance(p, _Open)), None)
            if isinstance(piece, _Open):
                _give_back(piece, before)
                if not has_words(piece.text):
                    continue
                if before is not None and pieces[-1] is before and _continues(before, piece):
                    before.parts += piece.parts
                    before.pronunciations += [p for p in piece.pronunciations if p not in before.pronunciations]
                    continue
            pieces.append(piece)
        said = [p if isinstance(p, Pause) else p.said() for p in pieces]
        return Script(said, [TextWarning(reason, text, "") for reason, text in self._warnings])


def _continues(before: _Open, piece: _Open) -> bool:
    words = {p.word: p for p in before.pronunciations}
    return before.rate == piece.rate and all(words.get(p.word, p) == p for p in piece.pronunciations)


def _give_back(piece: _Open, before: _Open | None) -> None:
    """Punctuation at the start belongs to the words before, and so does a stretch without words."""
    spoken, shown = piece.parts[0]
    if not has_words(piece.text):
        if before is not None:
            before.parts += piece.parts
    elif spoken == shown and (closing := _CLOSING.match(spoken)):
        piece.parts[0] = (spoken[closing.end() :],) * 2
        if before is not None and (mark := closing.group().strip()):
            last, last_shown = before.parts[-1]
            before.parts[-1] = (last.rstrip(), last_shown.rstrip())
            before.parts.append((mark, mark))


def tidy_space(text: str) -> str:
    """White space as it counts in XML: one space, or none between Chinese characters at the end of a line."""
    text = re.sub(r"\s+", lambda m: "\n" if "\n" in m.group() else " ", text)
    text = re.sub(rf"(?<=[{HAN}，。！？；：、])\n(?=[{HAN}])", "", text)
    return text.replace("\n", " ")
