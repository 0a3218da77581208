"""Chinese sentences that a speaker has not finished, found with the parts of speech of jieba."""

from __future__ import annotations

import logging
import re
from functools import cache
from typing import Any

from services.asr.sentence_words import words_of

Tagged = list[tuple[str, str]]
"""Words and their parts of speech, as jieba names them."""

_OPEN = re.compile(
    "(因为|由于|所以|但是|可是|不过|而且|并且|如果|要是|假如|那么|然后|就是|就是说|比如|比如说|例如|关于|对于|根据|还有|以及|或者|或|和|跟|与|及|"
    "把|被|给|向|从|在|对|让|叫|为了|除了|通过|虽然|只要|只有|不管|无论|当|的|得|地|这个|那个|一个|一种|这种|那种|什么样的|哪个|哪种|"
    "我想|我想问|我想问一下|我想知道|我要|我觉得|我认为|你能不能|能不能|可不可以|会不会|要不要|想不想|有没有|是不是|请问|请|麻烦你|告诉我|"
    "帮我|帮忙|教我|为我|替我|"
    "嗯|呃|额|那|这|我|你|他|她|它|我们|你们|是|有|想|要|会|能|可以|应该|需要|怎么|如何|怎样)$"
)
_PRONOUNS = words_of("zh", "pronouns")
"""Of these, what a sentence may end with behind a verb: 请发给我."""
_EITHER = frozenset("我你他她它是有想要会能的得") | {
    "我们",
    "你们",
    "可以",
    "会不会",
    "要不要",
    "想不想",
    "有没有",
    "是不是",
}
"""Of these, what a question may end with: 你认识他？ 你到底会不会？"""
_ALONE = words_of("zh", "alone")
_PARTICLES = re.compile(
    "(吗|呢|吧|么|嘛|(?<!有)没有|(?<!可不)(?<!也)可以|(?<!会)不会|(?<!能)不能|(?<!要)不要|(?<!想)不想|谢谢|再见|好的|"
    "(?<!也)是的|不是|真的|对的|行的|会的|可以的|一样的|对不对|是不是啊|好不好|行不行|什么|谁|哪里|哪儿|多少|几点|怎么样|为什么|怎么办)$"
)
_IT_IS_SO = re.compile("是[^，。]*(关于|从|在|属于|[\u4e00-\u9fff])[^，。]*的$")
_QUESTION = re.compile(
    "什么|怎么|怎样|如何|为何|哪|谁|几[个点天年月次分号岁]|多少|多久|多长|多大|多高|多远|多快|能不能|可不可以|是不是|有没有|会不会|要不要|好不好|([\u4e00-\u9fff])[不没]\\1"
)
_BIDS = re.compile(
    "^请?(你|你们)?(给|帮|跟|和|为)?(我|我们|大家)?(讲|说|介绍|解释|告诉|播放|唱|打开|关|翻译|重复|推荐|写|念|读|发|订|查|找|提醒)"
)
_SUBORDINATE = re.compile(
    "^(每次|每当|因为|由于|如果|要是|假如|虽然|既然|只要|只有|除非|自从|当|尽管|即使|无论|不管|一旦|为了|等)"
)
_MAIN = re.compile("所以|就|才|那|但|都|也|还|怎么|吗|呢|什么|多少")
_COVERBS = words_of("zh", "coverbs")
_NEVER_MAIN = words_of("zh", "never_main")
_NO_VERB = words_of("zh", "no_verb")
_MODAL = words_of("zh", "modal")
_INTENDS = _MODAL | frozenset(["打算", "准备", "决定", "开始", "计划"])
_HOW = ("怎么", "如何", "怎样")
_CLAUSE_FOLLOWS = words_of("zh", "clause_follows")


@cache
def _tagger() -> Any:
    import jieba  # takes a second and 130 MB
    import jieba.posseg

    jieba.setLogLevel(logging.WARNING)
    jieba.initialize()
    return jieba.posseg.lcut


