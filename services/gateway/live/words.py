"""What words mean for a live conversation: whether a text is new, whether it interrupts."""

from __future__ import annotations

import logging
import re
import unicodedata

log = logging.getLogger("huasheng.gateway.live")

_LISTENING_SOUNDS = """
嗯 嗯嗯 嗯哼 啊 哦 噢 喔 呃 额 唔 哎 哈 哈哈 呵呵 对 对对 对对对 是 是的 好 好的 行 没错 明白 懂了
mm mmm mmhm mhm hm hmm uh um uhhuh huh ah aha oh ok okay yeah yep yes yup right sure isee haha
"""
_BACKCHANNELS = frozenset(_LISTENING_SOUNDS.split())
_STOPS = (
    *(
        "停",
        "停下",
        "停一下",
        "别说了",
        "等等",
        "等一下",
        "打住",
        "够了",
        "行了",
        "闭嘴",
        "安静",
        "慢着",
        "不对",
        "错了",
    ),
    *("stop", "wait", "holdon", "hangon", "enough", "quiet", "shutup", "pause", "excuseme"),
)


_UNITS = re.compile(r"[\u4e00-\u9fff]|[^\W_\u4e00-\u9fff]+")
"""Chinese characters one by one, words of other scripts."""


def normalised(text: str) -> str:
    """Letters, digits and Chinese characters alone, in lower case."""
    plain = unicodedata.normalize("NFKC", text).lower()
    return "".join(c for c in plain if unicodedata.category(c)[0] in "LN")


def is_stop(text: str) -> bool:
    """Whether the avatar is asked to be silent: "等一下", "stop"."""
    return normalised(text).startswith(_STOPS)


def ends_with_stop(text: str) -> bool:
    """Whether the last words ask the avatar to be silent, whatever was heard before them."""
    return normalised(text).endswith(_STOPS)


def is_backchannel(text: str) -> bool:
    """Whether it is nothing, or a sound of listening on which nobody stops talking: "嗯", "yeah"."""
    plain = normalised(text)
    return plain not in _STOPS and (plain in _BACKCHANNELS or not _others(text))


def says_little(text: str) -> bool:
    """Whether it has at most one word besides sounds of listening: what recognisers make of coughs and hums."""
    return not is_stop(text) and len(_UNITS.findall(" ".join(_others(text)))) < 2


def _others(text: str) -> list[str]:
    """The parts of a text that are no sounds of listening."""
    parts = (normalised(p) for p in re.split(r"[\s,，。.!！?？、~…-]+", text))
    return [p for p in parts if p and p not in _BACKCHANNELS]


def joined(first: str, second: str) -> str:
    """Two parts of one question."""
    first, second = first.strip(), second.strip()
    if not first or not second:
        return first or second
    first = re.sub(r"[。.!！?？…]+$", "", first)
    is_chinese = "\u4e00" <= first[-1:] <= "\u9fff"
    return f"{first}，{second}" if is_chinese else f"{first} {second}"


def heard(clauses: list[tuple[str, int, int]], heard_us: int) -> str:
    """The part of clauses (text, start, end in µs) that was heard; the last one is cut in proportion."""
    out = ""
    for text, start, end in clauses:
        if end <= heard_us:
            out += text
            continue
        if heard_us > start:
            part = text[: round(len(text) * (heard_us - start) / max(1, end - start))]
            if " " in text and len(part) < len(text):
                part = part.rpartition(" ")[0]  # whole words
            out += part
        break
    return out.strip()


def unheard(reply: str, said: str) -> str:
    """What follows the words that were said: the beginning of ``reply``, less spaces and what is not spoken."""
    place = 0
    for c in said:
        if c.isspace():
            continue
        found = reply.find(c, place)
        if found < 0:
            log.warning("what was said is no part of the answer")  # it is said again rather than left out
            return reply.strip()
        place = found + 1
    return reply[place:].strip()
