"""Whether a speaker who pauses has finished, judged by the words so far.

A sentence is unfinished after words that cannot end one (因为, the), while it has no predicate (我们学校的图书馆, my
sister in London), or when a subordinate clause stands alone (if I upload a photo). A question, a request or a closing
particle ends one. Another statement may go on or not. The sound is not asked: smart-turn v3.2 was tried on the
sentences of ``benchmarks.endpointing`` and did not tell hesitations from ends, least of all in Chinese.
"""

from __future__ import annotations

import re

from services.asr import turn_end_en, turn_end_zh

COMPLETE, OPEN = 0.7, 0.4
"""From ``COMPLETE`` on an utterance is taken for finished; below ``OPEN`` it is not."""
_UNFINISHED, _NO_PREDICATE, _STATEMENT, _FINISHED = 0.1, 0.3, 0.6, 0.9

_HAN = re.compile("[\u4e00-\u9fff]")


def load() -> None:
    """Load what is needed for Chinese, which takes a second."""
    turn_end_zh.load()


def completeness(text: str) -> float:
    """How complete an utterance sounds, 0 to 1; 0 for no words."""
    plain = re.sub(r"[\s,，.。、;；:：…~\"'”’-]+$", "", text.strip()).lower()
    words = re.sub(r"[?？!！\"'”’\s]+$", "", plain)
    if not words:
        return 0.0
    is_question = plain != words
    sentence = turn_end_zh if _HAN.search(words) else turn_end_en
    if sentence.is_closed(words):
        return _FINISHED
    if sentence.is_unfinished(words, is_question):
        return _UNFINISHED
    if is_question or sentence.asks(words):
        return _FINISHED
    return _STATEMENT if sentence.has_predicate(words) else _NO_PREDICATE