def load() -> None:
    """Load the dictionary, so that the first sentence does not wait for it."""
    _tagger()("你好")


def _clauses(text: str) -> list[str]:
    return [c for c in re.split(r"[,，。.!！?？;；、\s]+", text) if c]


def is_closed(text: str) -> bool:
    """Whether the last words end a sentence: 吗, 好的, 是关于隐私的."""
    last = _clauses(text)[-1]
    if last in _ALONE or last.startswith("谢谢"):
        return True
    if _IT_IS_SO.search(last) and not last.startswith(("这是", "就是说")) and not _SUBORDINATE.search(last):
        return len(last) > 4
    return bool(_PARTICLES.search(last)) and not (len(_clauses(text)) == 1 and _waits_for_main(last))


def is_unfinished(text: str, is_marked: bool) -> bool:
    """Whether more must follow. ``is_marked``: a question mark was recognised, which also happens in mid-sentence."""
    clauses = _clauses(text)
    last = clauses[-1]
    words = _tagged(last)
    if (found := _OPEN.search(last)) and not (is_marked and found.group() in _EITHER and found.group() != last):
        is_object = found.group() in _PRONOUNS and len(words) > 2 and (_is_verb(*words[-2]) or words[-2][0] == "给")
        if not is_object:
            return True
    if len(clauses) == 1 and _waits_for_main(last):
        return True
    return _dangles(words)


def _waits_for_main(clause: str) -> bool:
    """A subordinate clause that nothing follows: 因为我明天要出差."""
    found = _SUBORDINATE.search(clause)
    if found is None:
        return False
    return not _MAIN.search(clause[found.end() :])


def asks(text: str) -> bool:
    """Whether it asks something, and has what it asks about, or bids something."""
    last = _clauses(text)[-1]
    found = _QUESTION.search(last)
    if found is None:
        return bool(_BIDS.search(last)) and len(last) > 3 and has_predicate(text)
    return has_predicate(text) or len(last) - found.end() <= 2


def has_predicate(text: str) -> bool:
    """Whether the last clause says something, and is not a mere noun with what belongs to it."""
    words = _tagged(_clauses(text)[-1])
    if any(w in _HOW for w, _ in words[:-1]):
        return True  # what follows is a verb, whatever jieba takes it for
    verbs = [i for i, (w, f) in enumerate(words) if _is_verb(w, f)]
    of = max((i for i, (w, f) in enumerate(words) if w == "的" and f == "uj"), default=-1)
    if of > 0 and not any(v > of for v in verbs):  # "… 的 noun"
        if _is_verb(*words[of - 1]) and not any(w in _MODAL for w, _ in words[:of]):
            return len(verbs) > 1  # 我昨天买的手机 says nothing, 我喜欢你做的菜 does
        return bool(verbs)
    return bool(verbs)


def _tagged(clause: str) -> Tagged:
    return [(str(p.word), str(p.flag)) for p in _tagger()(clause)]


def _is_verb(word: str, flag: str) -> bool:
    return (
        word in _MODAL
        or word in ("多", "少")
        or (flag[0] in "vailz" and word not in _NO_VERB and word[0] not in "这那比")
    )


def _dangles(words: Tagged) -> bool:
    """Whether what a coverb, or a verb of thinking, calls for has not come yet: 我想把上个星期, 我觉得你们的产品."""
    calls = _COVERBS | _CLAUSE_FOLLOWS
    at = max((i for i, (w, f) in enumerate(words) if w in calls and f[0] in "pvcd"), default=-1)
    after = words[at + 1 :]
    if at < 0 or not after or after[0][0] in ("了", "过", "着") or any(_is_verb(w, f) for w, f in after):
        return False
    if words[at][0] in _NEVER_MAIN | _CLAUSE_FOLLOWS:
        return True
    before = words[at - 1] if at else ("", "-")
    return not (_is_verb(*before) or before[1] == "d") or before[0] in _INTENDS
