"""Subtitles as files (SubRip, WebVTT, Advanced SubStation Alpha) and as the render service draws them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from huasheng.render.v1 import render_pb2

from services.gateway.api.studio_requests import Subtitles
from services.gateway.studio.subtitles import SECOND_SIZE
from services.gateway.studio.types import Cue, Word

SIZES = {"small": 0.04, "medium": 0.05, "large": 0.065}
"""Height of a line's letters, in shares of the video's short side."""
PLACES = {"auto": 0.0, "bottom": 0.9, "top": 0.1}
"""Middle of the text as a share of the height, as in ``render_pb2.Captions``."""
HIGHLIGHT = 0xFFD60A
"""Colour of the word that is being said."""


def _milliseconds(seconds: float) -> int:
    return round(max(seconds, 0) * 1000)


def _clock(seconds: float, point: str) -> str:
    ms = _milliseconds(seconds)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}{point}{ms % 1000:03d}"


def shifted(cues: Iterable[Cue], offset_s: float) -> list[Cue]:
    """The same subtitles, so many seconds later."""

    def later(word: Word) -> Word:
        return Word(word.text, word.start_s + offset_s, word.end_s + offset_s)

    return [
        replace(
            c,
            start_s=c.start_s + offset_s,
            end_s=c.end_s + offset_s,
            lines=tuple(tuple(map(later, line)) for line in c.lines),
        )
        for c in cues
    ]


def rows(cue: Cue) -> list[str]:
    """The lines of a subtitle as text, a second language beneath."""
    return ["".join(w.text for w in line) for line in cue.lines] + list(cue.second)


def srt(cues: list[Cue]) -> str:
    """SubRip."""
    out = []
    for k, cue in enumerate(cues, 1):
        times = f"{_clock(cue.start_s, ',')} --> {_clock(cue.end_s, ',')}"
        out.append("\n".join([str(k), times, *rows(cue)]) + "\n")
    return "\n".join(out)


def vtt(cues: list[Cue]) -> str:
    """WebVTT."""
    out = ["WEBVTT", ""]
    for cue in cues:
        safe = [r.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for r in rows(cue)]
        out += [f"{_clock(cue.start_s, '.')} --> {_clock(cue.end_s, '.')}", *safe, ""]
    return "\n".join(out)


def _hundredths(seconds: float) -> str:
    cs = round(max(seconds, 0) * 100)
    return f"{cs // 360_000}:{cs // 6000 % 60:02d}:{cs // 100 % 60:02d}.{cs % 100:02d}"


def _ass_colour(rgb: int) -> str:
    return f"&H00{rgb & 255:02X}{rgb >> 8 & 255:02X}{rgb >> 16:02X}"


def _ass_text(text: str) -> str:
    # a backslash or a brace would begin a command: a word joiner keeps the one a sign, the other is escaped
    return text.replace("\\", "\\\u2060").replace("{", "\\{").replace("}", "\\}")


def _ass_line(line: tuple[Word, ...], at_s: float, is_sung: bool) -> tuple[str, float]:
    """A line, with the length of each word where words are marked; and when it ends."""
    if not is_sung:
        return "".join(_ass_text(w.text) for w in line), at_s
    out = ""
    for word in line:
        wait, length = (round(100 * max(t, 0)) for t in (word.start_s - at_s, word.end_s - max(at_s, word.start_s)))
        out += (f"{{\\k{wait}}}" if wait else "") + f"{{\\k{length}}}{_ass_text(word.text)}"
        at_s += (wait + length) / 100  # as players count: whole hundredths
    return out, at_s


def ass(cues: list[Cue], options: Subtitles, width: int, height: int) -> str:
    """Advanced SubStation Alpha for a picture of that size: as they would be burned in, and edited further.

    With ``highlight`` words change colour as they are said (karaoke).
    """
    size = round(SIZES[options.size] * min(width, height))
    # the letters of a font fill about 0.7 of what this format calls its size
    main, second = round(size * 1.4), round(size * 1.4 * SECOND_SIZE)
    said, unsaid = (HIGHLIGHT, 0xFFFFFF) if options.highlight else (0xFFFFFF, 0xFFFFFF)
    alignment, margin = (8 if options.place == "top" else 2), round(0.06 * height)
    side, outline = round(0.05 * width), max(1, round(size * 0.07))
    form = f"&H00101010,&H80000000,-1,0,0,0,100,100,0,0,1,{outline},1,{alignment},{side},{side},{margin},1"
    out = [
        "[Script Info]",
        "ScriptType: v4.00+",
        f"PlayResX: {width}",
        f"PlayResY: {height}",
        "WrapStyle: 0",
        "ScaledBorderAndShadow: yes",
        "YCbCr Matrix: TV.709",
        "",
        "[V4+ Styles]",
        "Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, "
        "Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, "
        "MarginR, MarginV, Encoding",
        f"Style: Default,Noto Sans SC,{main},{_ass_colour(said)},{_ass_colour(unsaid)},{form}",
        f"Style: Second,Noto Sans SC,{second},{_ass_colour(0xFFFFFF)},{_ass_colour(0xFFFFFF)},{form}",
        "",
        "[Events]",
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text",
    ]
    for cue in cues:
        lines, at = [], cue.start_s
        for line in cue.lines:
            text, at = _ass_line(line, at, options.highlight)
            lines.append(text)
        lines += [f"{{\\rSecond}}{_ass_text(row)}" for row in cue.second]
        times = f"{_hundredths(cue.start_s)},{_hundredths(cue.end_s)}"
        out.append(f"Dialogue: 0,{times},Default,,0,0,0,," + "\\N".join(lines))
    return "\n".join(out) + "\n"


def captions_message(cues: list[Cue], options: Subtitles, offset_s: float = 0.0) -> render_pb2.Captions:
    """Subtitles as the render service burns them in, so many seconds later."""

    def us(seconds: float) -> int:
        return round((seconds + offset_s) * 1e6)

    def line(words: tuple[Word, ...]) -> render_pb2.CueLine:
        return render_pb2.CueLine(
            words=[render_pb2.CueWord(text=w.text, start_us=us(w.start_s), end_us=us(w.end_s)) for w in words]
        )

    return render_pb2.Captions(
        cues=[
            render_pb2.Cue(
                start_us=us(c.start_s),
                end_us=us(c.end_s),
                lines=[line(words) for words in c.lines],
                second=[line((Word(row, c.start_s, c.end_s),)) for row in c.second],
            )
            for c in cues
        ],
        size=SIZES[options.size],
        place=PLACES[options.place],
        highlight=HIGHLIGHT if options.highlight else 0,
    )
