"""Whether a speaker who pauses has finished: judged by the last words.

Words that cannot end a sentence are sure, and cost nothing. Some may end one or not (他, 会, 的): with a question
mark, or in a phrase that is complete (不会, 真的), they do.
"""

from __future__ import annotations

import re

COMPLETE = 0.5
"""From here on an utterance is taken for complete."""
_OPEN, _UNKNOWN, _CLOSED = 0.1, 0.6, 0.9

_OPEN_ZH = re.compile(
    "(因为|所以|但是|可是|不过|而且|并且|如果|要是|假如|那么|然后|就是|就是说|比如|比如说|例如|关于|对于|根据|还有|以及|或者|或|和|跟|与|及|"
    "把|被|给|向|从|在|对|让|叫|为了|除了|虽然|只要|只有|不管|无论|当|的|得|地|这个|那个|一个|这种|那种|什么样的|"
    "我想|我想问|我想问一下|我想知道|我要|我觉得|我认为|你能不能|能不能|可不可以|请问|请|帮我|麻烦你|告诉我|"
    "嗯|呃|额|那|这|我|你|他|她|它|我们|你们|是|有|想|要|会|能)$"
)
_EITHER_ZH = frozenset("我你他她它是有想要会能的得给") | {"我们", "你们"}
"""Of these, what a question may end with: 你认识他？"""
_CLOSED_ZH = re.compile(
    "(吗|呢|吧|么|了|啊|呀|谢谢|再见|好的|是的|不是|没有|可以|(?<!会)不会|(?<!能)不能|(?<!要)不要|(?<!想)不想|真的|对的|行的|会的|可以的|一样的|什么|谁|哪里|哪儿|多少|几点|怎么样|为什么|怎么办)$"
)
_OPEN_EN = re.compile(
    r"\b(the|a|an|to|of|and|or|but|so|because|if|when|while|that|which|who|whose|is|are|was|were|am|be|been|with|for|from|"
    r"in|on|at|by|about|into|than|as|like|my|your|his|her|its|our|their|this|these|those|some|any|every|very|really|"
    r"i|you|he|she|we|they|it's|i'm|you're|um|uh|er|hmm|well|can you|could you|would you|will you|do you|did you|"
    r"i want|i need|i would|i'd like|i think|tell me|let me|what's|how about|what about|such as|for example)$"
)
_QUESTION = re.compile(r"[?？!！]\s*$")


def completeness(text: str) -> float:
    """How complete an utterance sounds by its words, 0 to 1; 0 for none."""
    plain = re.sub(r"[\s,，.。、;；:：…~-]+$", "", text.strip()).lower()
    words = re.sub(r"[?？!！\"'”’]+$", "", plain)
    if not words:
        return 0.0
    is_question = bool(_QUESTION.search(plain))
    last = _OPEN_ZH.search(words)
    if last and not _CLOSED_ZH.search(words) and not (is_question and last.group() in _EITHER_ZH):
        return _OPEN
    if _OPEN_EN.search(words) and not is_question:
        return _OPEN
    if is_question or _CLOSED_ZH.search(words):
        return _CLOSED
    return _UNKNOWN
