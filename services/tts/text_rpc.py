"""Texts, dictionaries and warnings between the contracts and the engines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from huasheng.tts.v1 import tts_pb2

from services.common.errors import HuashengError
from services.common.pronunciation import MAX_ENTRIES, Pronunciation, checked
from services.tts.text.dictionary import Dictionary
from services.tts.text.prepare import PreviewClause
from services.tts.text.script import LeftOut

MAX_WARNINGS = 20
"""Warnings of one answer."""


def dictionary(entries: Sequence[tts_pb2.Pronunciation]) -> Dictionary:
    """The dictionary of a request. Raises ``dictionary-full`` and what ``pronunciation.checked`` raises."""
    if len(entries) > MAX_ENTRIES:
        raise HuashengError("dictionary-full", limit=MAX_ENTRIES)
    return Dictionary([checked(e.word, e.say, e.language) for e in entries])


def warnings(left_out: Iterable[LeftOut], ignored: Iterable[Pronunciation]) -> list[tts_pb2.TextWarning]:
    """One warning for each thing that should have been said, then for each word not said as wanted, in order."""
    found = dict.fromkeys(("left-out", x.text, x.script) for x in left_out if x.script)
    found |= dict.fromkeys(("entry-ignored", x.word, "") for x in ignored)
    return [tts_pb2.TextWarning(reason=r, text=t, script=s) for r, t, s in [*found][:MAX_WARNINGS]]


def preview_response(clauses: list[PreviewClause]) -> tts_pb2.PreviewResponse:
    """What an engine tells of a text."""
    return tts_pb2.PreviewResponse(
        clauses=[
            tts_pb2.PreviewClause(
                text=c.text,
                spoken=c.spoken,
                language=c.language,
                pronunciation=c.pronunciation,
                left_out=[x.text for x in c.left_out],
            )
            for c in clauses
        ],
        warnings=warnings((x for c in clauses for x in c.left_out), (x for c in clauses for x in c.ignored)),
    )
