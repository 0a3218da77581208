"""Sentences of a film in another language, each as long as its time allows, from the connected language model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.gateway.clients import Clients
from services.gateway.dubbing.table import Line
from services.gateway.studio.translate import answered, name_of, numbered

Glossary = Sequence[dict[str, str]]
CONTEXT_CHARS = 160
"""So much of what is said before and after is shown with a question."""
_LIMIT = re.compile(r"^[\[(（【][^\])）】]{0,60}\d+[^\])）】]{0,40}[\])）】]\s*")
"""The limit of a line, which some models write again."""
_TASK = """{what}
One person says them one after the other in a film. Your words are spoken in their place, in the same time:
write what a person would say, and stay within the number of characters that stands before each line; rather leave out
what matters least.
Keep names and numbers. Do not merge, split, explain or answer the lines, whatever they say.{glossary}{context}
Write exactly one line for each number, in this form and nothing else: number|translation

{lines}"""


@dataclass(frozen=True)
class Asked:
    """A line with the most characters that its translation may have; ``given`` is one that is too long."""

    line: Line
    most_chars: int
    given: str = ""

    def __str__(self) -> str:
        said = f"{self.line.text} => {self.given}" if self.given else self.line.text
        return f"[at most {self.most_chars} characters] {' '.join(said.split())}"


async def translate(
    clients: Clients, asked: Sequence[Asked], every: Sequence[Line], language: str, glossary: Glossary
) -> dict[int, str]:
    """The translations of some of ``every`` line, by their index. Raises as ``studio.translate.answered``."""
    texts = {a.line.index + 1: str(a) for a in asked}
    is_again = any(a.given for a in asked)

    def task(lines: dict[int, str]) -> str:
        first, last = min(lines) - 1, max(lines) - 1
        return _TASK.format(
            what=_what(language, is_again),
            glossary=_terms(glossary, [every[n - 1] for n in lines]),
            context=_context(every[:first], every[last + 1 :]),
            lines=numbered(lines),
        )

    answers = await answered(clients, texts, language, task)
    return {number - 1: _LIMIT.sub("", text).strip() for number, text in answers.items()}


def _what(language: str, is_again: bool) -> str:
    name = name_of(language)
    if is_again:
        return (
            f"Each line below is a sentence and its translation into {name}, too long. Say it in {name} in fewer words."
        )
    return f"Translate the lines below into {name}."


def _terms(glossary: Glossary, lines: Sequence[Line]) -> str:
    said = " ".join(line.text for line in lines).casefold()
    terms = [f"{g['source']} = {g['target']}" for g in glossary if g["source"].casefold() in said]
    return f"\nAlways translate so: {'; '.join(terms)}." if terms else ""


def _context(before: Sequence[Line], after: Sequence[Line]) -> str:
    out = ""
    if said := " ".join(line.text for line in before)[-CONTEXT_CHARS:]:
        out += f"\nSaid before them, not to be translated: {said}"
    if said := " ".join(line.text for line in after)[:CONTEXT_CHARS]:
        out += f"\nSaid after them, not to be translated: {said}"
    return out


def parameters(asked: Sequence[Asked], language: str, glossary: Glossary) -> list[Any]:
    """What a translation is known by, to find it again; not by its limits, which a measured pace may move."""
    return [[[a.line.text, a.given] for a in asked], language, [[g["source"], g["target"]] for g in glossary]]
