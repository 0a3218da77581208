"""A clause made ready to be said: in words, with what cannot be said named."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.common import markup
from services.common.clauses import ClauseSplitter
from services.common.pronunciation import Pronunciation
from services.common.script import main_language, without_addresses
from services.tts.text.dictionary import MARK, Dictionary
from services.tts.text.normalise import in_words
from services.tts.text.script import LeftOut, is_neutral, leave_out


@dataclass(frozen=True)
class PreviewClause:
    """How a clause is said."""

    text: str
    spoken: str
    language: str
    """``zh`` or ``en``: whose rules it follows."""
    marked: str
    """``spoken`` with the marks of the dictionary in place of its words."""
    pronunciation: str = ""
    """Empty where the engine cannot tell."""
    left_out: tuple[LeftOut, ...] = ()
    ignored: tuple[Pronunciation, ...] = ()
    """Entries of the dictionary that it should follow and the engine cannot."""


def prepare(
    text: str, asked: str, dictionary: Dictionary, before: str = "", said: str = "", rules: str = ""
) -> PreviewClause:
    """A clause in words, by the language that was ``asked`` for, or by its script where that is empty.

    A clause of digits or an address only follows the language of what was ``said`` before it, else ``before``, the
    voice's. ``rules``: the language of
    the whole clause, when ``text`` is a part of it.
    """
    text_only = re.sub(f"[{MARK}]", "", text)
    sayable, left_out = leave_out(dictionary.mark(text_only), keep_kanji=bool(asked))
    if not rules:
        rules = asked or _language(dictionary.unmark(sayable), before, said)
    marked, signs = in_words(sayable, rules)
    return PreviewClause(text, dictionary.unmark(marked), rules, marked, left_out=(*left_out, *signs))


def _language(text: str, voice: str, said: str) -> str:
    plain = re.sub(r"\\[A-Za-z]+", " ", without_addresses(markup.plain(text)))
    if said and is_neutral(plain, with_names=True):
        return said
    if is_neutral(plain):
        return said or voice or ("zh" if re.search("[，。、；：！？（）]", plain) else "en")
    return main_language(plain)


def preview(text: str, language: str, dictionary: Dictionary, voice: str = "") -> list[PreviewClause]:
    """The clauses of a text in words. ``voice``: the voice's language, for texts that have none of their own."""
    out: list[PreviewClause] = []
    for clause in split_clauses(text):
        out.append(prepare(clause, language, dictionary, before=voice, said=out[-1].language if out else ""))
    return out


def split_clauses(text: str) -> list[str]:
    """The clauses in which a whole text comes from the gateway; joined they give the text again."""
    splitter = ClauseSplitter()
    out = [*splitter.feed(text), *splitter.flush()]
    rest = text[sum(map(len, out)) :]
    return [*out[:-1], out[-1] + rest] if out else [text]
