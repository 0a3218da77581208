"""English sentences that a speaker has not finished, found by their function words and common verbs."""

from __future__ import annotations

import re

from services.asr.sentence_words import sayings_of, words_of

_OPEN = re.compile(
    r"\b(the|a|an|to|of|and|or|but|so|because|if|when|while|that|which|who|whose|is|are|was|were|am|be|been|with|for|"
    r"from|in|on|at|by|about|into|than|as|like|my|your|his|her|its|our|their|this|these|those|some|any|every|very|"
    r"really|i|you|he|she|we|they|it's|i'm|you're|um|uh|er|hmm|well|can you|could you|would you|will you|do you|"
    r"did you|i want|i need|i would|i'd like|i think|tell me|let me|what's|how about|what about|such as|for example|"
    r"has|have|had|will|would|can|could|should|must|does|do|did|not|don't|doesn't|just|also|only|between|without|"
    r"through|under|over|before|after|during|until|since|though|although|whether|where|why|how|what|more|other|"
    r"another|each|no matter)$"
)
_MAY_END = re.compile(
    r"\b(is|are|was|were|be|been|it|do|did|does|can|could|will|would|should|have|has|had|not|for|from|"
    r"about|with|at|on|in|to|like|you|this|these|those|that|what|why|how|where|who|well|really|more|before|after|over|other|any|some|so|also|through|another|each)$"
)
"""What a question may end with: what is it for?"""
_ALONE = sayings_of("en", "alone")
_SUBORDINATE = re.compile(
    r"^(the (first|last|next) time|(every|each) (single )?time|if|when|whenever|because|while|since|although|though|"
    r"unless|once|as soon as|as long as|before|after)\b"
)
_QUESTION = re.compile(
    r"^(and |but |so |well |okay |ok |then )*(what|who|whom|whose|which|when|where|why|how|is|are|was|were|am|do|does|"
    r"did|can|could|will|would|shall|should|may|has|have|had|isn't|aren't|don't|doesn't|didn't|can't|won't|wouldn't)\b"
)
_AUXILIARIES = words_of("en", "auxiliaries")
_SUBJECT_WITHOUT_VERB = re.compile(
    r"\b(do|does|did|can|could|will|would|should|have|has|had) (i|you|he|she|we|they|it)$"
)
_RELATIVE = re.compile(r"^(the |a |an |all |any |some |most )?\w+ (who|which|that) ")
_SUBJECTS = words_of("en", "subjects")
_VERBS = words_of("en", "verbs")
_CONTRACTED = re.compile(r"'(s|re|ve|ll|m|d)$|n't$")
_BIDS = words_of("en", "bids")
_NOUN_PLACE = words_of("en", "noun_place")
"""After these a word is a noun: the book, a call."""


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:['’][^\W_]+)?", text.replace("’", "'"))


def is_closed(text: str) -> bool:
    """Whether it is a whole saying: thank you."""
    return text.rsplit(", ", 1)[-1].strip() in _ALONE or text in _ALONE


def is_unfinished(text: str, is_marked: bool) -> bool:
    """Whether more must follow. ``is_marked``: the recogniser wrote a question mark."""
    is_asking = is_marked or asks(text)
    if _SUBJECT_WITHOUT_VERB.search(text):
        return True
    if _OPEN.search(text) and not (is_asking and _MAY_END.search(text) and len(_words(text)) > 2):
        return True
    if _RELATIVE.search(text) and not is_asking:
        return len(_verbs(_words(text))) < 2
    if _SUBORDINATE.search(text) and not is_asking:
        main = text.rpartition(",")[2] if "," in text else ""
        return not _verbs(_words(main)) and len(_verbs(_words(text))) < 2
    return False


def asks(text: str) -> bool:
    """Whether it asks or bids something: when did it, not when it did."""
    words = _words(text)
    if len(words) > 2 and words[words[0] == "please"] in _BIDS:
        return True
    if words and words[0] in ("when", "while") and (len(words) < 2 or words[1] not in _AUXILIARIES):
        return False
    return bool(_QUESTION.search(text)) and len(words) > 2


def has_predicate(text: str) -> bool:
    """Whether it has a verb: my sister in London has none."""
    return bool(_verbs(_words(text)))


def _verbs(words: list[str]) -> list[int]:
    """Where the verbs are, as far as they are known, or stand behind a subject."""
    found = []
    for i, word in enumerate(words):
        before = words[i - 1] if i else ""
        is_known = word in _VERBS or (i > 0 and word.endswith("ed") and len(word) > 4)
        follows = before in _SUBJECTS and word not in _NOUN_PLACE and before not in ("this", "these", "that", "there")
        contracted = bool(_CONTRACTED.search(word)) and (
            not word.endswith("'s") or word[:-2] in _SUBJECTS | {"what", "how", "here", "let"}
        )
        if contracted or (before not in _NOUN_PLACE and (is_known or follows)):
            found.append(i)
    return found
