"""What of a model's text is to be spoken: its thinking is not."""

from __future__ import annotations

_OPEN, _CLOSE = "<think>", "</think>"


class Spoken:
    """Drops ``<think>…</think>`` blocks wherever they stand, however they are cut into pieces.

    A closing tag alone means that the server's template had opened the block itself and the thinking came as text:
    too late to take it back, but ``stray`` is set.
    """

    def __init__(self) -> None:
        self._held = ""
        self._thinking = False
        self._trim = True  # white space would lead here, or be doubled by a block taken out
        self._last = " "
        self.thought = self.stray = False

    def feed(self, text: str) -> str:
        """What of this piece, and of what was held back before, is to be spoken now."""
        self._held += text
        out = ""
        while self._held:
            if self._thinking:
                before, found, rest = self._held.partition(_CLOSE)
                self._held = rest if found else before[len(before) - _unfinished(before, _CLOSE) :]
                if not found:
                    break
                self._thinking = False
                continue
            tag = min((t for t in (_OPEN, _CLOSE) if t in self._held), key=self._held.index, default="")
            if not tag:
                held = max(_unfinished(self._held, t) for t in (_OPEN, _CLOSE))
                out += self._say(self._held[: len(self._held) - held])
                self._held = self._held[len(self._held) - held :]
                break
            before, _, self._held = self._held.partition(tag)
            out += self._say(before)
            self._thinking = tag == _OPEN
            self._trim = self._last.isspace()
            self.thought = True
            self.stray = self.stray or tag == _CLOSE
        return out

    def end(self) -> str:
        """What was held back because it might have become a tag."""
        rest, self._held = self._held, ""
        return "" if self._thinking else self._say(rest)

    def _say(self, text: str) -> str:
        if self._trim:
            text = text.lstrip()
        if text:
            self._trim, self._last = False, text[-1]
        return text


def _unfinished(text: str, tag: str) -> int:
    """How many characters at the end of ``text`` may be the beginning of ``tag``."""
    return next((n for n in range(min(len(tag) - 1, len(text)), 0, -1) if text.endswith(tag[:n])), 0)
