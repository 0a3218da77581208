"""Reads the common part of SSML 1.1. Documents come from anybody: no document types, no entities of their own."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser
from pypinyin.contrib.tone_convert import to_tone3

from services.common.errors import HuashengError
from services.common.pronunciation import Pronunciation, checked
from services.gateway.studio.say_as import as_said
from services.gateway.studio.script_pieces import FASTEST, SLOWEST, ScriptWriter, tidy_space

_ROOT = re.compile(r"\s*(?><\?xml[^<>]*>\s*|<!--.*?-->\s*)*+<speak(?=[\s/>])", re.S)
_OWN_TAG = re.compile(
    r"</?(?:speak|break|say-as|prosody|phoneme|emphasis|voice|lang)(?=[\s/>])"
    r"|<sub\s[^<>]*\balias\b|<mark\s[^<>]*\bname\b|<audio\s[^<>]*\bsrc\b"
)
"""Tags that no HTML has."""
_ANY_TAG = re.compile(r"<(/?)([A-Za-z][\w:-]*)[^<>]*>")
_STRAY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[0-9A-Fa-f]+);)|<(?![A-Za-z/!?])")
_STAND_INS = str.maketrans({"\ufdd0": "&", "\ufdd1": "<"})
"""Characters that no text has, one for one, so that places in the text stay what they are."""
_STRENGTHS = {"none": 0.0, "x-weak": 0.1, "weak": 0.25, "medium": 0.5, "strong": 0.8, "x-strong": 1.2}
_RATES = {"x-slow": 0.5, "slow": 0.8, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.5}
_SENTENCES = {"p", "s", "paragraph", "sentence"}
_UNSPOKEN = {"metadata", "meta", "desc", "lexicon"}
_PINYIN = {"pinyin", "x-pinyin", "py"}
_FAULTS = {
    2: ("it cannot be read here", "这里无法解析"),
    3: ("nothing is there", "没有内容"),
    4: (
        "a character cannot stand here; & is written &amp;, < is written &lt;",
        "此处字符无效；& 应写作 &amp;，< 应写作 &lt;",
    ),
    5: ("a tag does not end", "标签没有结束"),
    7: ("the closing tag does not fit the open one, or is missing", "结束标签与开始标签不匹配或缺失"),
    8: ("an attribute stands twice", "属性重复"),
    9: ("something follows after the end", "结尾之后还有内容"),
    11: ("an entity is not known", "实体未定义"),
    27: ("a prefix is not declared", "前缀未声明"),
}
"""What the parser's numbers mean, for people."""


def is_ssml(text: str) -> bool:
    """Whether a text is SSML, with its root or without; HTML and texts that merely hold a ``<`` are not."""
    if _ROOT.match(text) or _OWN_TAG.search(text):
        return True
    tags = [(m[1], m[2]) for m in _ANY_TAG.finditer(text)]
    opened = sum(not closing for closing, _ in tags)
    return bool(tags) and {name for _, name in tags} <= {"p", "s"} and 2 * opened == len(tags)


def read_ssml(text: str, language: str, writer: ScriptWriter) -> None:
    """Write what a text says. ``language``: ``zh`` or ``en``, for ``say-as``. Raises ``ssml-broken``."""
    text = text.removeprefix("\ufeff")
    if (at := text.find("<!DOCTYPE")) >= 0:
        raise _document_type(text[:at])
    head = ""
    if _ROOT.match(text):
        # the declaration names an encoding, which a str does not have
        text = re.sub(r"\A\s*<\?xml[^<>]*>", lambda m: " " * len(m.group()), text)
    else:
        head = "<speak>"
        text = _STRAY.sub(lambda m: "\ufdd0" if m.group() == "&" else "\ufdd1", text)
    parser = DefusedXMLParser(target=_Reader(writer, language), forbid_dtd=True)
    try:
        parser.feed(head + text + ("</speak>" if head else ""))
        parser.close()
    except ParseError as e:
        line, column = e.position
        raise _broken(line, column + 1 - (len(head) if line == 1 else 0), *_FAULTS.get(e.code, _FAULTS[2])) from e
    except DefusedXmlException as e:
        raise _document_type("") from e


def _document_type(before: str) -> HuashengError:
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return _broken(line, column, "a document type is not accepted", "不接受文档类型声明")


def _broken(line: int, column: int, what: str, what_zh: str) -> HuashengError:
    return HuashengError("ssml-broken", line=line, column=column, what=what, what_zh=what_zh)


@dataclass
class _Element:
    name: str
    attributes: dict[str, str]
    rate: float
    """Of what comes before and after it."""
    text: list[str] | None = field(default=None)
    """What stands in it, where that is said as a whole."""


