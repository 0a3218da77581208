"""HTML and Markdown made plain: what a reader would see, for speech and subtitles."""

from __future__ import annotations

import html
import re

_BREAKS = re.compile(r"</?(?:p|div|br|h[1-6]|li|ul|ol|tr|table|section|article|blockquote|hr|pre)\b[^<>]*>", re.I)
_HIDDEN = re.compile(r"<!--.*?-->|<(script|style)\b[^<>]*>.*?</\1\s*>", re.I | re.S)
_TAG = re.compile(
    r"</?(?:a|abbr|b|big|body|button|center|cite|code|col|del|details|dd|dl|dt|em|figure|font|footer|form|head|header|"
    r"html|i|iframe|img|input|ins|kbd|label|link|main|mark|meta|nav|option|q|s|samp|select|small|source|span|strike|"
    r"strong|sub|summary|sup|svg|tbody|td|tfoot|th|thead|title|tt|u|var|video|audio|canvas|script|style|textarea|!doctype)"
    r"(?:\s[^<>]*)?/?>",
    re.I,
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});", re.I)
_POWER = re.compile(r"<sup>\s*([^<>]{1,12}?)\s*</sup>", re.I)


def strip_html(text: str) -> str:
    """Without tags, comments and scripts, with entities as the characters they stand for."""
    if "<" in text:
        text = _POWER.sub(r"^{\1}", _HIDDEN.sub(" ", text))
        text = _BREAKS.sub("\n", text)
        text = _TAG.sub("", text)
    return _ENTITY.sub(_character, text) if "&" in text else text


def _character(m: re.Match[str]) -> str:
    found = html.unescape(m.group())
    return " " if found in ("\xa0", "\u2002", "\u2003", "\u2009", "\u200b", "\xad") else found


def strip_markdown(text: str) -> str:
    """Markdown as language models write it, made plain."""
    text = re.sub(r"```\w*\n?|`", "", text)
    text = re.sub(r"!?\[([^\]]*)\]\((?:[^()]|\([^()]*\))*\)", r"\1", text)
    text = re.sub(r"^\s{0,3}(?:#{1,6}\s+|[-*+•]\s+|>\s?)", "", text, flags=re.M)
    text = re.sub(
        r"^\s*\|?(?:\s*:?-{3,}:?\s*\|)+(?:\s*:?-{3,}:?\s*)?$|^\s*(?:-{3,}|\*{3,}|_{3,})\s*$", "", text, flags=re.M
    )
    text = re.sub(r"^\s*\|(.*?)\|\s*$", lambda m: m[1].strip().replace("|", ","), text, flags=re.M)
    text = re.sub(r"^\s*\[[ xX]\]\s+", "", text, flags=re.M)
    return re.sub(
        r"(?<!\*)\*{1,3}(?!\s)([^*\n]+?)(?<!\s)\*{1,3}(?!\*)|(?<!\w)_{1,2}([^_\n]+)_{1,2}(?!\w)|~~([^~]+)~~",
        r"\1\2\3",
        text,
    )


def plain(text: str) -> str:
    """Without HTML and Markdown."""
    return strip_markdown(strip_html(text))