class _Reader:
    """Called by the parser; no recursion, however deep a document is."""

    def __init__(self, writer: ScriptWriter, language: str) -> None:
        self._writer, self._language = writer, language
        self._open: list[_Element] = []
        self._data: list[str] = []
        self._whole: _Element | None = None
        self._unspoken = 0
        self._as_whole: dict[str, Callable[[_Element, str], None]] = {
            "sub": self._sub,
            "say-as": self._say_as,
            "phoneme": self._phoneme,
        }

    def data(self, data: str) -> None:
        self._data.append(data)

    def _take_data(self) -> None:
        text, self._data = tidy_space("".join(self._data)).translate(_STAND_INS), []
        if self._unspoken or not text:
            return
        if self._whole is not None and self._whole.text is not None:
            self._whole.text.append(text)
            return
        if text[0] == " ":
            self._writer.space()
        self._writer.say(text.lstrip(" "))

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._take_data()
        name = tag.rpartition("}")[2].lower()
        element = _Element(
            name, {k.rpartition("}")[2].lower(): v.strip() for k, v in attributes.items()}, self._writer.rate
        )
        self._open.append(element)
        if name in _UNSPOKEN:
            self._unspoken += 1
        elif name in _SENTENCES:
            self._writer.end_sentence()
            if "lang" in element.attributes:
                self._unknown(element, "lang")
        elif name == "break":
            self._break(element)
        elif name == "prosody":
            self._prosody(element)
        elif name in self._as_whole and self._whole is None:
            element.text, self._whole = [], element
        elif name not in ("speak", *self._as_whole):
            self._unknown(element)

    def end(self, _tag: str) -> None:
        self._take_data()
        element = self._open.pop()
        if element.name in _UNSPOKEN:
            self._unspoken -= 1
        elif element.name in _SENTENCES:
            self._writer.end_sentence()
        elif element.text is not None:
            self._whole = None
            text = "".join(element.text)
            if text[:1] == " ":
                self._writer.space()
            if text.strip():
                self._as_whole[element.name](element, text.strip())
            if text[-1:] == " ":
                self._writer.space()
        self._writer.rate = element.rate

    def close(self) -> None:
        self._take_data()

    def _unknown(self, element: _Element, attribute: str = "") -> None:
        value = f' {attribute}="{element.attributes[attribute][:40]}"' if attribute else ""
        self._writer.warn("ssml-unknown", f"<{element.name}{value}>")

    def _break(self, element: _Element) -> None:
        if "time" in element.attributes:
            time = re.fullmatch(r"\+?(\d{1,9}(?:\.\d{1,9})?|\.\d{1,9})\s*(ms|s)", element.attributes["time"])
            if not time:
                self._unknown(element, "time")
                return
            seconds = float(time[1]) / (1000 if time[2] == "ms" else 1)
        else:
            strength = element.attributes.get("strength", "medium")
            if strength not in _STRENGTHS:
                self._unknown(element, "strength")
            seconds = _STRENGTHS.get(strength, _STRENGTHS["medium"])
        if seconds:
            self._writer.pause(seconds, f'<break time="{element.attributes.get("time", "")}">')

    def _prosody(self, element: _Element) -> None:
        for name in element.attributes:
            if name != "rate":
                self._unknown(element, name)
        written = element.attributes.get("rate", "medium")
        number = re.fullmatch(r"([+-]?)(\d{1,4}(?:\.\d{1,4})?)(%?)", written)
        if written in _RATES:
            rate = _RATES[written]
        elif number and number[3]:
            percent = float(number[2])
            rate = (percent if not number[1] else 100 + percent * (1 if number[1] == "+" else -1)) / 100
        elif number and not number[1]:
            rate = float(number[2])
        else:
            self._unknown(element, "rate")
            return
        rate *= element.rate
        within = min(max(rate, SLOWEST), FASTEST)
        if abs(within - rate) > 1e-6:
            self._writer.warn("rate-clamped", f'<prosody rate="{written}">')
        self._writer.rate = round(within, 3)

    def _sub(self, element: _Element, text: str) -> None:
        if alias := tidy_space(element.attributes.get("alias", "")):
            self._writer.say_for(text, alias)
        else:
            self._unknown(element)
            self._writer.say(text)

    def _say_as(self, element: _Element, text: str) -> None:
        kind = element.attributes.get("interpret-as", "").lower()
        said = as_said(text, kind, element.attributes.get("format", ""), self._language)
        if said is None:
            self._unknown(element, "interpret-as" if kind else "")
        self._writer.say_for(text, text if said is None else said)

    def _phoneme(self, element: _Element, text: str) -> None:
        alphabet, say = element.attributes.get("alphabet", "ipa").lower(), element.attributes.get("ph", "")
        entry: Pronunciation | None = None
        try:
            if alphabet == "ipa":
                entry = checked(text, f"/{say.strip('/')}/", "en")
            elif alphabet in _PINYIN:
                entry = checked(text, _numbered(say), "zh")
        except HuashengError:
            entry = None
        if entry is None:
            self._unknown(element, "ph" if say else "")
        self._writer.say_for(text, text, entry)


def _numbered(pinyin: str) -> str:
    """Pinyin with tone marks or tone numbers, with numbers."""
    return " ".join(
        s if s[-1:].isdecimal() else to_tone3(s, neutral_tone_with_five=True) for s in pinyin.replace("-", " ").split()
    )
